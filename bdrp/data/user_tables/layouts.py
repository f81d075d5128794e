"""Responses as a matrix: lines by drugs, or drugs by lines, with gaps."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.data import identifiers, reading
from bdrp.data.user_tables import columns

MOSTLY: Final = 0.5
"""Share of the column names that are ids of the other tables, from which a table is a matrix of them; chosen."""
VALUES: Final = "response"
"""The header that the cells of a matrix get."""


def melt(
    raw: pd.DataFrame, lines: Collection[str], drugs: Collection[str], path: Path, notices: list[str]
) -> pd.DataFrame:
    """A row a measured pair, where the table is a matrix of known lines by known drugs or the other way; else as it is.

    Gaps are left out. What the cells hold, a matrix does not say: it must be stated.
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
    return raw
