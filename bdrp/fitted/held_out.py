"""The test part of a split: what was observed, and what was predicted for it before and after recalibration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp import predictive
from bdrp.display import Displayed
from bdrp.errors import ModelFolderError
from bdrp.files import tables
from bdrp.predictive import PredictiveDistribution

PREDICTIONS, UNCALIBRATED, OBSERVED = (
    "held_out_predictions.parquet",
    "held_out_uncalibrated.parquet",
    "held_out.parquet",
)
FILES: Final = (PREDICTIONS, UNCALIBRATED, OBSERVED)


@dataclass(frozen=True, repr=False)
class HeldOut(Displayed):
    """The test part: observed responses, and what was predicted for them before and after recalibration."""

    observed: pd.DataFrame
    predictions: PredictiveDistribution
    uncalibrated: PredictiveDistribution

    def save(self, into: Path) -> None:
        """Write the three files into a folder."""
        tables.write(self.observed, into / OBSERVED, {})
        self.predictions.save(into / PREDICTIONS)
        self.uncalibrated.save(into / UNCALIBRATED)

    @classmethod
    def load(cls, path: Path) -> HeldOut:
        """Read what `save` wrote.

        Raises:
            ValueError: the files are of different pairs.
            DataError: a file is no prediction of bdrp's.
        """
        observed = pd.read_parquet(path / OBSERVED)
        predictions, uncalibrated = predictive.load(path / PREDICTIONS), predictive.load(path / UNCALIBRATED)
        for pred in (predictions, uncalibrated):
            if not pred.keys.equals(observed[list(pred.keys)].astype("str")):
                raise ValueError("held-out responses and predictions are of different pairs")
        return cls(observed, predictions, uncalibrated)


class HasHeldOut:
    """A model, or what its folder tells, with a test part if its split had one."""

    held_out_part: HeldOut | None

    def held_out(self) -> pd.DataFrame:
        """The test part as it was observed; see `bdrp.evaluation.score` for the columns."""
        return self._held_out().observed

    def held_out_predictions(self) -> PredictiveDistribution:
        """What was predicted for the test part, recalibrated."""
        return self._held_out().predictions

    def held_out_uncalibrated(self) -> PredictiveDistribution:
        """What was predicted for the test part before recalibration."""
        return self._held_out().uncalibrated

    def _held_out(self) -> HeldOut:
        if self.held_out_part is None:
            raise ModelFolderError(
                "This model has no held-out part to evaluate. Fit it with a split that has a test part."
            )
        return self.held_out_part
