"""The tables that a prediction is asked with: what they must hold."""

from __future__ import annotations

import pandas as pd

from bdrp.data.profiles import Profiles
from bdrp.errors import DataError


def check_tables(drugs: pd.DataFrame, profiles: Profiles) -> None:
    """Refuse tables that lack a column or hold an id twice.

    Raises:
        DataError: which, and what to do.
    """
    lacking = [column for column in ("smiles", "structure_key") if column not in drugs]
    if lacking:
        raise DataError(
            f"drugs lack the column {', '.join(lacking)}. A structure and its key are needed. "
            "Read the table with bdrp.data.sources.tables.read_drugs, which makes both from SMILES."
        )
    if "upper_limit" in drugs and not pd.api.types.is_numeric_dtype(drugs["upper_limit"]):
        raise DataError(
            f"drugs has an upper_limit of type {drugs['upper_limit'].dtype}. A highest dose in the measure's unit is "
            "needed, NaN where it is not known. Convert the column, or drop it."
        )
    holding = {f"{name} holds": table.index for name, table in profiles.items()}
    for what, index in ({"drugs hold": drugs.index} | holding).items():
        twice = index[index.duplicated()].unique()
        if len(twice):
            raise DataError(
                f"{what} {len(twice)} ids twice: {', '.join(map(str, twice[:5]))}. Every id may stand once. "
                "Keep one row of each."
            )


def pair_ids(pairs: pd.DataFrame) -> pd.DataFrame:
    """The two columns of ids.

    Raises:
        DataError: one is missing.
    """
    lacking = [column for column in ("cell_line_id", "drug_id") if column not in pairs]
    if lacking:
        raise DataError(f"pairs lack the column {', '.join(lacking)}. Every pair is a line and a drug. Add the ids.")
    return pairs[["cell_line_id", "drug_id"]]
