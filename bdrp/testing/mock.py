"""A predictive distribution and a posterior of pairs that say what a test tells them to."""

from __future__ import annotations

from copy import copy
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.screen import MEASURES
from bdrp.predictive import JointPosterior, Normal, PairMoments, PredictiveDistribution
from bdrp.predictive.distribution import Floats, Index


@final
class MockDistribution(PredictiveDistribution):
    """N normals with the moments that are given, of pairs that need no screen, no fit and no torch.

    It is none of the families that bdrp's methods predict: what works with it works with any predictive distribution.
    In a joint draw all pairs deviate together, by one standard normal number times each one's epistemic SD, so that
    their epistemic correlation is 1.

    Args:
        mean: (N,), in the measure's unit.
        aleatoric: noise variance, (N,) or one for all.
        epistemic: variance from not knowing the weights, (N,) or one for all.
        keys: cell_line_id and drug_id of the N pairs; without it, N lines L0, L1, ... with the drug D0.
        measure: one of `bdrp.data.screen.MEASURES`.

    Raises:
        DataError: lengths differ, a value is not finite, or a variance is not positive.

    Example:
        >>> pred = MockDistribution([0.0, 1.0], aleatoric=0.75, epistemic=[0.25, 1.25])
        >>> pred.std.round(3).tolist(), pred.cdf([0.0, 1.0]).tolist()
        ([1.0, 1.414], [0.5, 0.5])
        >>> pred.keys["cell_line_id"].tolist()
        ['L0', 'L1']
    """

    family = "mock"

    def __init__(
        self,
        mean: npt.ArrayLike,
        aleatoric: npt.ArrayLike = 1.0,
        epistemic: npt.ArrayLike = 0.0,
        keys: pd.DataFrame | None = None,
        measure: str = "ln_ic50_um",
    ) -> None:
        means = np.asarray(mean, dtype=np.float64)
        if keys is None:
            keys = pd.DataFrame({"cell_line_id": [f"L{i}" for i in range(means.size)], "drug_id": "D0"})
        noise, doubt = (np.full(means.shape, each) if np.ndim(each) == 0 else each for each in (aleatoric, epistemic))
        unit = MEASURES[measure].unit if measure in MEASURES else ""
        self._normal = Normal(keys, measure, means, noise, doubt, unit=unit)
        moments = self._normal.mean, self._normal.aleatoric_std, self._normal.epistemic_std
        super().__init__(keys, measure, *moments, unit=unit)

    def cdf(self, y: npt.ArrayLike) -> Floats:
        """Phi((y - mean) / std), (N,) or (N, Q)."""
        return self._normal.cdf(y)

    def quantile(self, p: npt.ArrayLike) -> Floats:
        """Mean + std * Phi^-1(p), (N,) or (N, Q)."""
        return self._normal.quantile(p)

    def log_prob(self, y: npt.ArrayLike) -> Floats:
        """The log of the normal density, (N,)."""
        return self._normal.log_prob(y)

    def crps(self, y: npt.ArrayLike) -> Floats:
        """Of the normal, (N,)."""
        return self._normal.crps(y)

    def sample(self, draws: int, seed: int) -> Floats:
        """S independent draws a pair, (S, N)."""
        return self._normal.sample(draws, seed)

    def joint(self, draws: int, seed: int) -> Floats:
        """Mean, plus one number for all pairs times their epistemic SD, plus each pair's own noise, (S, N)."""
        rng = np.random.default_rng(seed)
        shared, own = rng.standard_normal((draws, 1)), rng.standard_normal((draws, len(self)))
        return self.mean + self.epistemic_std * shared + self.aleatoric_std * own

    def __getitem__(self, index: Index) -> MockDistribution:
        moments = self.mean[index], self.aleatoric[index], self.epistemic[index]
        return MockDistribution(*moments, self.keys.iloc[index], self.measure)

    def shape_metadata(self) -> dict[str, Any]:
        """Nothing: moments say all about it."""
        return {}


@final
class MockPosterior(JointPosterior):
    """N pairs with the means and the covariance that are given, without a screen, a fit or torch.

    Args:
        mean: (N,), in the measure's unit.
        covariance: (N, N) epistemic, in the measure's unit squared.
        aleatoric: noise variance, (N,) or one for all.
        noise_dof: degrees of freedom of the noise; None where it is normal.

    Raises:
        ValueError: the shapes do not fit together, or the covariance is not symmetric and positive semidefinite.

    Example:
        >>> pairs = MockPosterior([0.0, 1.0, 2.0], [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 4.0]])
        >>> pairs[:1].covariance(pairs).tolist()
        [[1.0, 0.5, 0.0]]
        >>> pairs[1:].epistemic.tolist()
        [1.0, 4.0]
    """

    def __init__(
        self,
        mean: npt.ArrayLike,
        covariance: npt.ArrayLike,
        aleatoric: npt.ArrayLike = 1.0,
        noise_dof: float | None = None,
    ) -> None:
        means, whole = np.asarray(mean, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
        if means.ndim != 1 or whole.shape != (len(means), len(means)) or not np.allclose(whole, whole.T):
            raise ValueError(
                f"mean is of shape {means.shape} and covariance of {whole.shape}; (N,) and (N, N) are needed"
            )
        if len(means) and np.linalg.eigvalsh(whole).min() < -1e-9 * max(np.trace(whole), 1.0):
            raise ValueError("the covariance has a negative eigenvalue; a positive semidefinite one is needed")
        noise = np.broadcast_to(np.asarray(aleatoric, dtype=np.float64), means.shape)
        self._whole, self._index, self.noise_dof = whole, np.arange(len(means)), noise_dof
        self._moments = PairMoments(means, noise, np.diag(whole))

    @property
    def moments(self) -> PairMoments:
        """As they were given."""
        return self._moments

    def __getitem__(self, index: Index) -> MockPosterior:
        """The same for some of the pairs."""
        some = copy(self)
        some._index = self._index[index]
        some._moments = PairMoments(*(part[index] for part in self._moments))
        return some

    def covariance(self, other: MockPosterior) -> Floats:
        """(N, M) with the M pairs of another, which is some of the same pairs."""
        return self._whole[np.ix_(self._index, other._index)]

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S joint deviations, (S, N)."""
        covariance = self.covariance(self)
        return rng.multivariate_normal(np.zeros(len(covariance)), covariance, size=draws, method="eigh")
