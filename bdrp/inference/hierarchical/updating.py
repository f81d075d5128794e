"""The posterior as the prior of a target screen: a fit conditioned on a few labelled pairs, in closed form.

The posterior of the means of pairs is Gaussian, with the covariance K of `pair_posterior`. A target screen differs
from the training one by batch effects and in its noise, so for its response y of line l and compound c,

    y = f[l, c] + a + b m + d[c] + e[l] + noise,   f ~ GP(m, k^2 K),   noise variance s^2 times the predicted one,
    a ~ Normal(0, A^2)   b ~ Normal(0, B^2)   d[c] ~ Normal(0, D^2)   e[l] ~ Normal(0, E^2),

m the predicted mean, standardised. Conditioning all of them on n labelled pairs is one solve with an n x n matrix
(Rasmussen & Williams 2006, equations 2.25 and 2.26), and is what conjugate updating of the weights w, v, u and the
offsets would give. The six scales have the highest posterior density: marginal likelihood of the labelled pairs times
log-normal priors, so that twenty pairs move them a little and five hundred decide. Student-t noise is a normal whose
variance is drawn anew for each pair: outliers get their weight by expectation-maximisation (Lange, Little & Taylor
1989).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from bdrp.errors import FitError
from bdrp.features.batch import Inputs, Pairs
from bdrp.inference.hierarchical.pair_posterior import LayerPosterior, match_names
from bdrp.inference.method import Fitted
from bdrp.predictive import StudentT
from bdrp.predictive.distribution import Floats, Scalable

PAIRS_A_PASS: Final = 8_192  # chosen: 500 labelled pairs beside them take 33 MB
ROUNDS: Final = 5  # chosen: weights of outliers settle to a hundredth
NAMES: Final = ("epistemic", "noise", "offset", "slope", "by_drug", "by_line")
MEDIANS: Final = np.log([1.0, 1.0, 0.2, 0.1, 0.2, 0.1])
"""Of the scales' priors; chosen: the model's own epistemic SD and noise, and offsets of a tenth or a fifth of the
responses' SD, about what GDSC1 differs from GDSC2 by."""
DEVIATIONS: Final = np.array([0.4, 0.4, 1.0, 0.5, 1.0, 1.0])
"""SDs of the scales' logs; chosen: these two to half or double, offsets to a seventh or sevenfold, and a slope to
a third, for of twenty pairs an outlier alone would tilt it."""


@dataclass(frozen=True)
class BatchEffects:
    """The batch effects of a target screen; offsets in SDs of the training responses.

    Attributes:
        epistemic: factor on the epistemic SD. noise: factor on the predicted noise SD.
        offset: SD of an offset of all responses. slope: SD of a share of the standardised predicted mean.
        by_drug: SD of a drug's own offset. by_line: of a line's.
    """

    epistemic: float = 1.0
    noise: float = 1.0
    offset: float = 0.0
    slope: float = 0.0
    by_drug: float = 0.0
    by_line: float = 0.0


@dataclass(frozen=True)
class _Rows:
    """What the kernel takes of pairs: their posterior, its factor, standardised mean, noise variance."""

    posterior: LayerPosterior
    factor: Floats
    mean: Floats
    noise: Floats

    def covariance(self, other: _Rows) -> Floats:
        return self.factor[:, None] * self.posterior.covariance(other.posterior) * other.factor


