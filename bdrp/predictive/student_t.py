"""The predictive distribution of a normal mean with Student-t noise."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

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
    scale_draws,
)
from bdrp.predictive.normal import std_from_variance
from bdrp.predictive.scale_mixture import scale_mixture


@final
class StudentT(Scalable):
    """y = mean + epistemic deviation + noise: a normal deviation, and noise from a Student-t, for each pair.

    The t is stretched so that its variance is `aleatoric`; its degrees of freedom say how often the assay is far off.
    The sum has no closed form and is held as a mixture of normals (`ScaleMixture`), exact to 0.03 % of the density from
    2.5 degrees upwards and out to 8 SDs.

    Args:
        keys: cell_line_id and drug_id of the N pairs.
        measure: the response measure's name.
        mean: (N,), in the measure's unit.
        aleatoric: variance of the noise, (N,).
        epistemic: variance from not knowing the weights, (N,).
        dof: degrees of freedom of the noise, above 2; one number for all pairs.
        joint: draws of the epistemic deviations of all pairs together, if the method can make them.
        unit: the measure's unit in words.

    Raises:
        DataError: lengths differ, a value is not finite, a variance is not positive, or dof is not above 2.

    Example:
        >>> import pandas as pd
        >>> keys = pd.DataFrame({"cell_line_id": ["906826"], "drug_id": ["1003"]})
        >>> pred = StudentT(keys, "ln_ic50_um", mean=[-1.0], aleatoric=[0.64], epistemic=[0.36], dof=4.0)
        >>> pred.interval(0.99).round(2).tolist()
        [[-3.91, 1.91]]
    """

    family = "student_t"
    least_slope = 1.0  # a map that stretched the tails of a t could leave it without a variance

    def __init__(
        self,
        keys: pd.DataFrame,
        measure: str,
        mean: npt.ArrayLike,
        aleatoric: npt.ArrayLike,
        epistemic: npt.ArrayLike,
        dof: float,
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
        self._settle(dof, joint)

    @classmethod
    def from_std(
        cls,
        keys: pd.DataFrame,
        measure: str,
        mean: npt.ArrayLike,
        aleatoric_std: npt.ArrayLike,
        epistemic_std: npt.ArrayLike,
        dof: float,
        joint: JointDraws | None = None,
        *,
        unit: str = "",
    ) -> StudentT:
        """The same from standard deviations, bit for bit (a square and its root may differ in the last place)."""
        made = cls.__new__(cls)
        PredictiveDistribution.__init__(made, keys, measure, mean, aleatoric_std, epistemic_std, unit=unit)
        made._settle(dof, joint)
        return made

    def _settle(self, dof: float, joint: JointDraws | None) -> None:
        self.mixture = scale_mixture(dof)
        self.joint_draws = joint
        self._share = np.minimum(np.square(self.aleatoric_std / self.std), 1.0)

    @property
    def dof(self) -> float:
        """Degrees of freedom of the noise."""
        return float(self.mixture.dof)

    def cdf(self, y: npt.ArrayLike) -> Floats:
        """Sum over the mixture of weight Phi((y - mean) / SD), (N,) or (N, Q)."""
        w = self.standardise(y)
        return self.mixture.cdf(w, broadcast_column(self._share, w))

    def survival(self, y: npt.ArrayLike) -> Floats:
        """The cdf of the mirror image, exact where the cdf rounds to 1, (N,) or (N, Q)."""
        w = self.standardise(y)
        return self.mixture.cdf(-w, broadcast_column(self._share, w))

    def quantile(self, p: npt.ArrayLike) -> Floats:
        """Mean + std * the standard mixture's quantile, (N,) or (N, Q)."""
        z = np.asarray(ndtri(check_levels(p)))
        return self.at_scores(np.atleast_1d(z)).reshape(len(self), *z.shape)

    def log_prob(self, y: npt.ArrayLike) -> Floats:
        """The log of the mixture's density, (N,)."""
        w = self.standardise(y)
        return self.mixture.log_density(w, broadcast_column(self._share, w)) - broadcast_column(np.log(self.std), w)

    def crps(self, y: npt.ArrayLike) -> Floats:
        """The closed form for mixtures of normals (Grimit et al. 2006, doi:10.1256/qj.05.235), (N,)."""
        w = self.standardise(y)
        return broadcast_column(self.std, w) * self.mixture.crps(w, broadcast_column(self._share, w))

    def squared_up_to(self, w: Floats) -> Floats:
        """Integral of the squared cdf of (y - mean) / std up to w, (N,)."""
        return self.mixture.squared_up_to(w, self._share)

    def sample(self, draws: int, seed: int) -> Floats:
        """S independent draws a pair, (S, N), of the t itself."""
        rng = np.random.default_rng(seed)
        drawn = rng.standard_normal((draws, len(self)))
        drawn *= self.epistemic_std  # in place: a copy of millions of draws takes longer than the sum
        drawn += self.mean
        drawn += self._noise(rng, draws)
        return drawn

    def joint(self, draws: int, seed: int) -> Floats:
        """Mean, plus one draw of what all pairs share, plus each pair's own noise, (S, N)."""
        rng = np.random.default_rng(seed)
        deviations = require_joint(self.joint_draws).draw(rng, draws)
        return self.mean + deviations + self._noise(rng, draws)

    def probit(self, y: npt.ArrayLike) -> Floats:
        """Phi^-1(F(y)), (N,) or (N, Q)."""
        w = self.standardise(y)
        return self.mixture.probit(w, broadcast_column(self._share, w))

    def from_probit(self, z: npt.ArrayLike) -> Floats:
        """The y whose normal score is z, (N,) or (N, Q)."""
        values = align_responses(z, len(self))
        w = self.mixture.from_probit(values, broadcast_column(self._share, values))
        return broadcast_column(self.mean, w) + broadcast_column(self.std, w) * w

    def at_scores(self, z: Floats) -> Floats:
        """Mean + std * the standard mixture's quantiles, within 1e-8 SD of `from_probit`, (N, Q)."""
        return self.mean[:, None] + self.std[:, None] * self.mixture.at_scores(z, self._share)

    def standard_quantiles(self, z: Floats) -> Floats:
        """The standard mixture's quantiles at shares of noise between 0 and 1, (K, R)."""
        return self.mixture.standard_quantiles(z)

    def blend(self) -> Floats:
        """Weights that interpolate over the share of noise, (N, R)."""
        return self.mixture.blend(self._share)

    def with_moments(
        self,
        mean: npt.ArrayLike,
        aleatoric_std: npt.ArrayLike,
        epistemic_std: npt.ArrayLike,
        joint: JointDraws | None = None,
    ) -> StudentT:
        """The same pairs and degrees of freedom with other moments; the same joint draws where none are given."""
        moments, drawn = (mean, aleatoric_std, epistemic_std), self.joint_draws if joint is None else joint
        return StudentT.from_std(self.keys, self.measure, *moments, self.dof, drawn, unit=self.unit)

    def scale(self, factor: npt.ArrayLike) -> StudentT:
        """The same means with every SD times a factor, one or (N,): noise, epistemic and joint deviations alike."""
        factors = np.asarray(factor, dtype=np.float64)
        deviations = self.aleatoric_std * factors, self.epistemic_std * factors
        joint = scale_draws(self.joint_draws, factors)
        return StudentT.from_std(self.keys, self.measure, self.mean, *deviations, self.dof, joint, unit=self.unit)

    def __getitem__(self, index: Index) -> StudentT:
        joint = None if self.joint_draws is None else self.joint_draws[index]
        moments = self.mean[index], self.aleatoric_std[index], self.epistemic_std[index]
        return StudentT.from_std(self.keys.iloc[index], self.measure, *moments, self.dof, joint, unit=self.unit)

    def shape_metadata(self) -> dict[str, Any]:
        """The degrees of freedom."""
        return {"dof": self.dof}

    def _noise(self, rng: np.random.Generator, draws: int) -> Floats:
        noise = rng.standard_t(self.dof, (draws, len(self)))
        noise *= self.aleatoric_std * np.sqrt((self.dof - 2) / self.dof)
        return noise
