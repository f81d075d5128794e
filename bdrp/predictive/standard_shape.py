"""Moments and scores of a remapped family, tabulated once for the standard pairs that all others are blended from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from scipy.interpolate import CubicHermiteSpline, CubicSpline
from scipy.special import ndtr

from bdrp.predictive.distribution import Floats
from bdrp.predictive.level_map import LevelMap

_SQRT_2PI = np.sqrt(2 * np.pi)
_FAR = 12.0  # chosen: a normal leaves 1e-33 beyond it, so little that even a t with 2.5 degrees keeps its variance
_STEP = 0.02  # chosen: the tables' step in normal scores; the score is then right to 1e-7
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


class HasStandardQuantiles(Protocol):
    """What a shape starts from: a family, or a distribution of its own."""

    def standard_quantiles(self, z: Floats) -> Floats:
        """See `Scalable.standard_quantiles`."""
        ...


@dataclass(frozen=True, eq=False)
class StandardShape:
    """Distribution of w = (y - mean) / std when P(w <= w(z)) = Phi(h(z)), w(z) the base's standard quantile at score z.

    Args:
        level_map: gives h.
        base: gives w(z), a column for each of its R standard pairs (one for a normal).
    """

    level_map: LevelMap
    base: HasStandardQuantiles

    @cached_property
    def mean(self) -> Floats:
        """E[w], (R,)."""
        return np.asarray(self._mass @ self._w)

    @cached_property
    def std(self) -> Floats:
        """The SD of w, (R,)."""
        return np.asarray(np.sqrt(self._mass @ np.square(self._w - self.mean)))

    def crps(self, z: Floats, w: Floats, blend: Floats) -> Floats:
        """Integral of F^2 below w and of (1 - F)^2 above it.

        Args:
            z: normal scores under the base, of any shape (N, ...).
            w: the same responses as (y - mean) / std of the base.
            blend: weights of the standard pairs, (N, R).
        """
        breaks, table = self._excess
        inside = np.clip(z, breaks[0], breaks[-1])
        edge = np.einsum("n...r,nr->n...", self.base.standard_quantiles(inside.ravel()).reshape(*z.shape, -1), blend)
        there = np.where(inside == z, w, edge)
        excess = np.einsum("n...r,nr->n...", table(inside), blend)
        return np.asarray(excess + np.hypot(1, there) + np.abs(w - there))

    @cached_property
    def _breaks(self) -> Floats:
        reach = max(_FAR, float(np.abs(self.level_map.probit(self.level_map.knots)).max()) + 1)
        far = self.level_map.from_probit(np.array([-reach, reach]))
        knots = np.concatenate([far[:1], self.level_map.knots, far[1:]])
        pieces = [
            np.linspace(low, high, int(np.ceil((high - low) / _STEP)), endpoint=False) for low, high in pairwise(knots)
        ]
        return np.append(np.concatenate(pieces), knots[-1])

    @cached_property
    def _nodes(self) -> Floats:
        half = np.diff(self._breaks)[:, None] / 2
        return np.asarray(self._breaks[:-1, None] + half * (1 + _NODES))

    @cached_property
    def _w(self) -> Floats:
        return self.base.standard_quantiles(self._nodes.ravel())

    @cached_property
    def _mass(self) -> Floats:
        half = np.diff(self._breaks)[:, None] / 2
        h, slope = self.level_map.probit(self._nodes), self.level_map.slope(self._nodes)
        mass = (half * _WEIGHTS * slope * np.exp(-np.square(h) / 2) / _SQRT_2PI).ravel()
        return np.asarray(mass / mass.sum())

    @cached_property
    def _excess(self) -> tuple[Floats, Any]:
        """Breaks in z, and a cubic through what the score exceeds sqrt(1 + w^2) by at each of them, (R,).

        Far out the score is the distance, which differs between standard pairs; what is left hardly does.
        """
        half = np.diff(self._breaks)[:, None] / 2
        w = self.base.standard_quantiles(self._breaks)
        width = CubicSpline(self._breaks, w).derivative()
        steps = width(self._nodes) * (half * _WEIGHTS)[..., None]  # dw at each node, (breaks, nodes, R)
        h = self.level_map.probit(self._nodes)[..., None]
        below, above = (np.sum(steps * np.square(ndtr(side * h)), axis=1) for side in (1, -1))
        zero = np.zeros((1, below.shape[1]))
        score = np.vstack([zero, np.cumsum(below, axis=0)]) + np.vstack([np.cumsum(above[::-1], axis=0)[::-1], zero])
        slope = 2 * ndtr(self.level_map.probit(self._breaks))[:, None] - 1 - w / np.hypot(1, w)
        return self._breaks, CubicHermiteSpline(self._breaks, score - np.hypot(1, w), slope * width(self._breaks))
