"""New measurements of a user, beside drugs and lines that are known already; and lists of ids."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bdrp.data import in_memory, joining, reading
from bdrp.data.in_memory import MEASURED, Given
from bdrp.data.quantities import Stated
from bdrp.data.screen import LIMITS
from bdrp.data.user_tables import columns, layouts
from bdrp.data.user_tables.copies import warn_of_copies
from bdrp.data.user_tables.duplicates import drop_repeated
from bdrp.data.user_tables.lines import held_ids, join_lines
from bdrp.data.user_tables.responses import read_responses


def read_measured(
    given: Given, stated: Stated, lines: pd.Index, compounds: pd.Series, notices: list[str]
) -> pd.DataFrame:
    """Measurements as the responses of a screen are read: a row a pair or a matrix, whichever unit, limits and doses.

    Args:
        given: the table, or the path of its file.
        stated: what is said of the responses; the measure is the model's.
        lines: ids of the lines that have expression: of several columns of ids, the one that joins is read.
        compounds: structure keys of the drugs that have a structure, by drug_id.
        notices: what was converted, and which rows say again what others say, is written here.

    Returns:
        cell_line_id, drug_id, response, lower_limit and upper_limit, in the measure's unit, and response_sd where the
        table has it. Ids that join with nothing are as they stand in the table.

    Raises:
        DataError: the table cannot be read, its unit cannot be told, or a row has no id or no finite number.
    """
    path = in_memory.name_table(given, MEASURED)
    raw = reading.read_table(path) if in_memory.is_path(given) else in_memory.tabulate(given, MEASURED)
    known = {"cell_line_id": held_ids(lines), "drug_id": compounds.index}
    raw = layouts.melt(raw, known["cell_line_id"], compounds.index, path, notices)
    keys = {meaning: columns.joining_column(raw, meaning, ids, path) for meaning, ids in known.items()}
    read = read_responses(raw, keys, stated, path)
    notices += read.notices
    rows, _ = join_lines(read.rows, None, lines, notices)
    joining.refuse_non_finite(rows, read.measure.name, path.name)
    known = rows.columns.intersection(joining.KNOWN_WHERE_MEASURED)
    rows = drop_repeated(rows, compounds, notices)
    warn_of_copies(rows, path.name)
    return rows[["cell_line_id", "drug_id", "response", *LIMITS, *known]]


def read_ids(path: str | Path, column: str) -> list[str]:
    """The ids that a table names in one column, "drug_id" or "cell_line_id", each once; a list under that header too.

    Raises:
        DataError: the table cannot be read or lacks the column.
    """
    path = Path(path)
    raw = reading.read_table(path, alone=columns.ALIASES[column])
    found = reading.ids(raw, columns.find(raw, (column,), (), path)[column])
    return [one for one in dict.fromkeys(found) if one]


def read_pairs(path: str | Path) -> pd.DataFrame:
    """The ids that a table names under cell_line_id, drug_id, or both; a list under one of these headers too.

    Raises:
        DataError: the table cannot be read or has neither column.
    """
    path = Path(path)
    meanings = ("cell_line_id", "drug_id")
    raw = reading.read_table(path, alone=[alias for meaning in meanings for alias in columns.ALIASES[meaning]])
    named = {meaning: found[0] for meaning in meanings if (found := columns.candidates(raw, meaning))}
    if not named:
        raise columns.missing(raw, "cell_line_id", path)
    return pd.DataFrame({meaning: reading.ids(raw, column) for meaning, column in named.items()})
