"""The door of an update: what a table of measurements must hold before a model takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.identifiers import listed
from bdrp.data.screen import find_caps
from bdrp.errors import DataError
from bdrp.fitted.measurements import KEYS, KNOWN, VALUES

MOST_ROWS: Final = 3_000
"""Rows that a posterior is conditioned on at once; chosen: their covariances take 0.4 GB and some ten seconds."""


def tidy_rows(measured: pd.DataFrame) -> pd.DataFrame:
    """The rows as text and numbers: `KEYS`, `VALUES` and, where any is known, `KNOWN`; what is not given is NaN.

    Raises:
        DataError: a column is missing, an id is empty, a response no finite number or an SD not above 0; all rows are
            named.
    """
    lacking = [column for column in (*KEYS, "response") if column not in measured]
    if lacking:
        raise DataError(
            f"The measurements lack the column {', '.join(lacking)}; seen: {listed(measured.columns)}. Needed are "
            "cell_line_id, drug_id and response, in the model's measure. Rename or add them."
        )
    known = [KNOWN] if KNOWN in measured and measured[KNOWN].notna().any() else []
    if measured.empty:
        raise DataError("The measurements hold no row. At least one is needed to update a model. Give some.")
    nothing = np.full(len(measured), np.nan)
    ids = {name: measured[name].astype("str").array for name in KEYS}
    values = {name: measured[name].to_numpy(np.float64) if name in measured else nothing for name in (*VALUES, *known)}
    blank = np.logical_or.reduce([np.asarray(each == "", bool) for each in ids.values()])
    wrong = np.flatnonzero(~np.isfinite(values["response"]) | blank)
    if len(wrong):
        raise DataError(
            f"{len(wrong):,} measurements have no id or no finite response (row {listed(wrong + 1)}, the first being "
            "1). Every row needs both ids and a number; what was not measured is left out, and what lies beyond a dose "
            "is the limit itself. Correct or drop these rows."
        )
    if known and not (np.isnan(values[KNOWN]) | ((values[KNOWN] > 0) & np.isfinite(values[KNOWN]))).all():
        raise DataError(
            f"The measurements have values of {KNOWN} that are not above 0. It is the SD of a measurement, and empty "
            "where it is not known. Correct or drop them."
        )
    return pd.DataFrame(ids | values)


def refuse_unknown(rows: pd.DataFrame, drugs: pd.Index, lines: pd.Index) -> None:
    """Refuse rows of drugs without a structure or lines without expression, all in one refusal.

    Raises:
        DataError: naming them, and the ids that there are.
    """
    wrong = []
    for column, known, lack, cure in (
        ("drug_id", drugs, "structure", "--drugs TABLE (drug_id, smiles)"),
        (
            "cell_line_id",
            lines,
            "expression",
            "--expression TABLE (cell_line_id, one column a gene)",
        ),
    ):
        named = pd.Index(rows[column].unique())
        ids = named[known.get_indexer(named) < 0]
        if len(ids):
            wrong.append(
                f"{len(ids):,} {column} have no {lack} ({listed(ids)}; known are {len(known):,} such as "
                f"{listed(known, 3)}): give them by {cure}, or correct the ids"
            )
    if wrong:
        raise DataError(
            f"{'; '.join(wrong)}. A measurement informs by the structure and the expression of its pair; every row "
            "needs both."
        )


def refuse_repeated(rows: pd.DataFrame, earlier: Mapping[str, pd.DataFrame]) -> None:
    """Refuse measurements that the model has taken already: the same pair with the same value.

    Another value of a pair is a replicate, and welcome; so is an equal one at a limit, which replicates often share.

    Args:
        rows: new ones.
        earlier: cell_line_id, drug_id and response of what was taken, by what it is called.

    Raises:
        DataError: naming the rows.
    """
    for where, table in earlier.items():
        again = _stand_in(rows, table)
        if again.any():
            at = np.flatnonzero(again)
            pairs = [f"{line} with {drug}" for line, drug in rows.loc[again, KEYS].itertuples(index=False)]
            raise DataError(
                f"{len(at):,} of {len(rows):,} measurements stand in {where} with the same value (row "
                f"{listed(at + 1)}, the first being 1: {listed(pairs, 3)}). One measurement counts once; a replicate "
                "has a value of its own. Drop these rows."
            )


def refuse_too_many(rows: pd.DataFrame) -> None:
    """Refuse more rows than one update in closed form can hold.

    Raises:
        DataError: saying how many there may be.
    """
    if len(rows) > MOST_ROWS:
        raise DataError(
            f"A model is to hold {len(rows):,} measurements beside its fit. At most {MOST_ROWS:,} can be: the closed "
            "form solves for all of them at once. Fit again with `bdrp fit`, on the screen and these rows together."
        )


def at_limit(rows: pd.DataFrame) -> pd.Series:
    """(N,) whether a response is a limit: known to lie there or beyond."""
    side = find_caps(*(rows[column].to_numpy(np.float64) for column in VALUES))
    return pd.Series(side != 0, index=rows.index)


def _stand_in(rows: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    """Which rows are pairs of a table with an equal response, to single precision."""
    both = rows[KEYS].assign(row=range(len(rows)), value=rows["response"])
    found = both.merge(table[[*KEYS, "response"]].astype(dict.fromkeys(KEYS, "str")), on=KEYS)
    same = (
        np.isclose(found["value"], found["response"], rtol=1e-6, atol=1e-9) & ~at_limit(rows).to_numpy()[found["row"]]
    )
    return pd.Series(np.isin(np.arange(len(rows)), found.loc[same, "row"]), index=rows.index)
