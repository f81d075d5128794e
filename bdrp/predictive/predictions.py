"""Predictive distributions with the context that a reviewer needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from bdrp.predictive import storage
from bdrp.predictive.distribution import PredictiveDistribution


@dataclass(frozen=True)
class Predictions:
    """Predictive distributions with the context that a reviewer needs.

    Attributes:
        distribution: of N pairs.
        context: N rows; drug_name, tissue, drug_similarity, nearest_drugs, line_distance_percentile, lower_limit,
            upper_limit.
    """

    distribution: PredictiveDistribution
    context: pd.DataFrame

    def save(self, path: Path | str) -> None:
        """Write predictions.parquet: the distribution's columns, then the context's; measure and unit as metadata."""
        self.distribution.save(path, self.context)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what `save` wrote; the joint draws, which need the model, are gone.

        Raises:
            DataError: see `bdrp.predictive.load`.
        """
        return cls(*storage.from_table(storage.read_table(Path(path)), path))
