"""One measurement that stands in several rows: by a table joined twice, or a curve under two ids of one compound."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bdrp.data import reading
from bdrp.data.identifiers import listed

EXACT_DIGITS: Final = 4
"""Significant digits from which two equal values of a pair are one measurement that stands twice; chosen: replicates
agree to four digits once in some thousand pairs."""
EXACT: Final = "exact"
"""The column that says whether an equal value is the same measurement."""
_VALUE: Final = ("response", "lower_limit", "upper_limit", "laboratory")


def mark_exact(raw: pd.DataFrame, column: str) -> pd.Series:
    """Whether a row has a value of many digits, or stands in the table word for word before.

    In a column of many digits, 0.984 is 0.9840 too; a cap, such as 8, is not.
    """
    mantissa = reading.text(raw, column).str.lower().str.partition("e")[0]
    digits = mantissa.str.replace(r"^[^1-9]*|\D", "", regex=True).str.len()
    shorter = (digits >= EXACT_DIGITS - 2) & mantissa.str.contains(".", regex=False)
    many = digits >= EXACT_DIGITS
    return many | (shorter & (many.mean() > 0.5)) | raw.duplicated()


def drop_repeated(rows: pd.DataFrame, compounds: pd.Series, notices: list[str]) -> pd.DataFrame:
    """Rows without those that say again what another says; what is dropped is counted in `notices`.

    Args:
        rows: of line, drug, response, limits and `EXACT`, under the ids that join.
        compounds: the structure key by drug_id.
        notices: see above.
    """
    compound = rows["drug_id"].map(compounds).fillna(rows["drug_id"])
    within = rows[["cell_line_id", "drug_id", *_VALUE]].duplicated() & rows[EXACT]
    across = rows[["cell_line_id", *_VALUE]].assign(compound=compound).duplicated() & rows[EXACT] & ~within
    for twice, where in ((within, ""), (across, " under another id of the compound")):
        if twice.any():
            pairs = rows.loc[twice, ["cell_line_id", "drug_id"]].drop_duplicates()
            shown = listed((f"{line} with {drug}" for line, drug in pairs.itertuples(index=False)), 3)
            notices.append(
                f"{int(twice.sum()):,} responses dropped: they stand there already{where} with the same value, as "
                f"duplicates and not as replicates ({shown})."
            )
    return rows[~(within | across)].reset_index(drop=True)
