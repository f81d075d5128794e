"""The method under test, and what its checks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bdrp import inference
from bdrp.features.batch import Batch
from bdrp.inference.method import Fitted, Method, Runtime
from bdrp.predictive import PredictiveDistribution
from bdrp.testing.screens import some_unseen


@dataclass(frozen=True)
class Subject:
    """A method with options that make it quick, fitted once to the tiny screen with some drugs and lines unseen."""

    method: type[Method]
    small: Mapping[str, Any]

    def make(self, **options: Any) -> Any:
        """The quick method, with other options on top."""
        return inference.with_options(self.method, {**self.small, **options})

    def refit(self, seed: int = 0, batch: Batch | None = None) -> Fitted:
        """Another fit."""
        fitted: Fitted = self.make().fit(batch or self.batch, Runtime(seed=seed))
        return fitted

    @property
    def batch(self) -> Batch:
        """What it is fitted to."""
        return some_unseen()

    @cached_property
    def fitted(self) -> Fitted:
        """The fit that checks share."""
        return self.refit()


Check = Callable[[Subject], None]


def moments(pred: PredictiveDistribution) -> npt.NDArray[np.float64]:
    """Mean, aleatoric and epistemic variance, (3, N)."""
    return np.stack([pred.mean, pred.aleatoric, pred.epistemic])
