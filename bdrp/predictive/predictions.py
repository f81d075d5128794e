"""Predictive distributions with the context that a reviewer needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd

from bdrp.display import Displayed
from bdrp.predictive import storage
from bdrp.predictive.distribution import KEYS, Index, PredictiveDistribution
from bdrp.predictive.readable import ReadableUnit, round_significant

NAMES: Final = ("line_name", "drug_name")
"""Columns of the context that say what the ids of `KEYS` are called."""

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, repr=False)
class Predictions(Displayed):
    """Predictive distributions with the context that a reviewer needs.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model, tiny_screen
        >>> made = bdrp.predict(tiny_model(), screen=tiny_screen())
        >>> list(made.table(top=3).columns[:3])
        ['line', 'drug', 'predicted, µM']

    Attributes:
        distribution: of N pairs.
        context: N rows; drug_name, tissue, drug_similarity, nearest_drugs, line_distance_percentile, lower_limit,
            upper_limit, line_name ("" where lines have none).
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

    def _facts(self) -> Mapping[str, object]:
        keys, unit = self.distribution.keys, ReadableUnit(self.distribution.unit)
        facts: dict[str, object] = {
            "pairs": f"{len(keys):,}, {keys[KEYS[0]].nunique():,} lines x {keys[KEYS[1]].nunique():,} drugs",
            "measure": f"{self.distribution.measure} [{self.distribution.unit or 'unknown unit'}]",
        }
        if self.laboratory is not None:
            facts["laboratory"] = f"another, 90 % intervals {self.laboratory['width_ratio']:.2f} times as wide"
        if self.updates:
            facts["updated with"] = "; ".join(self.updates)
        lowest = np.argsort(self.distribution.mean, kind="stable")[:5]  # not by medians, which take longer
        few = Predictions(self.distribution[lowest], self.context.iloc[lowest].reset_index(drop=True)).table(None)
        for place, (line, drug, median, low, high, *_) in enumerate(few.itertuples(index=False), start=1):
            facts[f"lowest {place}"] = f"{drug} on {line}: {median:.3g} {unit.name} ({low:.3g} to {high:.3g})"
        return facts

    def to_frame(self) -> pd.DataFrame:
        """A row a pair: the distribution's columns in the measure's unit, then the context's."""
        return pd.concat([self.distribution.to_frame(), self.context.reset_index(drop=True)], axis=1)

    def table(self, top: int | None = 10) -> pd.DataFrame:
        """The most sensitive pairs, to be read by a person: names, and numbers of three digits in µM.

        Responses that are no concentrations stay in the measure's unit. A prediction above the highest tested dose is
        no measurement that could be made; `highest_dose` beside it says so.

        Args:
            top: how many pairs; all if None.

        Returns:
            line, drug, then predicted (the median), low and high (the 90 % interval) and, where they are known,
            lowest_dose and highest_dose, each with its unit behind a comma, such as "predicted, µM".
        """
        unit = ReadableUnit(self.distribution.unit)
        frame = self.to_frame().sort_values("q50", kind="stable").head(top if top is not None else len(self.context))
        named = {
            what: frame[name].where(frame[name].notna() & frame[name].ne(""), frame[key])
            if name in frame
            else frame[key]
            for what, name, key in zip(("line", "drug"), NAMES, KEYS, strict=True)
        }
        limits = ("lower_limit", "upper_limit") if unit.is_logarithm else ()
        shown = {"q50": "predicted", "q05": "low", "q95": "high"} | dict(
            zip(limits, ("lowest_dose", "highest_dose"), strict=False)
        )
        numbers = {
            f"{label}, {unit.name}": round_significant(unit.read(frame[column]))
            for column, label in shown.items()
            if column in frame and frame[column].notna().any()
        }
        return pd.DataFrame({**named, **numbers}).reset_index(drop=True)

    def select(self, index: Index) -> Self:
        """The same for some of the pairs: a mask (N,), positions, or a slice."""
        context = self.context.iloc[index].reset_index(drop=True)
        return replace(self, distribution=self.distribution[index], context=context)

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
