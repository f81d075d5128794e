"""Further profiles of lines from tables: copy number, methylation, proteins, mutations; a table a modality."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bdrp.data import joining, profiles, reading, unpacking
from bdrp.data.delimited import plain
from bdrp.data.expression.layout import ROW_NAMES
from bdrp.data.profiles import EXPRESSION, TISSUE
from bdrp.data.screen import Screen
from bdrp.data.user_tables import columns
from bdrp.data.user_tables.lines import held_ids, rename
from bdrp.errors import DataError

Paths = Mapping[str, str | os.PathLike[str]]
"""Files by the name of the modality."""


def parse_profiles(given: str | Paths) -> dict[str, Path]:
    """Files by modality, of a mapping or of text.

    >>> parse_profiles("copy_number=cn.csv,proteomics=p.csv") == {
    ...     "copy_number": Path("cn.csv"), "proteomics": Path("p.csv")}
    True

    Raises:
        DataError: a name is no word, stands twice, or is that of expression or tissue.
    """
    if isinstance(given, str):
        parts = [one.partition("=") for one in given.split(",")]
        given_pairs = [(name.strip(), path.strip()) for name, _, path in parts]
    else:
        given_pairs = [(name, os.fspath(path)) for name, path in given.items()]
    names = [name for name, _ in given_pairs]
    wrong = [name for name in names if not name.isidentifier() or name in (EXPRESSION, TISSUE)]
    if wrong or len(set(names)) < len(names) or not all(path for _, path in given_pairs):
        raise DataError(
            f"profiles are {', '.join(f'{name}={path}' for name, path in given_pairs)}. NAME=PATH is needed, each name "
            f"once, of letters, digits and _, as in copy_number=copy_number.csv; {EXPRESSION} and {TISSUE} have tables "
            "of their own. Write it so."
        )
    return {name: Path(path) for name, path in given_pairs}


def read_profile(
    path: str | os.PathLike[str], name: str, lines: Collection[str] = (), notices: list[str] | None = None
) -> pd.DataFrame:
    """The table of one modality but expression (lines, features) in float32, by cell_line_id; NaN for an empty cell.

    Args:
        path: its file: a row a line, or a column a line where `lines` tell so.
        name: of the modality.
        lines: ids that are known; of a cell such as "1331031;1331030" either id finds its line.
        notices: what was turned is written here.

    Raises:
        DataError: the table cannot be read, does not start with the lines, has duplicates, texts or infinities.
    """
    path, held = Path(path), held_ids(pd.Index(list(lines), dtype="str"))
    raw = reading.read_table(path, text=False)
    first = str(raw.columns[0])
    raw = reading.with_written_numbers(raw, ids=[first])
    index = reading.ids(raw, first)
    names = pd.Index(raw.columns[1:].map(str), dtype="str")
    if not index.isin(list(held)).any() and names.isin(list(held)).any():
        values = pd.DataFrame(reading.matrix(raw.iloc[:, 1:], path).T, names, pd.Index(index, dtype="str"))
        if notices is not None:
            notices.append(f"{path.name} has features of {name} in its rows: turned to {len(names):,} lines.")
    elif plain(first) in (*columns.ALIASES["cell_line_id"], *ROW_NAMES) or index.isin(list(held)).any():
        values = pd.DataFrame(reading.matrix(raw.iloc[:, 1:], path), pd.Index(index, dtype="str"), names)
    else:
        raise DataError(
            f"{path.name} starts with the column {first!r}. The first column must be cell_line_id, every other one a "
            "feature of the lines; move or rename it."
        )
    renamed = pd.Index(rename(list(values.index), held), dtype="str", name="cell_line_id")
    table = values.set_axis(renamed, axis=0).rename_axis(columns=None)
    profiles.check(table, name)
    return table


def add_profiles(screen: Screen, paths: Mapping[str, Path]) -> Screen:
    """A screen with further profiles of its lines, in the places of those that it has under the same names.

    Lines that a table lacks stay; its other lines are left out.

    Raises:
        DataError: a table cannot be read, or has none of the screen's lines.
    """
    notices = joining.Notices(list(screen.notices))
    lines = screen.cell_lines.index
    tables = dict(screen.profiles)
    for name, path in paths.items():
        tables[name] = joining.keep_lines(read_profile(path, name, lines, notices.lines), lines, name, notices)
    checksums = {**screen.checksums, **unpacking.checksums(paths.values())}
    return replace(screen, profiles=tables, checksums=checksums, notices=tuple(notices.lines))
