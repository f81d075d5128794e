"""What of a log stands: each reviewer's last word on a pair, pairs that are settled, and where reviewers differ."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bdrp.predictive.distribution import KEYS
from bdrp.triage.decision import SETTLING

CONFLICT: Final = (*KEYS, "decisions", "reviewers", "comments")
"""Columns of a table of conflicts."""


def find_standing(entries: pd.DataFrame) -> pd.DataFrame:
    """The last entry of each reviewer on each pair, in the order of the log.

    An entry counts from the time at which it was decided, or, where that was not noted, recorded; of two from one
    time, the later in the log stands. Reviewers are told apart by their names, whatever the case.
    """
    when = pd.to_datetime(
        entries["time"].where(entries["time"] != "", entries["recorded_at"]), utc=True, format="ISO8601"
    )
    who = entries["reviewer"].str.casefold().str.split().str.join(" ")
    order = entries.assign(_when=when, _who=who).sort_values(["_when", "entry"], kind="stable")
    last = ~order.duplicated([*KEYS, "_who"], keep="last")
    return order[last].sort_values("entry").drop(columns=["_when", "_who"]).reset_index(drop=True)


def find_settled(entries: pd.DataFrame) -> pd.DataFrame:
    """cell_line_id and drug_id of the pairs that are not to be asked again: somebody decided, or measured them."""
    standing = find_standing(entries)
    decided = standing.loc[standing["decision"].isin(SETTLING), list(KEYS)]
    measured = entries.loc[entries["measured"] != "", list(KEYS)]
    return pd.concat([decided, measured]).drop_duplicates(ignore_index=True)


def find_conflicts(entries: pd.DataFrame) -> pd.DataFrame:
    """Pairs on which reviewers decided differently, with `CONFLICT`; whoever skipped a pair contradicts nobody.

    decisions, reviewers and comments are in one order, separated by "; ".
    """
    standing = find_standing(entries)
    decided = standing[standing["decision"].isin(SETTLING)]
    differing = decided.groupby(list(KEYS))["decision"].transform("nunique") > 1
    rows = [
        (*pair, *("; ".join(group[name]) for name in ("decision", "reviewer", "comment")))
        for pair, group in decided[differing].groupby(list(KEYS), sort=True)
    ]
    return pd.DataFrame(rows, columns=list(CONFLICT), dtype="str")