class UpdatedFit:
    """A fit conditioned on labelled pairs of a target screen.

    Args:
        fit: one that `can_update`.
        inputs: drugs and lines of the labelled pairs.
        labelled: n pairs with their responses; none leave everything as it was.
        prior: what is predicted for them: the fit's own distribution, or one with other moments such as recalibrated
            ones, which the covariance is scaled to.
        effects: of the target screen; chosen by the labelled pairs where None.
    """

    def __init__(
        self,
        fit: Fitted,
        inputs: Inputs,
        labelled: Pairs,
        prior: Scalable,
        effects: BatchEffects | None = None,
    ) -> None:
        self.fit, self.batch_effects = fit, effects or BatchEffects()
        self.empty = len(labelled) == 0
        if self.empty:
            return
        self.rows = self._rows(inputs, labelled, prior)
        self.residual = labelled.response.cpu().numpy() - prior.mean
        self.weight = np.ones(len(self.residual))
        evidence = _Evidence(self.rows, self.residual, fit.features.response_std)
        for _ in range(ROUNDS if isinstance(prior, StudentT) else 1):
            if effects is None:
                self.batch_effects = evidence.maximise(self.weight, self.batch_effects)
            self.factor, self.solved = evidence.solve(self.batch_effects, self.weight)
            if isinstance(prior, StudentT):
                self.weight = self._weights(evidence, prior.dof)

    def predict(self, inputs: Inputs, pairs: Pairs, prior: Scalable) -> Scalable:
        """The distribution of N pairs after the update, given what was predicted for them before it."""
        if self.empty:
            return prior
        parts = [
            self._part(inputs, pairs.select(rows), prior[rows.numpy()])
            for rows in torch.arange(len(pairs)).split(PAIRS_A_PASS)
        ]
        mean, epistemic = (np.concatenate(part) for part in zip(*parts, strict=True))
        return prior.with_moments(mean, self.batch_effects.noise * prior.aleatoric_std, np.sqrt(epistemic))

    def _part(self, inputs: Inputs, pairs: Pairs, prior: Scalable) -> tuple[Floats, Floats]:
        """Mean and epistemic variance of some pairs."""
        rows = self._rows(inputs, pairs, prior)
        across = kernel(rows, self.rows, self.batch_effects, self.fit.features.response_std)
        mean = prior.mean + across @ self.solved
        reduction = (across * cho_solve(self.factor, across.T).T).sum(1)
        return mean, np.maximum(_variance(rows, self.batch_effects, self.fit.features.response_std) - reduction, 0.0)

    def _rows(self, inputs: Inputs, pairs: Pairs, prior: Scalable) -> _Rows:
        found, features = _joint(self.fit, inputs, pairs), self.fit.features
        factor = prior.epistemic_std / np.sqrt(np.maximum(found.epistemic, 1e-12))
        return _Rows(found, factor, (prior.mean - features.response_mean) / features.response_std, prior.aleatoric)

    def _weights(self, evidence: _Evidence, dof: float) -> Floats:
        """How far a t's outliers count, (n,): the expected precision of each pair's noise, given its residual."""
        noise = evidence.noise(self.batch_effects, self.weight)
        residual = noise * self.solved  # the noise's share of each residual
        uncertainty = noise - noise**2 * np.diag(cho_solve(self.factor, np.eye(len(noise))))
        core = self.batch_effects.noise**2 * self.rows.noise * (dof - 2) / dof  # the t's scale, not its variance
        return np.asarray((dof + 1) / (dof + (residual**2 + uncertainty) / core) * dof / (dof - 2))


