"""A prediction as it must be for another laboratory: wider by what laboratories differ by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bdrp.errors import DataError
from bdrp.features.batch import Features
from bdrp.inference.hierarchical.batch_effects import BatchEffects
from bdrp.predictive import PredictiveDistribution
from bdrp.predictive.distribution import Floats, Index, JointDraws, Scalable
from bdrp.predictive.remapped import Remapped


def widen(pred: PredictiveDistribution, effects: BatchEffects, features: Features) -> PredictiveDistribution:
    """The same pairs in a laboratory that differs by these scales; means stay, and so does the family.

    The noise SD is multiplied by its factor, the epistemic variance by the square of its own, and the variances of
    offsets, of drugs, lines and all, and of the slope are added to it. Joint draws share them: all pairs one offset and
    one slope, those of a drug or a line theirs. Where no scale differs from the default, the prediction is itself.

    Raises:
        DataError: the distribution is of a family that cannot take other moments.
    """
    if effects == BatchEffects():
        return pred
    pred = require_rescalable(pred)
    standardised = (pred.mean - features.response_mean) / features.response_std
    added = features.response_std**2 * effects.added_variance(standardised)
    epistemic = np.sqrt(effects.epistemic**2 * pred.epistemic + added)
    joint = None
    if pred.joint_draws is not None:
        joint = LaboratoryDraws(pred.joint_draws, pred.keys, standardised, effects, features.response_std)
    return pred.with_moments(pred.mean, effects.noise * pred.aleatoric_std, epistemic, joint)


def require_rescalable(pred: PredictiveDistribution) -> Scalable | Remapped:
    """The prediction itself, typed as one that can take other moments.

    Raises:
        DataError: it cannot.
    """
    if isinstance(pred, Scalable | Remapped):
        return pred
    raise DataError(
        f"A {type(pred).__name__} cannot take other moments, be it for another laboratory or for new measurements. "
        "Allowed: what a bdrp method predicts, recalibrated or not. Predict with a model."
    )


def interval_widths(pred: PredictiveDistribution) -> Floats:
    """(N,) of 90 % intervals, in the measure's unit."""
    low, high = pred.interval(0.9).T
    return np.asarray(high - low)


@dataclass(frozen=True)
class LaboratoryDraws:
    """Joint deviations of N pairs in a laboratory that is drawn with them.

    Attributes:
        draws_of: deviations that the source screen leaves unknown.
        keys: cell_line_id and drug_id of the pairs.
        mean: (N,) predicted, standardised.
        effects: scales of the laboratory's offsets, in SDs of the responses.
        response_std: that SD.
    """

    draws_of: JointDraws
    keys: pd.DataFrame
    mean: Floats
    effects: BatchEffects
    response_std: float

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """The deviations, offsets of laboratory, drugs and lines among them, (S, N)."""
        known = self.effects.epistemic * self.draws_of.draw(rng, draws)
        of_all = self.effects.offset * rng.standard_normal((draws, 1))
        along = self.effects.slope * rng.standard_normal((draws, 1)) * self.mean
        by_drug = self.effects.by_drug * _by_group(self.keys["drug_id"], rng, draws)
        by_line = self.effects.by_line * _by_group(self.keys["cell_line_id"], rng, draws)
        return np.asarray(known + self.response_std * (of_all + along + by_drug + by_line))

    def __getitem__(self, index: Index) -> LaboratoryDraws:
        """The same for some of the pairs."""
        return replace(self, draws_of=self.draws_of[index], keys=self.keys.iloc[index], mean=self.mean[index])


def _by_group(labels: pd.Series, rng: np.random.Generator, draws: int) -> Floats:
    """A standard normal number for each group in each draw, (S, N)."""
    codes, groups = pd.factorize(labels)
    return np.asarray(rng.standard_normal((draws, len(groups)))[:, codes])
