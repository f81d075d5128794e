"""Which pairs can be measured: those that nothing is known of, all or those of a table."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bdrp.data.identifiers import listed
from bdrp.errors import DataError
from bdrp.fitted.known import find_ids

KEYS = ["cell_line_id", "drug_id"]


def cross(lines: Iterable[str], drugs: Iterable[str]) -> pd.DataFrame:
    """Every line with every drug: cell_line_id, drug_id."""
    product = pd.MultiIndex.from_product([pd.Index(lines, dtype="str"), pd.Index(drugs, dtype="str")], names=KEYS)
    return product.to_frame(index=False)


def without_measured(pairs: pd.DataFrame, *measured: pd.DataFrame | None) -> pd.DataFrame:
    """The pairs of which no table has a row."""
    keys, known = pd.MultiIndex.from_frame(pairs[KEYS]), np.zeros(len(pairs), dtype=bool)
    for table in measured:
        if table is not None:
            known |= keys.isin(pd.MultiIndex.from_frame(table[KEYS].astype("str")))
    return pairs[~known].reset_index(drop=True)


def name_pairs(table: pd.DataFrame, lines: pd.Series, drugs: pd.Series, own_lines: pd.Index) -> pd.DataFrame:
    """The pairs of a table by ids or names: a row a pair, or a list of lines or drugs, each with all of the others.

    Args:
        table: cell_line_id, drug_id, or both.
        lines: names by cell_line_id.
        drugs: names by drug_id.
        own_lines: the lines that a list of drugs is meant for.

    Raises:
        DataError: it has neither column or no row, or names what is not known.
    """
    given = [column for column in KEYS if column in table]
    if not given or table.empty:
        raise DataError(
            f"The candidates have the columns {listed(table.columns)} and {len(table):,} rows. Needed are cell_line_id "
            "and drug_id for pairs, or one of them for a list, and at least one row. Rename or add them."
        )
    ids = {
        column: _ids(table[column], names)
        for column, names in zip(KEYS, (lines, drugs), strict=True)
        if column in given
    }
    if len(ids) == 2:
        found = pd.DataFrame({column: table[column].astype("str").map(ids[column]) for column in KEYS})
        return found.explode("cell_line_id").explode("drug_id").drop_duplicates().reset_index(drop=True).astype("str")
    flat = {
        column: list(dict.fromkeys(one for each in known.values() for one in each)) for column, known in ids.items()
    }
    return cross(flat.get("cell_line_id", list(own_lines)), flat.get("drug_id", list(drugs.index)))


def _ids(asked: pd.Series, names: pd.Series) -> dict[str, list[str]]:
    """Ids by what is asked for; a name may stand for several."""
    what = "cell line" if asked.name == "cell_line_id" else "drug"
    return {one: find_ids([one], names, what) for one in asked.astype("str").unique()}
