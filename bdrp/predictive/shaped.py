"""Predictive distributions of one shape: every pair's is the same curve, moved to its mean and stretched to its SD."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr, ndtri

from bdrp.predictive.distribution import (
    Floats,
    Index,
    JointDraws,
    PredictiveDistribution,
    Scalable,
    align_responses,
    broadcast_column,
    check_levels,
    require_joint,
)
from bdrp.predictive.level_map import LevelMap
from bdrp.predictive.normal import std_from_variance
from bdrp.predictive.standard_shape import StandardShape

_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


@final
class Shaped(Scalable):
    """y = mean + std w, where w has mean 0, variance 1 and one distribution for all pairs, such as one of residuals.

    A map g of levels says how it differs from a normal: P(w <= (x - m) / s) = g(Phi(x)), with m and s the mean and the
    SD of x. Between the knots of g the density is smooth, beyond them its tails are those of a normal.

    Args:
        keys: cell_line_id and drug_id of the N pairs.
        measure: the response measure's name.
        mean: (N,), in the measure's unit.
        aleatoric: noise variance, (N,).
        epistemic: variance from not knowing the weights, (N,).
        shape: g.
        unit: the measure's unit in words.

    Raises:
        DataError: lengths differ, a value is not finite, or a variance is not positive.

    Example:
        >>> keys = pd.DataFrame({"cell_line_id": ["906826"], "drug_id": ["1003"]})
        >>> skewed = LevelMap((0.05, 0.5, 0.8), (0.05, 0.5, 0.95))
        >>> Shaped(keys, "ln_ic50_um", [-1.0], [0.64], [0.36], skewed).interval(0.9).round(2).tolist()
        [[-2.95, 0.31]]
    """

    family = "shaped"

    def __init__(
        self,
        keys: pd.DataFrame,
        measure: str,
        mean: npt.ArrayLike,
        aleatoric: npt.ArrayLike,
        epistemic: npt.ArrayLike,
        shape: LevelMap,
        *,
        unit: str = "",
    ) -> None:
        deviations = std_from_variance("aleatoric", aleatoric), std_from_variance("epistemic", epistemic)
        super().__init__(keys, measure, mean, *deviations, unit=unit)
        self._settle(shape)

    @classmethod
    def from_std(
        cls,
        keys: pd.DataFrame,
        measure: str,
        mean: npt.ArrayLike,
        aleatoric_std: npt.ArrayLike,
        epistemic_std: npt.ArrayLike,
        shape: LevelMap,
        *,
        unit: str = "",
    ) -> Shaped:
        """The same from standard deviations, bit for bit (a square and its root may differ in the last place)."""
        made = cls.__new__(cls)
        PredictiveDistribution.__init__(made, keys, measure, mean, aleatoric_std, epistemic_std, unit=unit)
        made._settle(shape)
        return made

    def _settle(self, shape: LevelMap) -> None:
        self.shape, self._standard = shape, standard_shape(shape)
        self._centre, self._width = float(self._standard.mean[0]), float(self._standard.std[0])

    def cdf(self, y: npt.ArrayLike) -> Floats:
        """g(Phi(x)) at the x of each response, (N,) or (N, Q)."""
        return np.asarray(ndtr(self.probit(y)))

    def survival(self, y: npt.ArrayLike) -> Floats:
        """1 - g(Phi(x)), (N,) or (N, Q)."""
        return np.asarray(ndtr(-self.probit(y)))

    def quantile(self, p: npt.ArrayLike) -> Floats:
        """Mean + std * the standard quantile, (N,) or (N, Q)."""
        z = np.asarray(ndtri(check_levels(p)))
        return self.at_scores(np.atleast_1d(z)).reshape(len(self), *z.shape)

    def log_prob(self, y: npt.ArrayLike) -> Floats:
        """The log of the density, (N,)."""
        x = self._unshaped(y)
        z, slope = self.shape.probit(x), self.shape.slope(x)
        stretch = broadcast_column(np.log(self._width / self.std), x)
        return np.asarray(np.log(slope) - np.square(z) / 2 - _LOG_SQRT_2PI + stretch)

    def crps(self, y: npt.ArrayLike) -> Floats:
        """The standard shape's score, stretched, (N,)."""
        x = self._unshaped(y)
        score = self._standard.crps(x, x, self.blend())
        return broadcast_column(self.std / self._width, x) * score

    def sample(self, draws: int, seed: int) -> Floats:
        """S independent draws a pair, (S, N)."""
        return self.from_probit(np.random.default_rng(seed).standard_normal((draws, len(self))).T).T

    def joint(self, draws: int, seed: int) -> Floats:
        """Nothing: the shape is that of single responses, and does not say what pairs share.

        Raises:
            DataError: always.
        """
        return require_joint(None).draw(np.random.default_rng(seed), draws)

    def probit(self, y: npt.ArrayLike) -> Floats:
        """Phi^-1(F(y)), (N,) or (N, Q)."""
        return self.shape.probit(self._unshaped(y))

    def from_probit(self, z: npt.ArrayLike) -> Floats:
        """The y whose normal score is z, (N,) or (N, Q)."""
        w = self._standardised(self.shape.from_probit(align_responses(z, len(self))))
        return broadcast_column(self.mean, w) + broadcast_column(self.std, w) * w

    def at_scores(self, z: Floats) -> Floats:
        """Mean + std * the standard quantiles, (N, Q)."""
        return self.mean[:, None] + self.std[:, None] * self._standardised(self.shape.from_probit(z))

    def standard_quantiles(self, z: Floats) -> Floats:
        """The standard shape's quantiles, (K, 1)."""
        return self._standardised(self.shape.from_probit(z))[:, None]

    def blend(self) -> Floats:
        """Ones, (N, 1)."""
        return np.ones((len(self), 1))

    def with_moments(
        self,
        mean: npt.ArrayLike,
        aleatoric_std: npt.ArrayLike,
        epistemic_std: npt.ArrayLike,
        joint: JointDraws | None = None,
    ) -> Shaped:
        """The same pairs and shape with other moments; joint draws are not held."""
        moments = mean, aleatoric_std, epistemic_std
        return Shaped.from_std(self.keys, self.measure, *moments, self.shape, unit=self.unit)

    def scale(self, factor: npt.ArrayLike) -> Shaped:
        """The same means with every SD times a factor, one or (N,)."""
        factors = np.asarray(factor, dtype=np.float64)
        return self.with_moments(self.mean, self.aleatoric_std * factors, self.epistemic_std * factors)

    def __getitem__(self, index: Index) -> Shaped:
        moments = self.mean[index], self.aleatoric_std[index], self.epistemic_std[index]
        return Shaped.from_std(self.keys.iloc[index], self.measure, *moments, self.shape, unit=self.unit)

    def shape_metadata(self) -> dict[str, Any]:
        """The knots of g."""
        return {"levels": list(self.shape.levels), "remapped": list(self.shape.remapped)}

    def _standardised(self, x: Floats) -> Floats:
        return (x - self._centre) / self._width

    def _unshaped(self, y: npt.ArrayLike) -> Floats:
        return self._centre + self._width * self.standardise(y)


class _StandardNormal:
    """What a shape starts from."""

    def standard_quantiles(self, z: Floats) -> Floats:
        """Z itself, (K, 1)."""
        return z[:, None]


@lru_cache(maxsize=64)
def standard_shape(shape: LevelMap) -> StandardShape:
    """Moments and scores of x when P(x' <= x) = g(Phi(x)); kept, because tabulating them takes a moment."""
    return StandardShape(shape, _StandardNormal())
