"""A normal predictive distribution whose probability levels were remapped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.errors import DataError
from bdrp.predictive.distribution import (
    Floats,
    Index,
    JointDraws,
    PredictiveDistribution,
    aligned,
    beside,
    levels,
    require_joint,
)
from bdrp.predictive.normal import Normal
from bdrp.predictive.shape import RemappedShape


@final
class Remapped(PredictiveDistribution):
    """F'(y) = g(F(y)): the levels of a normal prediction F mapped by one smooth increasing curve g.

    A normal differs between pairs only in place and width, so all pairs share one remapped standard shape w
    (`RemappedShape`) and y = base mean + base SD * w. Every answer follows from that: density, quantiles, CRPS, mean
    and variance are coherent. The variance is shared out between aleatoric and epistemic in the base's proportion.

    Args:
        base: the prediction as the method made it, perhaps scaled.
        levels: knots of g: increasing probabilities as predicted.
        remapped: the probabilities that they turned out to have.

    Raises:
        DataError: the base is not normal, or the knots are not strictly increasing probabilities.
    """

    family = "remapped"

    def __init__(self, base: PredictiveDistribution, levels: Sequence[float], remapped: Sequence[float]) -> None:
        if not isinstance(base, Normal):
            raise DataError(
                f"Only a normal prediction can be remapped; a {type(base).__name__} was given. Allowed: Normal. "
                "Recalibrate the method's own prediction, not one that was remapped before."
            )
        shape = RemappedShape(tuple(map(float, levels)), tuple(map(float, remapped)))
        mean = base.mean + base.std * shape.mean
        spread = base.aleatoric_std * shape.std, base.epistemic_std * shape.std
        super().__init__(base.keys, base.measure, mean, *spread, unit=base.unit)
        self._settle(shape, base._joint)

    @classmethod
    def from_std(
        cls,
        keys: pd.DataFrame,
        measure: str,
        mean: npt.ArrayLike,
        aleatoric_std: npt.ArrayLike,
        epistemic_std: npt.ArrayLike,
        shape: RemappedShape,
        joint: JointDraws | None = None,
        *,
        unit: str = "",
    ) -> Remapped:
        """From the remapped distribution's own moments, as a file holds them."""
        made = cls.__new__(cls)
        PredictiveDistribution.__init__(made, keys, measure, mean, aleatoric_std, epistemic_std, unit=unit)
        made._settle(shape, joint)
        return made

    def _settle(self, shape: RemappedShape, joint: JointDraws | None) -> None:
        self.shape = shape
        self._joint = joint
        self._base_std = self.std / shape.std
        self._base_mean = self.mean - self._base_std * shape.mean

    def cdf(self, y: npt.ArrayLike) -> Floats:
        """g(F(y)), (N,) or (N, Q)."""
        return self.shape.cdf(self._standardised(y))

    def survival(self, y: npt.ArrayLike) -> Floats:
        """1 - g(F(y)), (N,) or (N, Q)."""
        return self.shape.survival(self._standardised(y))

    def quantile(self, p: npt.ArrayLike) -> Floats:
        """F^-1(g^-1(p)), (N,) or (N, Q)."""
        w = self.shape.quantile(levels(p))
        return self._placed(w) if w.ndim == 0 else self._base_mean[:, None] + self._base_std[:, None] * w

    def log_prob(self, y: npt.ArrayLike) -> Floats:
        """The log of g'(F(y)) f(y), (N,)."""
        w = self._standardised(y)
        return self.shape.log_density(w) - beside(np.log(self._base_std), w)

    def crps(self, y: npt.ArrayLike) -> Floats:
        """Base SD times the score of the standard shape, (N,)."""
        w = self._standardised(y)
        return beside(self._base_std, w) * self.shape.crps(w)

    def sample(self, draws: int, seed: int) -> Floats:
        """S independent draws a pair, (S, N)."""
        return self._placed(self.shape.from_probit(np.random.default_rng(seed).standard_normal((draws, len(self)))))

    def joint(self, draws: int, seed: int) -> Floats:
        """As the base's joint draw, each column then carried to its remapped level (a Gaussian copula)."""
        rng = np.random.default_rng(seed)
        deviations = require_joint(self._joint).draw(rng, draws)
        noise = self.aleatoric_std / self.shape.std * rng.standard_normal((draws, len(self)))
        return self._placed(self.shape.from_probit((deviations + noise) / self._base_std))

    def __getitem__(self, index: Index) -> Remapped:
        joint = None if self._joint is None else self._joint[index]
        moments = self.mean[index], self.aleatoric_std[index], self.epistemic_std[index]
        return Remapped.from_std(self.keys.iloc[index], self.measure, *moments, self.shape, joint, unit=self.unit)

    def shape_metadata(self) -> dict[str, Any]:
        """The knots of g."""
        return {"levels": list(self.shape.levels), "remapped": list(self.shape.remapped)}

    def _placed(self, w: Floats) -> Floats:
        return self._base_mean + self._base_std * w

    def _standardised(self, y: npt.ArrayLike) -> Floats:
        values = aligned(y, len(self))
        return (values - beside(self._base_mean, values)) / beside(self._base_std, values)
