"""Recalibrations that scale every SD by one factor and then map levels by a curve, or by one a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from bdrp.calibration import variance_scaling
from bdrp.calibration._recalibration import altered_error, read_number, read_parameters, require_scalable
from bdrp.calibration.by import Groupable, Grouping
from bdrp.errors import DataError
from bdrp.predictive import LevelMap, LevelMaps, PredictiveDistribution, Remapped


@dataclass(frozen=True)
class Curve:
    """The knots of a map of levels: probabilities as predicted, and as they turned out."""

    levels: tuple[float, ...]
    remapped: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """All that `from_json` needs."""
        return {"levels": list(self.levels), "remapped": list(self.remapped)}

    @classmethod
    def from_json(cls, data: Any) -> Curve:
        """What `to_json` described.

        Raises:
            DataError: the knots are not as many probabilities of each kind, strictly increasing.
        """
        if not isinstance(data, Mapping):
            raise altered_error("curve", data)
        made = cls(_knots(data, "levels"), _knots(data, "remapped"))
        if len(made.levels) != len(made.remapped):
            raise DataError(
                f"The stored recalibration has {len(made.levels)} levels and {len(made.remapped)} remapped levels. "
                "Allowed: as many of one as of the other. The file was altered or damaged; fit the calibration again."
            )
        return made


@dataclass(frozen=True)
class MappedLevels(Groupable):
    """F -> g(F scaled); place, width and skewness may change, aleatoric and epistemic keep their proportion.

    Attributes:
        factor: on every SD; groups share it.
        curve: g.
    """

    group_parameters: ClassVar[str] = "curves"

    factor: float
    curve: Curve

    def apply(self, pred: PredictiveDistribution) -> Remapped:
        """The prediction scaled, then remapped."""
        return self.apply_by_group(pred, Grouping(), ())

    def apply_by_group(self, pred: PredictiveDistribution, grouping: Grouping, each: Sequence[Self]) -> Remapped:
        """The prediction scaled, then remapped by each group's own curve."""
        base = require_scalable(pred).scale(self.factor)
        curves = [version.curve for version in (self, *each)]
        overall, *groups = (LevelMap(curve.levels, curve.remapped, base.least_slope) for curve in curves)
        return Remapped.by_group(base, LevelMaps(overall, grouping.by, tuple(groups), grouping.members))

    def group_parameter(self) -> dict[str, Any]:
        """The knots of the curve."""
        return self.curve.to_json()

    def with_group_parameter(self, stored: Any) -> Self:
        """The same factor with another curve."""
        return replace(self, curve=Curve.from_json(stored))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` described.

        Raises:
            DataError: a number or a knot is missing, or out of bounds.
        """
        factor = read_number(data, "factor", variance_scaling.SMALLEST, variance_scaling.LARGEST)
        return cls(**read_parameters(data), factor=factor, curve=Curve.from_json(data))


def _knots(data: Mapping[str, Any], name: str) -> tuple[float, ...]:
    stored = data.get(name)
    values = stored if isinstance(stored, list) else []
    knots = tuple(read_number({name: value}, name, 0, 1) for value in values)
    if len(knots) < 2 or knots[0] <= 0 or knots[-1] >= 1 or min(np.diff(knots)) <= 0:
        raise DataError(
            f"The stored recalibration's {name} are {stored!r}. "
            "Allowed: at least two probabilities between 0 and 1, strictly increasing. "
            "The file was altered or damaged; fit the calibration again."
        )
    return knots
