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


def join_lines(
    rows: pd.DataFrame, path: Path | None, expressed: pd.Index, notices: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Responses under the expression's ids, and what a table tells of their lines; no line where there is no table.

    Args:
        rows: the responses, with cell_line_id.
        path: the table of lines, if there is one. It also translates ids of which it has both kinds.
        expressed: the ids of the expression.
        notices: what was translated is written here.

    Raises:
        DataError: the table cannot be read, describes a line twice and differently, or none of the known lines.
    """
    if path is None:
        return _on_one_id(rows, pd.DataFrame(index=pd.Index([], dtype="str")), expressed)
    raw = reading.read_table(path)
    rows = _translated(rows, raw, expressed, path, notices)
    lines = read_lines(raw, dict.fromkeys([*rows["cell_line_id"].unique(), *held_ids(expressed)]), path)
    rows, lines = _on_one_id(rows, lines, expressed)
    _warn_of_undescribed(rows["cell_line_id"], lines, path)
    return rows, lines


def _translated(
    rows: pd.DataFrame, raw: pd.DataFrame, expressed: pd.Index, path: Path, notices: list[str]
) -> pd.DataFrame:
    """Responses whose ids are not the expression's, under these, where the table of lines has a column of either."""
    held, named = held_ids(expressed), columns.candidates(raw, "cell_line_id")
    own = set(rows["cell_line_id"])
    if not named or any(one in held for cell in own for one in (cell, *identifiers.split_ids(cell))):
        return rows
    here = max(named, key=lambda column: columns.count_known(raw, column, own))
    there = max(named, key=lambda column: columns.count_known(raw, column, held))
    pairs = zip(reading.ids(raw, here), reading.ids(raw, there), strict=True)
    known = {mine: theirs for mine, theirs in pairs if mine in own and theirs in held}
    if known:
        told = f"by {path.name}, {here} as {there}"
        notices.append(f"{len(known):,} lines of the responses are known to the expression {told}.")
    return rows.assign(cell_line_id=rename(rows["cell_line_id"], known))


def read_lines(raw: pd.DataFrame, known: Collection[str], path: Path) -> pd.DataFrame:
    """Lines by cell_line_id: name, tissue, patient_id, as far as the table has them.

    Of several columns of ids, the one that joins with `known` is read.

    Raises:
        DataError: a line is described twice and differently, or none of the known lines.
    """
    key = columns.joining_column(raw, "cell_line_id", known, path)
    if not columns.count_known(raw, key, known):
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


def _on_one_id(rows: pd.DataFrame, lines: pd.DataFrame, expressed: pd.Index) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Responses and lines with the expression's ids, where a cell such as "1331031;1331030" stands for either id."""
    held = held_ids(expressed)
    for line in lines.index:
        together = identifiers.split_ids(line)
        known = next((held[one] for one in together if one in held), None)
        held |= {one: known for one in together if known is not None and one not in held}
    rows = rows.assign(cell_line_id=rename(rows["cell_line_id"], held))
    lines = lines.set_axis(pd.Index(rename(lines.index, held), dtype="str", name="cell_line_id"), axis=0)
    return rows, lines[~lines.index.duplicated()]


def _warn_of_undescribed(measured: pd.Series, lines: pd.DataFrame, path: Path) -> None:
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
