"""What the columns of a screen's tables hold, and how a breach is reported."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import pandera.errors
import pandera.pandas as pa
from pandera.typing import Index, Series

from bdrp.errors import DataError

_TEXT: Final[dict[str, Any]] = {"str_length": {"min_value": 1}}


class _Strict(pa.DataFrameModel):
    class Config:
        strict = True


class Responses(_Strict):
    """One row a measurement; units are the measure's own."""

    cell_line_id: Series[str] = pa.Field(**_TEXT)
    drug_id: Series[str] = pa.Field(**_TEXT)
    response: Series[float]
    lower_limit: Series[float] = pa.Field(nullable=True)
    upper_limit: Series[float] = pa.Field(nullable=True)
    laboratory: Series[str]
    response_sd: Series[float] | None = pa.Field(nullable=True)  # of its measurement; NaN where not known

    @pa.check("response", "lower_limit", "upper_limit", "response_sd", name="finite")
    def _finite(cls, values: pd.Series) -> Any:  # noqa: N805 - pandera makes it a class method
        return np.isfinite(values) if pd.api.types.is_numeric_dtype(values) else values.map(lambda _: True)

    @pa.check("response_sd", name="positive")
    def _positive(cls, values: pd.Series) -> Any:  # noqa: N805
        return values > 0 if pd.api.types.is_numeric_dtype(values) else values.map(lambda _: True)


class Drugs(_Strict):
    """One row a drug id; two ids may share a structure, an id never has two."""

    drug_id: Index[str] = pa.Field(unique=True, check_name=True)
    name: Series[str]
    smiles: Series[str] = pa.Field(**_TEXT)
    structure_key: Series[str] = pa.Field(**_TEXT)
    target: Series[str]
    pathway: Series[str]
    laboratory: Series[str] | None  # whose assays the ids are, in a screen of several laboratories


class CellLines(_Strict):
    """One row a cell line id; lines of one patient share its id."""

    cell_line_id: Index[str] = pa.Field(unique=True, check_name=True)
    name: Series[str]
    tissue: Series[str] = pa.Field(**_TEXT)
    patient_id: Series[str] = pa.Field(**_TEXT)


CCLE_CAP_UM: Final = 8.0
"""µM; CCLE's highest dose, which its IC50 are capped at (Barretina et al. 2012, supplement)."""
CCLE_MOST_ACTIVE: Final = 8.0
"""Activity area of a drug that kills at each of eight doses."""
CTRP_LARGEST: Final = 30.0
"""Area under a curve at twice the controls' viability throughout; the largest that was reported is 29.35."""


class CcleCurves(pa.DataFrameModel):
    """One row a curve of CCLE's official table, in its own units; rows counted from 1."""

    broad_id: Series[str] = pa.Field(**_TEXT)
    drug_id: Series[str] = pa.Field(**_TEXT)
    ic50_um: Series[float]
    act_area: Series[float]

    @pa.check("ic50_um", name="capped")
    def _capped(cls, values: pd.Series) -> Any:  # noqa: N805 - pandera makes it a class method
        return (values > 0) & (values <= CCLE_CAP_UM)

    @pa.check("act_area", name="activity")
    def _activity(cls, values: pd.Series) -> Any:  # noqa: N805
        return (values >= 0) & (values <= CCLE_MOST_ACTIVE)


class CtrpAreas(pa.DataFrameModel):
    """One row an area of CTRPv2's table."""

    broad_id: Series[str]
    drug_id: Series[str]
    area: Series[float]

    @pa.check("area", name="area")
    def _area(cls, values: pd.Series) -> Any:  # noqa: N805
        return (values >= 0) & (values <= CTRP_LARGEST)


_ALLOWED: Final = {
    "column_in_dataframe": ("is missing", "Every column of the table is needed", "add the column"),
    "column_in_schema": ("is not known", "Only the table's own columns are allowed", "drop the column"),
    "dtype": ("has the wrong type", "Ids and names are text, numbers float64", "convert the column"),
    "not_nullable": ("has {n} missing (NaN, non-finite) values", "Every row needs a value", "drop or fill these rows"),
    "finite": ("has {n} non-finite values", "Infinity is never allowed", "drop or correct these rows"),
    "positive": (
        "has {n} values that are not above 0",
        "An SD of measurement is above 0, or missing where it is not known",
        "empty these cells, or drop the column",
    ),
    "capped": (
        "has {n} values that CCLE cannot have",
        "An IC50 in µM lies above 0 and is capped at 8",
        "check the unit (nM / 1000 is µM), or fetch the file again",
    ),
    "activity": (
        "has {n} values that CCLE cannot have",
        "An activity area over eight doses lies between 0 and 8",
        "check the column (Amax is in percent), or fetch the file again",
    ),
    "area": (
        "has {n} values that CTRPv2 cannot have",
        "An area over 16 doses lies between 0 and 30, 15 for an untouched line",
        "check the unit (percent of viability / 100), or fetch the file again",
    ),
    "str_length": ("has {n} empty texts", "Every row needs a text that is not empty", "fill or drop these rows"),
    "field_uniqueness": ("has {n} rows with a repeated id", "Every id stands once", "merge or drop the repeated rows"),
    "field_name": ("has the wrong index name", "The index carries the id's name", "rename the index"),
}


def check(frame: pd.DataFrame, model: type[pa.DataFrameModel], table: str) -> None:
    """Hold a table against its model.

    Raises:
        DataError: the first breach, named with its column, count, first rows, what is allowed and what to do.
    """
    try:
        model.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        raise DataError(_told(error.failure_cases, table)) from error


def _told(cases: pd.DataFrame, table: str) -> str:
    kinds = cases["check"].astype(str).str.split("(").str[0]
    order = {kind: rank for rank, kind in enumerate(_ALLOWED)}
    worst = min(kinds, key=lambda kind: order.get(kind, len(order)))
    cases = cases[kinds == worst]
    by_case = worst.startswith("column_in_")
    column = str(cases["failure_case" if by_case else "column"].iloc[0])
    if not by_case:
        cases = cases[cases["column"].astype(str) == column]
    wrong, allowed, remedy = _ALLOWED.get(
        worst, (f"fails {worst}", "See the description of Screen", "correct the table")
    )
    wrong = wrong.format(n=f"{len(cases):,}")
    return f"{table}.{column} {wrong}{'' if by_case else _seen(cases)}. {allowed}; {remedy}."


def _seen(cases: pd.DataFrame) -> str:
    first = cases.head(5)
    if first["index"].isna().all():
        return f" (seen: {first['failure_case'].iloc[0]})"
    rows = ", ".join(f"{row}: {case!r}" for row, case in zip(first["index"], first["failure_case"], strict=True))
    return f" (rows {rows}{', ...' if len(cases) > 5 else ''})"
