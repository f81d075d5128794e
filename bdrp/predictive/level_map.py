"""Maps of probability levels: smooth, increasing, and perhaps one for each group of pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.interpolate import CubicHermiteSpline, pchip_interpolate
from scipy.special import ndtri

from bdrp.errors import DataError
from bdrp.predictive.distribution import KEYS, Floats


@dataclass(frozen=True)
class LevelMap:
    """A map g of probability levels, held as the map h of normal scores: g(Phi(z)) = Phi(h(z)).

    g passes through the knots `levels -> remapped`, and through 0 and 1. Between knots h is a monotone cubic (PCHIP;
    Fritsch and Butland 1984, doi:10.1137/0905021); beyond the outermost knots it goes straight on. So what is remapped
    keeps the tails of its family and a continuous, positive density everywhere.

    Args:
        levels: increasing probabilities as predicted, at least two.
        remapped: the probabilities that they turned out to have, increasing.
        least_slope: the least slope of h beyond the outermost knots, as `Scalable.least_slope` asks for.

    Raises:
        DataError: the knots are not strictly increasing probabilities.
    """

    levels: tuple[float, ...]
    remapped: tuple[float, ...]
    least_slope: float = 0.0

    def __post_init__(self) -> None:
        _check_knots("levels", self.levels)
        _check_knots("remapped", self.remapped)
        if len(self.levels) != len(self.remapped):
            raise DataError(
                f"A remap pairs levels with remapped levels; {len(self.levels)} and {len(self.remapped)} were given. "
                "Allowed: as many of one as of the other. Fit the recalibration again."
            )

    def probit(self, z: Floats) -> Floats:
        """h(z), of the same shape as z."""
        inside = np.clip(z, self._z[0], self._z[-1])
        return np.asarray(self._curve(inside) + (z - inside) * self.slope(inside))

    def slope(self, z: Floats) -> Floats:
        """h'(z), positive."""
        # The floor only catches rounding: the cubic's slope is positive by construction.
        return np.asarray(np.maximum(self._gradient(np.clip(z, self._z[0], self._z[-1])), 1e-12))

    def from_probit(self, h: Floats) -> Floats:
        """The z with h(z) = h."""
        low, high = self._h[0], self._h[-1]
        inside = self._invert(np.clip(h, low, high))
        tail = np.where(h < low, (h - low) / self._ends[0], np.where(h > high, (h - high) / self._ends[1], 0.0))
        return inside + tail

    @cached_property
    def knots(self) -> Floats:
        """The normal scores of `levels`."""
        return self._z

    def _invert(self, z: Floats) -> Floats:
        """Newton's method kept inside a shrinking bracket, for all of z at once; z lies between the outermost knots."""
        x, h = self._inverse_table
        piece = np.clip(np.searchsorted(h, z) - 1, 0, len(h) - 2)
        low, high = x[piece], x[piece + 1]
        w = np.interp(z, h, x)
        for _ in range(60):  # halving alone would reach the last bit; from the table Newton takes 2 or 3 steps
            error = self._curve(w) - z
            low, high = np.where(error > 0, low, w), np.where(error > 0, w, high)
            newton = w - error / self.slope(w)
            better = np.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
            if np.all(np.abs(better - w) <= 1e-14 * np.maximum(1, np.abs(w))):
                return better
            w = better
        return w

    @cached_property
    def _z(self) -> Floats:
        return np.asarray(ndtri(self.levels))

    @cached_property
    def _h(self) -> Floats:
        return np.asarray(ndtri(self.remapped))

    @cached_property
    def _ends(self) -> tuple[float, float]:
        # The outermost chords unless they are too flat: positive, and within the limit (3 chords) that keeps the cubic
        # monotone.
        chords = np.diff(self._h) / np.diff(self._z)
        first, last = (max(chord, min(self.least_slope, 3 * chord)) for chord in (chords[0], chords[-1]))
        return float(first), float(last)

    @cached_property
    def _curve(self) -> Any:
        slopes = np.array(pchip_interpolate(self._z, self._h, self._z, der=1))
        slopes[[0, -1]] = self._ends
        return CubicHermiteSpline(self._z, self._h, slopes)

    @cached_property
    def _gradient(self) -> Any:
        return self._curve.derivative()

    @cached_property
    def _inverse_table(self) -> tuple[Floats, Floats]:
        x = np.unique(np.concatenate([self._z, np.linspace(self._z[0], self._z[-1], 513)]))
        return x, np.maximum.accumulate(self._curve(x))


@dataclass(frozen=True)
class LevelMaps:
    """One map for all pairs, or one for each group of drugs or of cell lines and one for all others.

    Args:
        overall: for every pair whose key is not among the members.
        by: the key that the groups are of, "drug_id" or "cell_line_id".
        groups: a map a group.
        members: key -> position in `groups`.

    Raises:
        DataError: `by` is no key, or a member's position is not one of the groups.
    """

    overall: LevelMap
    by: str = "drug_id"
    groups: tuple[LevelMap, ...] = ()
    members: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = [k for k, v in self.members.items() if type(v) is not int or not 0 <= v < len(self.groups)]
        if self.by not in KEYS or wrong:
            raise DataError(
                f"A remap by group is not usable: by {self.by!r}, {len(self.groups)} groups, members without one: "
                f"{', '.join(map(str, wrong[:5])) or 'none'}. Allowed: {' or '.join(KEYS)}, and a group a member. "
                "Fit the recalibration again."
            )

    @property
    def all_maps(self) -> tuple[LevelMap, ...]:
        """The overall map, then the groups'."""
        return (self.overall, *self.groups)

    def positions(self, keys: pd.DataFrame) -> npt.NDArray[np.intp]:
        """Which of `all_maps` a pair takes, (N,)."""
        if not self.groups:
            return np.zeros(len(keys), dtype=np.intp)
        codes, names = pd.factorize(keys[self.by])
        return np.asarray([self.members.get(name, -1) + 1 for name in names], dtype=np.intp)[codes]

    def metadata(self) -> dict[str, Any]:
        """What `from_metadata` needs, JSON-able."""
        metadata = {"levels": list(self.overall.levels), "remapped": list(self.overall.remapped)}
        if not self.groups:
            return metadata
        maps = [{"levels": list(one.levels), "remapped": list(one.remapped)} for one in self.groups]
        return {**metadata, "by": self.by, "groups": maps, "members": dict(self.members)}

    @classmethod
    def from_metadata(cls, data: Mapping[str, Any], least_slope: float) -> LevelMaps:
        """The maps that `metadata` describes.

        Raises:
            DataError: the knots, the groups or their members are not usable.
        """
        overall, *groups = [
            LevelMap(tuple(one["levels"]), tuple(one["remapped"]), least_slope)
            for one in (data, *data.get("groups", ()))
        ]
        return cls(overall, data.get("by", "drug_id"), tuple(groups), data.get("members", {}))


def _check_knots(name: str, knots: npt.ArrayLike) -> None:
    values = np.asarray(knots, dtype=np.float64)
    inside = values.ndim == 1 and values.size >= 2 and bool(np.all((values > 0) & (values < 1)))
    if not (inside and bool(np.all(np.diff(values) > 0))):
        raise DataError(
            f"The remap's {name} are not usable: {np.array2string(values, threshold=8)}. "
            "Allowed: at least two probabilities between 0 and 1, strictly increasing. Fit the recalibration again."
        )
