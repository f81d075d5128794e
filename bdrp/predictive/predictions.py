"""Predictive distributions with the context that a reviewer needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from bdrp.predictive import storage
from bdrp.predictive.distribution import PredictiveDistribution

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Predictions:
    """Predictive distributions with the context that a reviewer needs.

    Attributes:
        distribution: of N pairs.
        context: N rows; drug_name, tissue, drug_similarity, nearest_drugs, line_distance_percentile, lower_limit,
            upper_limit.
        laboratory: what they carry for being of another laboratory than the model's: the scales by name, `from`
            which laboratories these were learned, and `width_ratio`, how many times as wide 90 % intervals are as at
            home, in the median; None for predictions of the model's own laboratory.
        model: the digest of the model folder that made them; "" where there is none.
        updates: what the model was updated with since its fit, in words; empty where it never was.
    """

    distribution: PredictiveDistribution
    context: pd.DataFrame
    laboratory: Mapping[str, Any] | None = None
    model: str = ""
    updates: tuple[str, ...] = ()

    def save(self, path: Path | str) -> None:
        """Write predictions.parquet: the distribution's columns, then the context's; the rest as metadata."""
        storage.save(self.distribution, Path(path), self.context, self.laboratory, self.model, self.updates)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what `save` wrote; the joint draws, which need the model, are gone.

        Raises:
            DataError: see `bdrp.predictive.load`.
        """
        return cls.from_table(storage.read_table(Path(path)), path)

    @classmethod
    def from_table(cls, table: pa.Table, path: Path | str) -> Self:
        """From a table that `storage.read_table` read of that file.

        Raises:
            DataError: see `bdrp.predictive.load`.
        """
        metadata = storage.read_metadata(table)
        updates = tuple(map(str, metadata.get("updates", ())))
        return cls(
            *storage.from_table(table, path), metadata.get("laboratory"), str(metadata.get("model", "")), updates
        )
