"""Responses as a matrix: lines by drugs, or drugs by lines, with gaps."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.data import identifiers, reading
from bdrp.data.user_tables import columns
from bdrp.errors import DataError

MOSTLY: Final = 0.5
"""Share of the column names that are ids of the other tables, from which a table is a matrix of them; chosen."""
FEWEST: Final = 3
"""Columns of numbers that make a matrix and no table of a response with its limits; chosen."""
VALUES: Final = "response"
"""The header that the cells of a matrix get."""


def melt(
    raw: pd.DataFrame, lines: Collection[str], drugs: Collection[str], path: Path, notices: list[str]
) -> pd.DataFrame:
    """A row a measured pair, where the table is a matrix of known lines by known drugs or the other way; else as it is.

    Gaps are left out. What the cells hold, a matrix does not say: it must be stated.

    Raises:
        DataError: it looks like a matrix of lines or drugs that the other tables do not know.
    """
    rest = [str(column) for column in raw.columns[1:]]
    for inside, outside, across, noun in (
        ("cell_line_id", "drug_id", drugs, "lines by drugs"),
        ("drug_id", "cell_line_id", lines, "drugs by lines"),
    ):
        known = [column for column in rest if identifiers.clean_id(column) in across]
        if columns.candidates(raw, outside) or len(known) < max(2, MOSTLY * len(rest)):
            continue
        what = "drug ids" if outside == "drug_id" else "ids of lines"
        seen = f"a matrix of {noun} ({len(known):,} of {len(rest):,} column names are {what})"
        tall = raw[known].set_axis(pd.Index(reading.ids(raw, str(raw.columns[0])), name=inside), axis=0)
        melted = tall.melt(var_name=outside, value_name=VALUES, ignore_index=False).reset_index()
        filled = melted[reading.text(melted, VALUES) != ""].reset_index(drop=True)
        other = [column for column in rest if column not in known]
        gaps = len(melted) - len(filled)
        notices.append(
            f"{path.name} is {seen}: {len(filled):,} responses, {gaps:,} gaps left out"
            + (f", {len(other):,} other columns not read ({identifiers.listed(other, 5)})." if other else ".")
        )
        filled.attrs["layout"] = seen
        return filled
    if not columns.candidates(raw, "drug_id") and _holds_numbers(raw):
        raise DataError(
            f"{path.name} has no column of drugs, and its {len(rest):,} other columns hold numbers, as a matrix of "
            f"lines by drugs does; but they are called {_some(rest)}, and the drugs {_some(drugs)}, the lines "
            f"{_some(lines)}. The columns of a matrix must be named by the ids of the other tables; rename them, "
            "or write a row a pair with cell_line_id, drug_id and the response."
        )
    return raw


def _holds_numbers(raw: pd.DataFrame) -> bool:
    """Whether a table has several columns beside the first, and all of them hold numbers or gaps."""
    rest = raw.iloc[:, 1:]
    return rest.shape[1] >= FEWEST and bool(rest.apply(pd.to_numeric, errors="coerce").notna().any().all())


def _some(ids: Collection[str]) -> str:
    return identifiers.listed(ids, 3)
