"""Variance scaling with a factor a group, drawn towards the factor of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from bdrp.calibration import variance_scaling
from bdrp.calibration._grouping import Grouping, Ints
from bdrp.calibration._recalibration import Floats, Recalibration, fitted_to, number, require_scalable
from bdrp.errors import DataError
from bdrp.predictive import PredictiveDistribution, Scalable

LEAST_PAIRS = 20  # chosen: with fewer, the SD of a group's residuals is known to no better than 16 %
_ROUNDS = 4  # chosen: a normal needs one, a t settles to 0.1 % in four


@dataclass(frozen=True)
class ScalingByGroup(Recalibration):
    """SD -> factor of the group * SD; pairs of no group take the factor of all."""

    factor: float
    grouping: Grouping
    factors: tuple[float, ...]

    def apply(self, pred: PredictiveDistribution) -> Scalable:
        """The prediction with every SD multiplied."""
        return require_scalable(pred).scaled(_each(self.grouping.positions(pred.keys), self.factors, self.factor))

    def parameters(self) -> dict[str, Any]:
        """The factor of all, the groups and their factors."""
        return {"factor": self.factor, "grouping": self.grouping.to_json(), "factors": list(self.factors)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` described.

        Raises:
            DataError: a factor is out of bounds, or there are not as many as groups.
        """
        bounds = variance_scaling.SMALLEST, variance_scaling.LARGEST
        stored, grouping = data.get("factors"), data.get("grouping")
        read = Grouping.from_json(grouping if isinstance(grouping, Mapping) else {})
        factors = stored if isinstance(stored, list) else []
        if len(factors) != len(read.labels):
            raise DataError(
                f"The stored recalibration has {len(factors)} factors for {len(read.labels)} groups. Allowed: one a "
                "group. The file was altered or damaged; fit the model's calibration again."
            )
        each = tuple(number({"factor": value}, "factor", *bounds) for value in factors)
        return cls(**fitted_to(data), factor=number(data, "factor", *bounds), grouping=read, factors=each)


def fitted_factors(pred: Scalable, response: Floats, grouping: Grouping) -> tuple[float, Grouping, tuple[float, ...]]:
    """The factor of all pairs, the groups that are large enough, and a factor for each of them.

    A group's factor is the root mean square of its normal scores, which is the maximum-likelihood factor for a normal.
    Its log is drawn towards the factor of all as far as the groups differ no more than chance would make them: an
    empirical Bayes estimate with the variance between groups found by the method of moments (DerSimonian and Laird
    1986, doi:10.1016/0197-2456(86)90046-2).
    """
    overall = variance_scaling.factor(pred, response)
    kept = grouping.large(pred.keys, LEAST_PAIRS)
    if not kept.labels:
        return overall, kept, ()
    positions, log_factors = kept.positions(pred.keys), np.full(len(kept.labels), np.log(overall))
    member = positions >= 0
    for _ in range(_ROUNDS):
        each = _each(positions, np.exp(log_factors).tolist(), overall)
        squares = np.square(pred.scaled(each).probit(response))[member]
        log_factors += np.log(np.maximum(_means(squares, positions[member]), 1e-12)) / 2
    shrunk = np.log(overall) + _shrunk(log_factors - np.log(overall), squares, kept.sizes(pred.keys))
    bounded = np.clip(np.exp(shrunk), variance_scaling.SMALLEST, variance_scaling.LARGEST)
    return overall, kept, tuple(bounded.tolist())


def _shrunk(apart: Floats, squares: Floats, sizes: Ints) -> Floats:
    """Deviations from the overall log factor, each drawn to 0 by what chance explains of it, (G,)."""
    # d log s = d(s^2) / (2 s^2), and the mean of n squares has the variance Var(z^2) / n.
    chance = np.var(squares) / (4 * sizes)
    between = max(0.0, float(np.mean(np.square(apart) - chance)))
    return apart * between / (between + chance)


def _means(values: Floats, positions: Ints) -> Floats:
    return np.asarray(np.bincount(positions, weights=values) / np.bincount(positions))


def _each(positions: Ints, factors: Sequence[float], overall: float) -> Floats:
    return np.asarray([*factors, overall], dtype=np.float64)[positions]  # -1, no group, takes the last
