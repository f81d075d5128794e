"""The log marginal likelihood of labelled pairs under batch effects, and the scales that it is highest at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

from bdrp.inference.hierarchical.batch_effects import NAMES, BatchEffects, ScalePrior
from bdrp.inference.hierarchical.censored_sites import Caps, Cavity, Sites, log_tails, refine_sites
from bdrp.inference.hierarchical.pair_posterior import LayerPosterior, match_names
from bdrp.predictive.distribution import Floats, Index

NOISE: Final = NAMES.index("noise")
FAR: Final = 4.0  # chosen: deviations of a log scale's prior, beyond which it is not looked for


@dataclass(frozen=True)
class Rows:
    """What the kernel takes of N pairs.

    Attributes:
        posterior: of the pairs. factor: (N,) that its SD is multiplied by.
        mean: (N,) predicted, standardised. noise: (N,) predicted variance.
    """

    posterior: LayerPosterior
    factor: Floats
    mean: Floats
    noise: Floats

    def __getitem__(self, index: Index) -> Rows:
        """The same for some of the pairs."""
        return Rows(self.posterior[index], self.factor[index], self.mean[index], self.noise[index])

    def covariance(self, other: Rows) -> Floats:
        """(N, M) epistemic covariance, in the measure's unit squared."""
        return self.factor[:, None] * self.posterior.covariance(other.posterior) * other.factor

    def variance(self, effects: BatchEffects, response_std: float) -> Floats:
        """(N,) the diagonal of `kernel` with themselves."""
        known = effects.epistemic**2 * self.factor**2 * self.posterior.epistemic
        return np.asarray(known + response_std**2 * effects.added_variance(self.mean))


@dataclass(frozen=True)
class Labels:
    """Responses of n labelled pairs.

    Attributes:
        residual: (n,) response less predicted mean; of a capped one the cap less predicted mean.
        side: (n,) 1 where the response is known to lie above its cap, -1 where below, 0 where it was measured.
        known: (n,) known variances of the measurements themselves, beside the noise; 0 where not known and at caps.
    """

    residual: Floats
    side: Floats
    known: Floats | float = 0.0


