"""Responses of a line or a drug that stand again under another's id."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.identifiers import listed
from bdrp.data.screen import is_censored
from bdrp.errors import BdrpWarning

FEWEST_EQUAL: Final = 5
"""Equal responses of two lines from which these are a copy; chosen: in GDSC2 20 of 158,674 equal another's, singly."""
MOST_EQUAL: Final = 0.5  # chosen: share of what two lines have in common that may be equal
COMMON: Final = 0.01  # chosen: share of a table from which an equal response is a cap, and says nothing
MOST_ALIKE: Final = 50  # chosen: a drug's response that more lines share is coarse, and says nothing either


def warn_of_copies(rows: pd.DataFrame, name: str) -> None:
    """Warn of lines, and of drugs, that have another's responses; what stands twice of one compound is dropped before.

    Args:
        rows: of cell_line_id, drug_id, response and limits.
        name: of the table, for messages.

    Warns:
        BdrpWarning: which, and in how many responses.
    """
    for of, over, noun in (("cell_line_id", "drug_id", "lines"), ("drug_id", "cell_line_id", "drugs")):
        for doubt in _copied(rows, of, over, noun):
            warnings.warn(f"{name}: {doubt}", BdrpWarning, stacklevel=3)


def _copied(rows: pd.DataFrame, of: str, over: str, noun: str) -> Iterator[str]:
    """Lines (drugs) that have another's response with most of their drugs (lines)."""
    if rows.duplicated([over, "response"]).sum() < FEWEST_EQUAL:
        return
    known = rows[np.isfinite(rows["response"]) & ~is_censored(rows)]
    often = known["response"].map(known["response"].value_counts()) > max(MOST_ALIKE, COMMON * len(rows))
    table = known.loc[~often, [of, over, "response"]].drop_duplicates()
    sizes = table.groupby([over, "response"])[of].transform("size")
    shared = table[(sizes > 1) & (sizes <= MOST_ALIKE)].rename(columns={of: "one"})
    met = shared.merge(shared.rename(columns={"one": "other"}), on=[over, "response"])
    equal = met[met["one"] < met["other"]].groupby(["one", "other"]).size()
    partners = table[[of, over]].drop_duplicates().groupby(of)[over].agg(set)
    copies = [
        (one, other, count)
        for (one, other), count in equal[equal >= FEWEST_EQUAL].items()
        if count > MOST_EQUAL * len(partners[one] & partners[other])
    ]
    if copies:
        shown = listed((f"{one} and {other}: {count:,}" for one, other, count in copies), 3)
        yield (
            f"{len(copies):,} pairs of {noun} have the very same response in more than half of what both were measured "
            f"with ({shown}). Two experiments differ: one of each was copied or stands under two ids. Keep the rows of "
            "one, under its own id."
        )
