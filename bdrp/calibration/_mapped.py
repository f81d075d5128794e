"""Recalibrations that scale every SD by one factor and then map levels, by one curve or by one a group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from bdrp.calibration import variance_scaling
from bdrp.calibration._grouping import Grouping
from bdrp.calibration._recalibration import Recalibration, fitted_to, number, require_scalable
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
            raise _altered("curve", data)
        made = cls(_knots(data, "levels"), _knots(data, "remapped"))
        if len(made.levels) != len(made.remapped):
            raise DataError(
                f"The stored recalibration has {len(made.levels)} levels and {len(made.remapped)} remapped levels. "
                "Allowed: as many of one as of the other. The file was altered or damaged; fit the calibration again."
            )
        return made


@dataclass(frozen=True)
class MappedByGroup(Recalibration):
    """F -> g(F scaled), g the group's own curve; `curve` for pairs of no group.

    Attributes:
        factor: on every SD.
        curve: for a pair whose key is in no group.
        grouping: which pairs are in a group.
        curves: a curve a group.
    """

    factor: float
    curve: Curve
    grouping: Grouping
    curves: tuple[Curve, ...]

    def apply(self, pred: PredictiveDistribution) -> Remapped:
        """The prediction scaled, then remapped."""
        base = require_scalable(pred).scaled(self.factor)
        overall, *groups = (LevelMap(c.levels, c.remapped, base.least_slope) for c in (self.curve, *self.curves))
        maps = LevelMaps(overall, self.grouping.by, tuple(groups), self.grouping.members)
        return Remapped.by_group(base, maps)

    def parameters(self) -> dict[str, Any]:
        """The factor on the SD, the curves, and who belongs to which."""
        curves = [curve.to_json() for curve in self.curves]
        grouped = {"grouping": self.grouping.to_json(), "curves": curves}
        return {"factor": self.factor, **self.curve.to_json(), **grouped}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` described.

        Raises:
            DataError: a number, a knot or a group is missing, out of bounds or contradicts the others.
        """
        factor = number(data, "factor", variance_scaling.SMALLEST, variance_scaling.LARGEST)
        grouping, curves = data.get("grouping"), data.get("curves")
        if not isinstance(grouping, Mapping) or not isinstance(curves, list):
            raise _altered("groups", grouping)
        read = Grouping.from_json(grouping)
        if len(curves) != len(read.labels):
            raise _altered("curves", f"{len(curves)} for {len(read.labels)} groups")
        each = tuple(Curve.from_json(curve) for curve in curves)
        return cls(**fitted_to(data), factor=factor, curve=Curve.from_json(data), grouping=read, curves=each)


def _knots(data: Mapping[str, Any], name: str) -> tuple[float, ...]:
    stored = data.get(name)
    values = stored if isinstance(stored, list) else []
    knots = tuple(number({name: value}, name, 0, 1) for value in values)
    if len(knots) < 2 or knots[0] <= 0 or knots[-1] >= 1 or min(np.diff(knots)) <= 0:
        raise DataError(
            f"The stored recalibration's {name} are {stored!r}. "
            "Allowed: at least two probabilities between 0 and 1, strictly increasing. "
            "The file was altered or damaged; fit the calibration again."
        )
    return knots


def _altered(what: str, seen: object) -> DataError:
    return DataError(
        f"The stored recalibration's {what} are {str(seen)[:80]!r}. Allowed: what `Recalibration.to_json` wrote. "
        "The file was altered or damaged; fit the model's calibration again."
    )
