"""A predictive distribution that says what a test tells it to."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.screen import MEASURES
from bdrp.predictive import Normal, PredictiveDistribution
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