class Evidence:
    """Conditioning on n labelled pairs.

    Capped ones count as sites (`censored_sites`), and outliers of Student-t noise by a weight.

    Args:
        rows: the pairs.
        labels: their responses.
        response_std: SD of the training responses.
        dof: degrees of freedom of the noise; None where it is normal.
        effects: the scales to begin with.
    """

    def __init__(
        self, rows: Rows, labels: Labels, response_std: float, dof: float | None, effects: BatchEffects
    ) -> None:
        self.rows, self.labels, self.dof, self.effects = rows, labels, dof, effects
        self.terms = covariance_terms(rows, rows, response_std)
        self.weight = np.ones(len(labels.residual))
        self.capped = np.flatnonzero(labels.side)
        self.caps = Caps(labels.side[self.capped], labels.residual[self.capped])
        self.sites = Sites(labels.residual.copy(), self._own_noise(effects))
        self._solve()
        self.cavity = self._cavity(*self._expected())

    @property
    def noise(self) -> Floats:
        """(n,) variances about the expected responses, as the conditioning takes them."""
        return self._noise(self.effects)

    @property
    def settles_at_once(self) -> bool:
        """Whether noise is normal and no response is capped, so that one solve is exact."""
        return self.dof is None and not len(self.capped)

    def maximise(self, prior: ScalePrior) -> None:
        """Take the scales of highest posterior density, weights and sites being as they are."""
        median, deviation = prior.median.logs(), prior.log_deviations
        free = np.isfinite(median) & (deviation > 0)
        start = np.where(free & np.isfinite(self.effects.logs()), self.effects.logs(), median)

        def loss(given: Floats) -> tuple[float, Floats]:
            logs = median.copy()
            logs[free] = given
            value, slope = self._loss(BatchEffects(*np.exp(logs).tolist()))
            z = (given - median[free]) / deviation[free]
            return value + 0.5 * float(z @ z), slope[free] + z / deviation[free]

        if free.any():
            reach = FAR * deviation[free]
            bounds = list(zip(median[free] - reach, median[free] + reach, strict=True))
            found = minimize(loss, start[free], jac=True, method="L-BFGS-B", bounds=bounds).x
            logs = median.copy()
            logs[free] = found
            if len(self.capped):  # half a step: sites follow the noise a round later, and whole steps swing
                logs[NOISE] = (logs[NOISE] + self.effects.logs()[NOISE]) / 2
            self.effects = BatchEffects(*np.exp(logs).tolist())
        self._solve()

    def settle(self) -> None:
        """One step of the weights of outliers and of the sites of capped responses."""
        mean, variance = self._expected()
        self.cavity, own, at = self._cavity(mean, variance), self._own_noise(self.effects), self.capped
        if self.dof is not None:
            self.weight = self._weights(self.labels.residual - mean, variance)
        refined = refine_sites(self._capped_sites(), self.caps, own[at], self.cavity)
        self.sites = Sites(self.labels.residual.copy(), own / self.weight)
        self.sites.residual[at], self.sites.variance[at] = refined
        self._solve()

    def _expected(self) -> tuple[Floats, Floats]:
        """Posterior means of the expected responses, less the predicted ones, and their variances, (n,) each."""
        noise = self.noise
        return self.sites.residual - noise * self.solved, noise - noise**2 * np.diag(_inverse(self.factor))

    def _cavity(self, mean: Floats, variance: Floats) -> Cavity:
        return Cavity.of_posterior(mean[self.capped], variance[self.capped], self._capped_sites())

    def _capped_sites(self) -> Sites:
        return Sites(self.sites.residual[self.capped], self.sites.variance[self.capped])

    def _solve(self) -> None:
        """The factor of the covariance of the responses, and its inverse times the residuals."""
        self.factor, self.solved = self._solved(self.effects)

    def _solved(self, effects: BatchEffects) -> tuple[tuple[Floats, bool], Floats]:
        covariance = sum_scaled(self.terms, effects) + np.diag(self._noise(effects))
        factor = cho_factor(covariance, lower=True)
        return factor, np.asarray(cho_solve(factor, self.sites.residual))

    def _own_noise(self, effects: BatchEffects) -> Floats:
        """(n,) variances, whatever the outliers weigh."""
        return np.asarray(effects.noise**2 * self.rows.noise + self.labels.known)

    def _noise(self, effects: BatchEffects) -> Floats:
        """(n,) variances about the expected responses; those of sites do not follow the scale."""
        return np.where(self.labels.side == 0, self._own_noise(effects) / self.weight, self.sites.variance)

    def _weights(self, residual: Floats, variance: Floats) -> Floats:
        """How far a t's outliers count, (n,): the expected precision of each pair's noise, given its residual."""
        assert self.dof is not None
        core = self._own_noise(self.effects) * (self.dof - 2) / self.dof  # the t's scale, not its variance
        found = (self.dof + 1) / (self.dof + (residual**2 + variance) / core) * self.dof / (self.dof - 2)
        return np.where(self.labels.side == 0, found, 1.0)

    def _loss(self, effects: BatchEffects) -> tuple[float, Floats]:
        """Negative log likelihood, and its gradient by the six logs of the scales."""
        factor, solved = self._solved(effects)
        inverse = _inverse(factor)
        tails, by_noise = log_tails(self.caps, self._own_noise(effects)[self.capped], self.cavity)
        value = np.log(np.diag(factor[0])).sum() + 0.5 * self.sites.residual @ solved - tails
        learned = effects.noise**2 * self.rows.noise / self.weight  # what is known does not follow the scale
        noise = np.where(self.labels.side == 0, learned, 0.0)
        slopes = {"noise": float(noise @ (np.diag(inverse) - solved**2)) - by_noise}
        for name, part in self.terms.items():
            scale = getattr(effects, name) ** 2
            slopes[name] = scale * float((inverse * part).sum() - solved @ part @ solved)
        return float(value), np.array([slopes[name] for name in NAMES])


def _inverse(factor: tuple[Floats, bool]) -> Floats:
    """Of the matrix with this lower Cholesky factor, in a third of what solving for the identity takes."""
    if not len(factor[0]):
        return factor[0]
    lower, _ = dpotri(factor[0], lower=1)
    half = np.tril(lower)
    return half + np.tril(half, -1).T


def kernel(left: Rows, right: Rows, effects: BatchEffects, response_std: float) -> Floats:
    """(n, m) covariance of what is not noise, in the measure's unit squared."""
    return sum_scaled(covariance_terms(left, right, response_std), effects)


def covariance_terms(left: Rows, right: Rows, response_std: float) -> Mapping[str, Floats]:
    """The terms of the covariance, each to be multiplied by its squared scale."""
    one, two = left.posterior, right.posterior
    parts = {
        "epistemic": left.covariance(right),
        "offset": np.ones((len(left.mean), len(right.mean))),
        "slope": np.outer(left.mean, right.mean),
        "by_drug": match_names(one.assays, two.assays).astype(np.float64),
        "by_line": match_names(one.lines, two.lines).astype(np.float64),
    }
    return {name: part if name == "epistemic" else response_std**2 * part for name, part in parts.items()}


def sum_scaled(parts: Mapping[str, Floats], effects: BatchEffects) -> Floats:
    """The terms times their squared scales, added up."""
    return np.asarray(sum(getattr(effects, name) ** 2 * part for name, part in parts.items()))
