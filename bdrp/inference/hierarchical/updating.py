"""The posterior as the prior of a target screen: a fit conditioned on a few labelled pairs, in closed form.

The posterior of the means of pairs is Gaussian, with the covariance K of `pair_posterior`, and a target screen differs
from the training one by the batch effects of `batch_effects`. Conditioning all of them on n labelled pairs is one solve
with an n x n matrix (Rasmussen & Williams 2006, equations 2.25 and 2.26), and is what conjugate updating of the weights
w, v, u and the offsets would give. The six scales have the highest posterior density: marginal likelihood of the
labelled pairs times log-normal priors, so that no pair leaves them at the priors' medians, twenty pairs move them a
little and five hundred decide. Student-t noise is a normal whose variance is drawn anew for each pair: outliers get
their weight by expectation-maximisation (Lange, Little & Taylor 1989). A response that stands at a cap is known to lie
there or beyond (Tobin 1958), and counts as the normal observation that is worth as much (`censored_sites`), its noise
being taken for normal.
"""

from __future__ import annotations

from typing import Final, TypeVar, cast

import numpy as np
from scipy.linalg import cho_solve

from bdrp.data.screen import find_caps, replace_capped
from bdrp.errors import FitError
from bdrp.features.batch import Inputs, Pairs
from bdrp.inference.hierarchical.batch_effects import VAGUE, BatchEffects, ScalePrior
from bdrp.inference.hierarchical.conditioned_covariance import ConditionedCovariance
from bdrp.inference.hierarchical.evidence import Evidence, Labels, Rows, kernel
from bdrp.inference.hierarchical.pair_posterior import LayerPosterior
from bdrp.inference.hierarchical.updated_draws import UpdatedDraws
from bdrp.inference.method import Fitted
from bdrp.predictive import StudentT
from bdrp.predictive.distribution import Floats, Scalable
from bdrp.predictive.remapped import Remapped

Rescalable = TypeVar("Rescalable", bound=Scalable | Remapped)
"""What can take other moments: a method's own prediction, recalibrated or not."""

PAIRS_A_PASS: Final = 8_192  # chosen: 500 labelled pairs beside them take 33 MB
ROUNDS: Final = 5  # chosen: weights of outliers settle to a hundredth
CAPPED_ROUNDS: Final = 12  # chosen: sites of capped responses to a hundredth of an SD


class UpdatedFit:
    """A fit conditioned on labelled pairs of a target screen.

    Args:
        fit: one that `can_update`.
        inputs: drugs and lines of the labelled pairs.
        labelled: n pairs with their responses and, if known, limits and SDs of their measurement, whose squares are
            added to the noise of `prior`; with none of them the target differs as `effects`
            or the medians of `scales` say, and nothing more is known of it.
        prior: what is predicted for them: the fit's own distribution, or one with other moments such as recalibrated
            ones, which the covariance is scaled to.
        effects: of the target screen; chosen by the labelled pairs where None.
        scales: priors of them, such as those learned from other laboratories.
    """

    def __init__(
        self,
        fit: Fitted,
        inputs: Inputs,
        labelled: Pairs,
        prior: Scalable,
        effects: BatchEffects | None = None,
        scales: ScalePrior = VAGUE,
    ) -> None:
        self.fit = fit
        self.rows = self._rows(inputs, labelled, prior)
        response, side = read_responses(fit, labelled)
        dof = prior.dof if isinstance(prior, StudentT) else None
        first = effects or scales.median
        known = np.where(side == 0, np.nan_to_num(labelled.response_sd.cpu().numpy()) ** 2, 0.0)
        labels = Labels(response - prior.mean, side, known)
        self.evidence = Evidence(self.rows, labels, fit.features.response_std, dof, first)
        if len(labelled):
            self._condition(None if effects else scales)

    @property
    def batch_effects(self) -> BatchEffects:
        """The scales that were given or found."""
        return self.evidence.effects

    @property
    def weight(self) -> Floats:
        """(n,) how far each labelled pair counts, outliers little."""
        return self.evidence.weight

    def predict(self, inputs: Inputs, pairs: Pairs, prior: Rescalable) -> Rescalable:
        """The distribution of N pairs after the update, given what was predicted for them before it."""
        rows = self._rows(inputs, pairs, prior)
        parts = [self._moments(rows[part]) for part in _passes(len(pairs))]
        shift, epistemic = (np.concatenate(part) for part in zip(*parts, strict=True))
        drawn = UpdatedDraws(self.evidence, rows, self.fit.features.response_std)
        noise = self.batch_effects.noise * prior.aleatoric_std
        moments = prior.mean + shift, noise, np.sqrt(epistemic)
        return cast(Rescalable, prior.with_moments(*moments, drawn))

    def covariance(self, inputs: Inputs, pairs: Pairs, prior: Rescalable) -> ConditionedCovariance:
        """That of N pairs after the update, of which blocks can be asked for."""
        return ConditionedCovariance(self.evidence, self._rows(inputs, pairs, prior), self.fit.features.response_std)

    def _condition(self, scales: ScalePrior | None) -> None:
        """Find scales, weights and sites in turn; scales are as they are where None."""
        rounds = CAPPED_ROUNDS if len(self.evidence.capped) else ROUNDS
        for _ in range(1 if self.evidence.settles_at_once else rounds):
            if scales is not None:
                self.evidence.maximise(scales)
            if not self.evidence.settles_at_once:
                self.evidence.settle()

    def _moments(self, rows: Rows) -> tuple[Floats, Floats]:
        """By how much the means of some pairs move, and their epistemic variance."""
        response_std = self.fit.features.response_std
        variance = rows.variance(self.batch_effects, response_std)
        if not len(self.evidence.solved):
            return np.zeros(len(variance)), variance
        across = kernel(rows, self.rows, self.batch_effects, response_std)
        reduction = (across * cho_solve(self.evidence.factor, across.T).T).sum(1)
        return across @ self.evidence.solved, np.maximum(variance - reduction, 0.0)

    def _rows(self, inputs: Inputs, pairs: Pairs, prior: Rescalable) -> Rows:
        found, features = _joint(self.fit, inputs, pairs), self.fit.features
        factor = prior.epistemic_std / np.sqrt(np.maximum(found.epistemic, 1e-12))
        return Rows(found, factor, (prior.mean - features.response_mean) / features.response_std, prior.aleatoric)


def _passes(count: int) -> list[slice]:
    """At least one, `PAIRS_A_PASS` pairs each."""
    return [slice(start, start + PAIRS_A_PASS) for start in range(0, max(count, 1), PAIRS_A_PASS)]


def read_responses(fit: Fitted, labelled: Pairs) -> tuple[Floats, Floats]:
    """(n,) responses, of capped ones the cap, and on which side of it the true ones lie, as in `find_caps`."""
    parts = (labelled.response, labelled.lower_limit, labelled.upper_limit)
    response, lower, upper = (part.cpu().numpy() for part in parts)
    side = find_caps(response, lower, upper, beyond=fit.censoring_aware)
    return replace_capped(response, lower, upper, side), side


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