class _Evidence:
    """The log marginal likelihood of n residuals, and the scales that it is highest at."""

    def __init__(self, rows: _Rows, left: Floats, response_std: float) -> None:
        self.rows, self.residual, self.response_std = rows, left, response_std
        self.terms = _covariance_terms(rows, rows, response_std)

    def maximise(self, weight: Floats, start: BatchEffects) -> BatchEffects:
        """The scales of highest posterior density, noise variances divided by weights (n,)."""
        scales = np.array([getattr(start, name) for name in NAMES])
        logs = np.where(scales > 0, np.log(np.maximum(scales, 1e-300)), MEDIANS)
        bounds = list(zip(MEDIANS - 4 * DEVIATIONS, MEDIANS + 4 * DEVIATIONS, strict=True))
        found = minimize(self._loss, logs, (weight,), jac=True, method="L-BFGS-B", bounds=bounds)
        return BatchEffects(*np.exp(found.x).tolist())

    def solve(self, effects: BatchEffects, weight: Floats) -> tuple[tuple[Floats, bool], Floats]:
        """The factor of the covariance of the responses, and its inverse times the residuals."""
        factor = cho_factor(self._covariance(effects, weight), lower=True)
        return factor, np.asarray(cho_solve(factor, self.residual))

    def noise(self, effects: BatchEffects, weight: Floats) -> Floats:
        """(n,) variances."""
        return np.asarray(effects.noise**2 * self.rows.noise / weight)

    def _covariance(self, effects: BatchEffects, weight: Floats) -> Floats:
        return _sum_scaled(self.terms, effects) + np.diag(self.noise(effects, weight))

    def _loss(self, logs: Floats, weight: Floats) -> tuple[float, Floats]:
        """Negative log posterior density of the scales' logs, and its gradient."""
        effects = BatchEffects(*np.exp(logs).tolist())
        factor, solved = self.solve(effects, weight)
        inverse = cho_solve(factor, np.eye(len(solved)))
        prior = (logs - MEDIANS) / DEVIATIONS
        value = np.log(np.diag(factor[0])).sum() + 0.5 * self.residual @ solved + 0.5 * prior @ prior
        slopes = {"noise": self._slope(np.diag(self.noise(effects, weight)), inverse, solved)}
        for name, part in self.terms.items():
            slopes[name] = self._slope(getattr(effects, name) ** 2 * part, inverse, solved)
        return float(value), np.array([slopes[name] for name in NAMES]) + prior / DEVIATIONS

    @staticmethod
    def _slope(part: Floats, inverse: Floats, solved: Floats) -> float:
        """Of half log determinant and half quadratic form, by the log of the part's scale."""
        return float((inverse * part).sum() - solved @ part @ solved)


def _joint(fit: Fitted, inputs: Inputs, pairs: Pairs) -> LayerPosterior:
    """The posterior of pairs.

    Raises:
        FitError: the fit has none that can be updated.
    """
    posterior = fit.posterior_of(inputs, pairs)
    if isinstance(posterior, LayerPosterior):
        return posterior
    raise FitError(
        f"{type(fit).__name__} has no posterior that can be updated: it knows each pair by itself, or a mixture. "
        "Allowed: methods whose fits can_update, such as last_layer. Fit one of these."
    )


def kernel(left: _Rows, right: _Rows, effects: BatchEffects, response_std: float) -> Floats:
    """(n, m) covariance of what is not noise, in the measure's unit squared."""
    return _sum_scaled(_covariance_terms(left, right, response_std), effects)


def _covariance_terms(left: _Rows, right: _Rows, response_std: float) -> dict[str, Floats]:
    """The terms of the covariance, each to be multiplied by its squared scale."""
    one, two = left.posterior, right.posterior
    parts = {
        "epistemic": left.covariance(right),
        "offset": np.ones((len(left.mean), len(right.mean))),
        "slope": np.outer(left.mean, right.mean),
        "by_drug": match_names(one.compounds, two.compounds).astype(np.float64),
        "by_line": match_names(one.lines, two.lines).astype(np.float64),
    }
    return {name: part if name == "epistemic" else response_std**2 * part for name, part in parts.items()}


def _sum_scaled(parts: dict[str, Floats], effects: BatchEffects) -> Floats:
    return np.asarray(sum(getattr(effects, name) ** 2 * part for name, part in parts.items()))


def _variance(rows: _Rows, effects: BatchEffects, response_std: float) -> Floats:
    """(n,) the diagonal of `kernel`."""
    offsets = effects.offset**2 + effects.by_drug**2 + effects.by_line**2
    added = offsets + (effects.slope * rows.mean) ** 2
    known = effects.epistemic**2 * rows.factor**2 * rows.posterior.epistemic
    return np.asarray(known + response_std**2 * added)
