"""Which cell line a curve is of: ids and names, joined through the Cell Model Passports' model list."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bdrp.data import identifiers, joining, reading

_NEEDS = ("model_name", "patient_id", "tissue", "COSMIC_ID")
_WANTED = (*_NEEDS, "synonyms", "BROAD_ID", "CCLE_ID")


@dataclass(frozen=True)
class Models:
    """The model list: `rows` as in the file, `cosmic` the COSMIC ids of each row, and the row of each id.

    `by_cosmic` goes by COSMIC id; `by_other` by the Broad Institute's, ACH-000001 and 22RV1_PROSTATE.
    """

    rows: pd.DataFrame
    cosmic: tuple[tuple[str, ...], ...]
    by_cosmic: dict[str, int]
    by_other: dict[str, int]

    def row(self, line: str) -> int | None:
        """The row of any id; None where no row has it."""
        return self.by_cosmic.get(line, self.by_other.get(line))

    def ids(self, row: int) -> tuple[str, ...]:
        """Every id of a row, COSMIC first: that is the id of the line in a screen, where it has one."""
        broad = (
            one for column in ("BROAD_ID", "CCLE_ID") for one in identifiers.split_ids(self.rows[column].iloc[row])
        )
        return tuple(dict.fromkeys((*self.cosmic[row], *broad)))


def read_model_list(path: Path) -> Models:
    """Names, synonyms, tissue, patient and COSMIC ids; a COSMIC cell can hold two ids, and either finds the line.

    Raises:
        DataError: the file cannot be read or lacks a column.
    """
    raw = reading.read_table(path, needs=_NEEDS, wanted=_WANTED, published=True)
    rows = pd.DataFrame({column: reading.text(raw, column) for column in _WANTED})
    cosmic = tuple(identifiers.split_ids(cell) for cell in rows["COSMIC_ID"])
    by_cosmic = {one: row for row, several in enumerate(cosmic) for one in several}
    other = [[*identifiers.split_ids(broad), *identifiers.split_ids(ccle)] for broad, ccle in _broad_cells(rows)]
    return Models(rows, cosmic, by_cosmic, {one: row for row, several in enumerate(other) for one in several})


def _broad_cells(rows: pd.DataFrame) -> zip[tuple[str, str]]:
    return zip(rows["BROAD_ID"], rows["CCLE_ID"], strict=True)


def describe_lines(models: Models, lines: Iterable[str]) -> pd.DataFrame:
    """Name, tissue and patient_id by id, of those lines that the model list knows."""
    known = {line: row for line in lines if (row := models.row(line)) is not None}
    rows = models.rows.iloc[list(known.values())]
    table = rows[["model_name", "tissue", "patient_id"]].set_axis(pd.Index(list(known), dtype="str"), axis=0)
    return table.rename(columns={"model_name": "name"})


def with_line_ids(curves: pd.DataFrame, models: Models, expressed: pd.Index, notices: joining.Notices) -> pd.DataFrame:
    """The curves with a cell_line_id: the COSMIC id under which the line's expression stands.

    A curve without COSMIC id is joined by its line's name: spelled alike, else by letters and digits alone, else by a
    synonym, else with "NCI" before "H1234". A line that stays unknown keeps what the file calls it.
    """
    held = frozenset(expressed)
    names = Names(models)
    own = curves["cosmic_id"].where(curves["cosmic_id"] != "", curves["line_name"])
    named = curves["cosmic_id"] == ""
    ids = {cosmic: held_id(cosmic, models, held) for cosmic in own[~named].unique()}
    ids |= {name: names.held_id(name, held) or name for name in own[named].unique()}
    unjoined = sum(1 for name in own[named].unique() if ids[name] == name)
    if named.any():
        found = own[named].nunique() - unjoined
        notices.lines.append(
            f"{found:,} of {own[named].nunique():,} cell lines were joined by name, having no COSMIC id."
        )
    return curves.assign(cell_line_id=own.map(ids).astype("str"))


def held_id(cosmic: str, models: Models, held: frozenset[str]) -> str:
    """The id of a line that is held, by any of its COSMIC ids; this one where none is."""
    candidates = identifiers.split_ids(cosmic)
    siblings = [
        other for one in candidates if one in models.by_cosmic for other in models.cosmic[models.by_cosmic[one]]
    ]
    return next((one for one in (*candidates, *siblings) if one in held), cosmic)


class Names:
    """Rows of the model list by what a line may be called, the strictest spelling first."""

    def __init__(self, models: Models) -> None:
        """From the names and synonyms of the model list."""
        self._models = models
        self._spelled: dict[str, list[int]] = {}
        self._keyed: dict[str, list[int]] = {}
        self._synonyms: dict[str, list[int]] = {}
        for row, (name, synonyms) in enumerate(zip(models.rows["model_name"], models.rows["synonyms"], strict=True)):
            self._spelled.setdefault(name.upper(), []).append(row)
            self._keyed.setdefault(identifiers.line_name_key(name), []).append(row)
            for synonym in re.split("[;,]", synonyms):
                self._synonyms.setdefault(identifiers.line_name_key(synonym), []).append(row)

    def held_id(self, name: str, held: frozenset[str]) -> str | None:
        """The one id with expression that the name can mean; None where there is none, or more than one."""
        key = identifiers.line_name_key(name)
        if not key:
            return None
        spellings = [self._spelled.get(name.upper()), self._keyed.get(key), self._synonyms.get(key)]
        spellings.append(self._keyed.get("NCI" + key) if re.fullmatch(r"H\d+", key) else None)
        rows = next((found for found in spellings if found), [])
        ids = {one for row in rows for one in self._models.ids(row) if one in held}
        return ids.pop() if len(ids) == 1 else None
