"""What a user's table tells of cell lines: name, tissue and patient, by the id that the other tables have."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from bdrp.data import identifiers, reading
from bdrp.data.identifiers import listed
from bdrp.data.user_tables import columns
from bdrp.errors import BdrpWarning, DataError


def read_lines(path: Path, known: Collection[str]) -> pd.DataFrame:
    """Lines by cell_line_id: name, tissue, patient_id, as far as the table has them.

    Args:
        path: the table.
        known: the ids of lines that the other tables have: of several columns of ids, the one that joins is read.

    Raises:
        DataError: the table cannot be read, describes a line twice and differently, or none of the known lines.
    """
    raw = reading.read_table(path, own=True)
    key = columns.joining_column(raw, "cell_line_id", known, path)
    joined = columns.count_known(raw, key, known)
    if not joined:
        raise _nothing_joins(raw, known, path)
    found = columns.find(raw, (), ("name", "tissue", "patient_id"), path)
    table = pd.DataFrame({"cell_line_id": reading.ids(raw, key)})
    for column, named in found.items():
        table[column] = reading.ids(raw, named) if column == "patient_id" else reading.text(raw, named)
    table = table[table["cell_line_id"] != ""].drop_duplicates()
    twice = table["cell_line_id"][table["cell_line_id"].duplicated()].unique()
    if len(twice):
        raise DataError(
            f"{path.name} describes {len(twice):,} cell lines twice and differently ({listed(twice)}). One row a line "
            "is needed; keep the right one."
        )
    return table.set_index("cell_line_id")


def on_one_id(rows: pd.DataFrame, lines: pd.DataFrame, expressed: pd.Index) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Responses and lines with the expression's ids, where a cell such as "1331031;1331030" stands for either id."""
    held = held_ids(expressed)
    for line in lines.index:
        together = identifiers.split_ids(line)
        known = next((held[one] for one in together if one in held), None)
        held |= {one: known for one in together if known is not None and one not in held}
    rows = rows.assign(cell_line_id=rename(rows["cell_line_id"], held))
    lines = lines.set_axis(pd.Index(rename(lines.index, held), dtype="str", name="cell_line_id"), axis=0)
    return rows, lines[~lines.index.duplicated()]


def warn_of_undescribed(measured: pd.Series, lines: pd.DataFrame, path: Path) -> None:
    """Warn where a table describes less than half of the lines that were measured."""
    ids = pd.Index(measured.unique())
    without = ids[~ids.isin(lines.index)]
    if len(without) > len(ids) / 2:
        warnings.warn(
            f"{path.name} describes {len(ids) - len(without):,} of {len(ids):,} lines, and not {listed(without, 3)}. "
            "The others have no known tissue and count as a patient each, so that lines of one patient may fall into "
            "several parts of a split. Do the ids mean the same? Add the missing lines, or leave the table out.",
            BdrpWarning,
            stacklevel=5,
        )


def held_ids(expressed: pd.Index) -> dict[str, str]:
    """The line that each id stands for, of lines that may have several ids."""
    return {one: line for line in expressed for one in (line, *identifiers.split_ids(line))}


def rename(ids: Collection[str], held: dict[str, str]) -> list[str]:
    """The line that each id, or any part of it, stands for; itself where it stands for none."""
    return [next((held[one] for one in (line, *identifiers.split_ids(line)) if one in held), line) for line in ids]


def _nothing_joins(raw: pd.DataFrame, known: Collection[str], path: Path) -> DataError:
    named = columns.candidates(raw, "cell_line_id")
    shown = "; ".join(f"{column} like {listed(reading.ids(raw, column).unique(), 3)}" for column in named)
    return DataError(
        f"{path.name} describes none of the lines of the other tables: it has {shown}, and they have lines like "
        f"{listed(known, 3)}. Tissue and patient would be unknown, and lines of one patient fall into several parts of "
        "a split. The same ids are needed; add a column of them, or leave the table out."
    )
