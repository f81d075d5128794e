"""What was measured since a fit: rows, the drugs and lines that they name, and when each part came from where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.display import Displayed
from bdrp.files import tables
from bdrp.inference.hierarchical.batch_effects import BatchEffects, ScalePrior

if TYPE_CHECKING:
    from bdrp.data.profiles import Profiles

ROWS, DRUGS, PROFILE = "measured.parquet", "measured_drugs.parquet", "measured_{}.parquet"
KEYS: Final = ["cell_line_id", "drug_id"]
VALUES: Final = ["response", "lower_limit", "upper_limit"]
KNOWN: Final = "response_sd"
"""A column that rows have where the SD of a measurement is known and the model's noise is without it."""
UPDATE: Final = "update"
"""The column that counts the updates, from 0."""
DRUG_COLUMNS: Final = ("name", "smiles", "structure_key", "target", "pathway", "upper_limit")
UPDATES: Final = "updates"
"""The manifest's entry; a folder without it was never updated."""


@dataclass(frozen=True)
class TargetLaboratory:
    """Another laboratory than the model's, as its measurements tell it.

    Attributes:
        learned_from: the laboratories that the prior was learned from, in words.
        prior: of the scales by which laboratories differ.
        effects: the scales of highest posterior density, of all rows up to the update.
    """

    learned_from: str
    prior: ScalePrior
    effects: BatchEffects

    def to_json(self) -> dict[str, Any]:
        """All of it by name."""
        return {"from": self.learned_from, "prior": self.prior.to_json(), "effects": self.effects.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From `to_json`.

        Raises:
            LookupError, DataError: something is missing, or is no scale.
        """
        median, deviation = (BatchEffects.from_json(data["prior"][name]) for name in ("median", "deviation"))
        return cls(str(data["from"]), ScalePrior(median, deviation), BatchEffects.from_json(data["effects"]))


@dataclass(frozen=True)
class Update:
    """One update.

    Attributes:
        added: when, in ISO 8601 with the time zone.
        rows, lines, drugs: how many there were; capped: of the rows, how many are limits.
        file: the name of the table that they came from, "" for a table in memory.
        sha256: of that file; of the rows where there is none.
        version: of bdrp.
        laboratory: None for the one that the model learned from.
    """

    added: str
    rows: int
    lines: int
    drugs: int
    capped: int
    file: str
    sha256: str
    version: str
    laboratory: TargetLaboratory | None = None

    def to_json(self) -> dict[str, Any]:
        """All attributes by name."""
        laboratory = None if self.laboratory is None else self.laboratory.to_json()
        return {**asdict(replace(self, laboratory=None)), "laboratory": laboratory}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From `to_json`.

        Raises:
            TypeError, LookupError, DataError: it is none.
        """
        laboratory = data["laboratory"]
        found = None if laboratory is None else TargetLaboratory.from_json(laboratory)
        return cls(**{**data, "laboratory": found})

    def describe(self) -> str:
        """In words: what was added, when and from where."""
        source = f"from {self.file}" if self.file else "from a table in memory"
        capped = f", {self.capped:,} of them limits" if self.capped else ""
        elsewhere = ", of another laboratory" if self.laboratory else ""
        return (
            f"{self.rows:,} measurements ({self.lines:,} lines, {self.drugs:,} drugs{capped}{elsewhere}) "
            f"{source}, added {self.added}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Measurements(Displayed):
    """All that was measured since a fit.

    Attributes:
        rows: N rows, sorted; cell_line_id, drug_id, response, lower_limit, upper_limit (NaN where not known), update;
            and `KNOWN`, where any SD is known.
        drugs: the drugs that they name; index drug_id, columns `DRUG_COLUMNS`.
        profiles: of the lines that they name, by modality; index cell_line_id.
        history: the updates, in their order.
    """

    rows: pd.DataFrame
    drugs: pd.DataFrame
    profiles: Profiles
    history: tuple[Update, ...]

    def __repr__(self) -> str:
        """One line: how much."""
        return f"Measurements({len(self.rows):,} rows in {len(self.history)} updates)"

    @property
    def laboratory(self) -> TargetLaboratory | None:
        """That of the last update, and so of all."""
        return self.history[-1].laboratory

    def without_last(self) -> Measurements | None:
        """As they were before the last update; None where it was the first."""
        if len(self.history) == 1:
            return None
        rows = self.rows[self.rows[UPDATE] < len(self.history) - 1].reset_index(drop=True)
        return keep_named(Measurements(rows, self.drugs, self.profiles, self.history[:-1]))

    def fill(self, drugs: pd.DataFrame, profiles: Profiles, pairs: pd.DataFrame) -> tuple[pd.DataFrame, Profiles]:
        """Drugs and profiles with those that pairs name, the tables lack, and an update brought."""
        wanted = self.drugs.index.isin(pairs["drug_id"]) & ~self.drugs.index.isin(drugs.index)
        drugs = pd.concat([drugs, self.drugs[wanted]]) if wanted.any() else drugs
        known = {}
        for name, table in profiles.items():
            own = self.profiles.get(name, table.head(0))
            wanted = own.index.isin(pairs["cell_line_id"]) & ~own.index.isin(table.index)
            known[name] = pd.concat([table, own[wanted]]) if wanted.any() else table
        return drugs, known

    def save(self, into: Path) -> None:
        """Write the tables into a folder; the history is the manifest's."""
        tables.write(self.rows, into / ROWS, {})
        tables.write(self.drugs.rename_axis("drug_id").reset_index(), into / DRUGS, {})
        for name, profile in self.profiles.items():
            tables.write(profile.rename_axis("cell_line_id").reset_index(), into / PROFILE.format(name), {})

    @classmethod
    def load(cls, path: Path, records: Sequence[Mapping[str, Any]], modalities: Sequence[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            OSError, LookupError, TypeError, ValueError, DataError: it does not hold together.
        """
        history = tuple(map(Update.from_json, records))
        rows, drugs = pd.read_parquet(path / ROWS), pd.read_parquet(path / DRUGS).set_index("drug_id")
        found = {name: path / PROFILE.format(name) for name in modalities}
        profiles = {n: pd.read_parquet(p).set_index("cell_line_id") for n, p in found.items() if p.exists()}
        counts = np.bincount(rows[UPDATE], minlength=len(history)).tolist()
        if not history or counts != [each.rows for each in history]:
            raise ValueError(f"{ROWS} has {counts} rows an update where the history says {[u.rows for u in history]}")
        if not (np.isfinite(rows["response"]).all() and rows["drug_id"].isin(drugs.index).all()):
            raise ValueError(f"{ROWS} holds responses that are not finite, or of drugs that {DRUGS} lacks")
        return cls(rows, drugs, profiles, history)


def sort_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """In one order, whichever they came in: what is conditioned on does not tell who came first."""
    return rows.take(find_order(rows, [*KEYS, *VALUES, UPDATE])).reset_index(drop=True)


def find_order(rows: pd.DataFrame, columns: Sequence[str]) -> npt.NDArray[np.intp]:
    """The rows' positions sorted by these columns, ids among them as text; what is missing comes last.

    That of pandas' `sort_values`, which makes categories of each column first: for a few rows ten times the work.
    """
    return np.lexsort([rows[name].to_numpy("U" if name in KEYS else np.float64) for name in reversed(columns)])


def keep_named(measured: Measurements) -> Measurements:
    """With the drugs and lines alone that the rows name."""
    profiles = {name: _take_named(table, measured.rows["cell_line_id"]) for name, table in measured.profiles.items()}
    return replace(measured, drugs=_take_named(measured.drugs, measured.rows["drug_id"]), profiles=profiles)


def keep_rows(table: pd.DataFrame, wanted: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """The rows that are wanted, in their order; the table itself where these are all."""
    return table if wanted.all() else table.loc[wanted]


def _take_named(table: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    """The rows that are named and that there are, sorted by their ids."""
    names = table.index.tolist()
    named = sorted(set(names) & set(ids.tolist()))
    return table if names == named else table.take(table.index.get_indexer_for(named))
