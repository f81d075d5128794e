"""The standard shape of a remapped normal: one curve that serves every pair."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicHermiteSpline, pchip_interpolate
from scipy.special import ndtr, ndtri

from bdrp.errors import DataError
from bdrp.predictive.distribution import Floats

_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)
_FAR = 9.0  # chosen: a normal leaves 1e-19 beyond 9 SDs, less than a double can add to 1
_STEP = 0.02  # chosen: the tables' step in standard units; the score is then right to 1e-9
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


@dataclass(frozen=True)
class RemappedShape:
    """The distribution of w when P(w <= x) = g(Phi(x)), Phi the standard normal's cdf and g a map of levels.

    g passes through the knots `levels -> remapped`, and through 0 and 1. Between knots it is a monotone cubic (PCHIP;
    Fritsch and Butland 1984, doi:10.1137/0905021) in the probit of both levels, h = probit(g(Phi(x))); beyond the
    outermost knots h goes straight on. So w has a normal's tails and a continuous, positive density everywhere.

    Args:
        levels: increasing probabilities as predicted, at least two.
        remapped: the probabilities that they turned out to have, increasing.

    Raises:
        DataError: the knots are not strictly increasing probabilities.
    """

    levels: tuple[float, ...]
    remapped: tuple[float, ...]

    def __post_init__(self) -> None:
        _check_knots("levels", self.levels)
        _check_knots("remapped", self.remapped)
        if len(self.levels) != len(self.remapped):
            raise DataError(
                f"A remap pairs levels with remapped levels; {len(self.levels)} and {len(self.remapped)} were given. "
                "Allowed: as many of one as of the other. Fit the recalibration again."
            )

    def cdf(self, w: Floats) -> Floats:
        """P(w' <= w), of the same shape as w."""
        return np.asarray(ndtr(self.probit(w)))

    def survival(self, w: Floats) -> Floats:
        """P(w' > w), of the same shape as w; exact where the cdf rounds to 1."""
        return np.asarray(ndtr(-self.probit(w)))

    def log_density(self, w: Floats) -> Floats:
        """The log of the density, log phi(h(w)) + log h'(w)."""
        return np.asarray(np.log(self._slope(w)) - 0.5 * np.square(self.probit(w)) - _LOG_SQRT_2PI)

    def quantile(self, p: Floats) -> Floats:
        """The w that is not exceeded with probability p."""
        return self.from_probit(np.asarray(ndtri(p)))

    def probit(self, w: Floats) -> Floats:
        """h(w)."""
        inside = np.clip(w, self._x[0], self._x[-1])
        return np.asarray(self._curve(inside) + (w - inside) * self._slope(inside))

    def from_probit(self, z: Floats) -> Floats:
        """The w with h(w) = z."""
        low, high = self._h[0], self._h[-1]
        inside = self._invert(np.clip(z, low, high))
        tail = np.where(z < low, (z - low) / self._ends[0], np.where(z > high, (z - high) / self._ends[1], 0.0))
        return inside + tail

    def _invert(self, z: Floats) -> Floats:
        """Newton's method kept inside a shrinking bracket, for all of z at once; z lies between the outermost knots."""
        x, h = self._inverse_table
        piece = np.clip(np.searchsorted(h, z) - 1, 0, len(h) - 2)
        low, high = x[piece], x[piece + 1]
        w = np.interp(z, h, x)
        for _ in range(60):  # halving alone would reach the last bit; from the table Newton takes 2 or 3 steps
            error = self._curve(w) - z
            low, high = np.where(error > 0, low, w), np.where(error > 0, w, high)
            newton = w - error / self._slope(w)
            better = np.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
            if np.all(np.abs(better - w) <= 1e-14 * np.maximum(1, np.abs(w))):
                return better
            w = better
        return w

    def crps(self, w: Floats) -> Floats:
        """Integral of F^2 below w and of (1 - F)^2 above it."""
        grid, table = self._score_table
        inside = np.clip(w, grid[0], grid[-1])
        return np.asarray(table(inside) + np.abs(w - inside))

    @cached_property
    def mean(self) -> float:
        """E[w]."""
        return float(np.sum(self._mass * self._nodes))

    @cached_property
    def std(self) -> float:
        """The SD of w."""
        return float(np.sqrt(np.sum(self._mass * np.square(self._nodes - self.mean))))

    @cached_property
    def _x(self) -> Floats:
        return np.asarray(ndtri(self.levels))

    @cached_property
    def _h(self) -> Floats:
        return np.asarray(ndtri(self.remapped))

    @cached_property
    def _ends(self) -> tuple[float, float]:
        # The outermost chords: always positive, and within the limit (3 chords) that keeps the cubic monotone.
        chords = np.diff(self._h) / np.diff(self._x)
        return float(chords[0]), float(chords[-1])

    @cached_property
    def _curve(self) -> Any:
        slopes = np.array(pchip_interpolate(self._x, self._h, self._x, der=1))
        slopes[[0, -1]] = self._ends
        return CubicHermiteSpline(self._x, self._h, slopes)

    @cached_property
    def _gradient(self) -> Any:
        return self._curve.derivative()

    @cached_property
    def _inverse_table(self) -> tuple[Floats, Floats]:
        x = np.unique(np.concatenate([self._x, np.linspace(self._x[0], self._x[-1], 513)]))
        return x, np.maximum.accumulate(self._curve(x))

    def _slope(self, w: Floats) -> Floats:
        # The floor only catches rounding: the cubic's slope is positive by construction.
        return np.asarray(np.maximum(self._gradient(np.clip(w, self._x[0], self._x[-1])), 1e-12))

    @cached_property
    def _breaks(self) -> Floats:
        reach = max(_FAR, float(np.abs(self._h).max()) + 1)
        far = self.from_probit(np.array([-reach, reach]))
        knots = np.concatenate([far[:1], self._x, far[1:]])
        pieces = [
            np.linspace(low, high, int(np.ceil((high - low) / _STEP)), endpoint=False) for low, high in pairwise(knots)
        ]
        return np.append(np.concatenate(pieces), knots[-1])

    @cached_property
    def _nodes(self) -> Floats:
        half = np.diff(self._breaks)[:, None] / 2
        return np.asarray(self._breaks[:-1, None] + half * (1 + _NODES))

    @cached_property
    def _mass(self) -> Floats:
        half = np.diff(self._breaks)[:, None] / 2
        mass = half * _WEIGHTS * np.exp(self.log_density(self._nodes))
        return np.asarray(mass / mass.sum())

    @cached_property
    def _score_table(self) -> tuple[Floats, Any]:
        half = np.diff(self._breaks)[:, None] / 2
        z = self.probit(self._nodes)
        below = np.sum(half * _WEIGHTS * np.square(ndtr(z)), axis=1)
        above = np.sum(half * _WEIGHTS * np.square(ndtr(-z)), axis=1)
        score = np.append(0.0, np.cumsum(below)) + np.append(np.cumsum(above[::-1])[::-1], 0.0)
        return self._breaks, CubicHermiteSpline(self._breaks, score, 2 * self.cdf(self._breaks) - 1)


def _check_knots(name: str, knots: npt.ArrayLike) -> None:
    values = np.asarray(knots, dtype=np.float64)
    inside = values.ndim == 1 and values.size >= 2 and bool(np.all((values > 0) & (values < 1)))
    if not (inside and bool(np.all(np.diff(values) > 0))):
        raise DataError(
            f"The remap's {name} are not usable: {np.array2string(values, threshold=8)}. "
            "Allowed: at least two probabilities between 0 and 1, strictly increasing. Fit the recalibration again."
        )
