"""The normal predictive distribution."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr, ndtri

from bdrp.errors import DataError
from bdrp.predictive.distribution import (
    NO_MASS,
    Floats,
    Index,
    JointDraws,
    PredictiveDistribution,
    Scalable,
    align_responses,
    broadcast_column,
    check_levels,
    require_joint,
    scale_draws,
)

_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


@final
class Normal(Scalable):
    """y ~ Normal(mean, aleatoric + epistemic), for each pair.

    Args:
        keys: cell_line_id and drug_id of the N pairs.
        measure: the response measure's name.
        mean: (N,), in the measure's unit.
        aleatoric: noise variance, (N,).
        epistemic: variance from not knowing the weights, (N,).
        joint: draws of the epistemic deviations of all pairs together, if the method can make them.
        unit: the measure's unit in words.

    Raises:
        DataError: lengths differ, a value is not finite, or a variance is not positive.

    Example:
        >>> import pandas as pd
        >>> keys = pd.DataFrame({"cell_line_id": ["906826"], "drug_id": ["1003"]})
        >>> pred = Normal(keys, "ln_ic50_um", mean=[-1.0], aleatoric=[0.64], epistemic=[0.36], unit="ln(µM)")
        >>> pred.interval(0.9).round(2).tolist()
        [[-2.64, 0.64]]
    """

    family = "normal"

    def __init__(
        self,
        keys: pd.DataFrame,
        measure: str,
        mean: npt.ArrayLike,
        aleatoric: npt.ArrayLike,
        epistemic: npt.ArrayLike,
        joint: JointDraws | None = None,
        *,
        unit: str = "",
    ) -> None:
        super().__init__(
            keys,
            measure,
            mean,
            std_from_variance("aleatoric", aleatoric),
            std_from_variance("epistemic", epistemic),
            unit=unit,
        )
        self.joint_draws = joint

    @classmethod
    def from_std(
        cls,
        keys: pd.DataFrame,
        measure: str,
        mean: npt.ArrayLike,
        aleatoric_std: npt.ArrayLike,
        epistemic_std: npt.ArrayLike,
        joint: JointDraws | None = None,
        *,
        unit: str = "",
    ) -> Normal:
        """The same from standard deviations, bit for bit (a square and its root may differ in the last place)."""
        made = cls.__new__(cls)
        PredictiveDistribution.__init__(made, keys, measure, mean, aleatoric_std, epistemic_std, unit=unit)
        made.joint_draws = joint
        return made

    def cdf(self, y: npt.ArrayLike) -> Floats:
        """Phi((y - mean) / std), (N,) or (N, Q)."""
        return np.asarray(ndtr(self.standardise(y)))

    def survival(self, y: npt.ArrayLike) -> Floats:
        """Phi((mean - y) / std), (N,) or (N, Q)."""
        return np.asarray(ndtr(-self.standardise(y)))

    def quantile(self, p: npt.ArrayLike) -> Floats:
        """Mean + std * Phi^-1(p), (N,) or (N, Q)."""
        z = np.asarray(ndtri(check_levels(p)))
        return self.mean + self.std * z if z.ndim == 0 else self.mean[:, None] + self.std[:, None] * z

    def log_prob(self, y: npt.ArrayLike) -> Floats:
        """The log of the normal density, (N,)."""
        z = self.standardise(y)
        return np.asarray(-0.5 * np.square(z) - broadcast_column(np.log(self.std), z) - _LOG_SQRT_2PI)

    def crps(self, y: npt.ArrayLike) -> Floats:
        """The closed form of Gneiting and Raftery (2007), computed by scoringrules, (N,)."""
        import scoringrules

        values = align_responses(y, len(self))
        scored = scoringrules.crps_normal(
            values, broadcast_column(self.mean, values), broadcast_column(self.std, values), backend="numpy"
        )
        return np.asarray(scored, dtype=np.float64)

    def squared_up_to(self, w: Floats) -> Floats:
        """Integral of the squared cdf of (y - mean) / std up to w, (N,), by parts."""
        z = np.maximum(w, -NO_MASS)
        density, below = np.exp(-np.square(z) / 2) / np.sqrt(2 * np.pi), ndtr(z)
        return np.asarray(z * np.square(below) + 2 * density * below - ndtr(np.sqrt(2) * z) / np.sqrt(np.pi))

    def sample(self, draws: int, seed: int) -> Floats:
        """S independent draws a pair, (S, N)."""
        return self.mean + self.std * np.random.default_rng(seed).standard_normal((draws, len(self)))

    def joint(self, draws: int, seed: int) -> Floats:
        """Mean, plus one draw of what all pairs share, plus each pair's own noise, (S, N)."""
        rng = np.random.default_rng(seed)
        deviations = require_joint(self.joint_draws).draw(rng, draws)
        return self.mean + deviations + self.aleatoric_std * rng.standard_normal((draws, len(self)))

    def probit(self, y: npt.ArrayLike) -> Floats:
        """(y - mean) / std, (N,) or (N, Q)."""
        return self.standardise(y)

    def from_probit(self, z: npt.ArrayLike) -> Floats:
        """Mean + std z, (N,) or (N, Q)."""
        values = align_responses(z, len(self))
        return broadcast_column(self.mean, values) + broadcast_column(self.std, values) * values

    def at_scores(self, z: Floats) -> Floats:
        """Mean + std z, (N, Q)."""
        return self.mean[:, None] + self.std[:, None] * z

    def standard_quantiles(self, z: Floats) -> Floats:
        """Z itself: one standard normal serves every pair, (K, 1)."""
        return z[:, None]

    def blend(self) -> Floats:
        """Ones, (N, 1)."""
        return np.ones((len(self), 1))

    def with_moments(
        self,
        mean: npt.ArrayLike,
        aleatoric_std: npt.ArrayLike,
        epistemic_std: npt.ArrayLike,
        joint: JointDraws | None = None,
    ) -> Normal:
        """The normals of the same pairs with other moments; the same joint draws where none are given."""
        moments, drawn = (mean, aleatoric_std, epistemic_std), self.joint_draws if joint is None else joint
        return Normal.from_std(self.keys, self.measure, *moments, drawn, unit=self.unit)

    def scale(self, factor: npt.ArrayLike) -> Normal:
        """The same means with every SD times a factor, one or (N,): noise, epistemic and joint deviations alike."""
        factors = np.asarray(factor, dtype=np.float64)
        deviations = self.aleatoric_std * factors, self.epistemic_std * factors
        joint = scale_draws(self.joint_draws, factors)
        return Normal.from_std(self.keys, self.measure, self.mean, *deviations, joint, unit=self.unit)

    def __getitem__(self, index: Index) -> Normal:
        joint = None if self.joint_draws is None else self.joint_draws[index]
        moments = self.mean[index], self.aleatoric_std[index], self.epistemic_std[index]
        return Normal.from_std(self.keys.iloc[index], self.measure, *moments, joint, unit=self.unit)

    def shape_metadata(self) -> dict[str, Any]:
        """Nothing: its moments determine a normal."""
        return {}


def std_from_variance(name: str, variance: npt.ArrayLike) -> Floats:
    """SDs from variances, or a DataError where one is negative."""
    values = np.asarray(variance, dtype=np.float64)
    negative = int(np.sum(values < 0))
    if negative:
        raise DataError(
            f"The predicted {name} variance is negative for {negative} of {values.size} pairs "
            f"(lowest {np.nanmin(values):.3g}). Allowed: zero or more. Check the model's noise head."
        )
    return np.sqrt(values)
