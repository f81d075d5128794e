"""A concentration a drug, such as Cmax, from a column of a user's table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import reading
from bdrp.data.user_tables import columns
from bdrp.errors import DataError

PER_UM: Final = {"pm": 1e-6, "nm": 1e-3, "um": 1.0, "mm": 1e3, "m": 1e6}
_UNIT: Final = re.compile(r".*_(pm|nm|um|mm|m)")


def read(path: Path, column: str, drug_names: pd.Series) -> pd.Series:
    """The natural logarithm of the concentration in µM, by drug_id; NaN for drugs that the table has none of.

    Args:
        path: the table; a row a drug, by id or name.
        column: the concentration's header, which ends in its unit.
        drug_names: by drug_id.

    Raises:
        DataError: there is no such column, its unit is not told, a concentration is not above 0, or no drug is known.
    """
    raw = reading.read_table(path)
    headers = {_plain(one): str(one) for one in raw.columns}
    keys = list(dict.fromkeys([*columns.candidates(raw, "drug_id"), *columns.candidates(raw, "name")]))
    unit = _UNIT.fullmatch(_plain(column))
    if _plain(column) not in headers or not keys or unit is None:
        raise DataError(
            f"{path.name} gives no yardstick {column!r}. Its columns are {', '.join(map(str, raw.columns[:12]))}. "
            f"Needed "
            f"are drug_id or name, and the concentration under a header that ends in its unit ({', '.join(PER_UM)}), "
            "such as cmax_um. Rename the columns."
        )
    logs = reading.log_doses(raw, headers[_plain(column)], path) + np.log(PER_UM[unit[1]])
    found = pd.Series(np.nan, index=drug_names.index)
    for key in keys:
        by_key = logs.groupby(reading.ids(raw, key).str.casefold()).median()
        for named in (drug_names.index.to_series(), drug_names):
            found = found.fillna(by_key.reindex(named.astype(str).str.casefold()).set_axis(found.index))
    if found.isna().all():
        raise DataError(
            f"{path.name} has a {column} of none of the {len(drug_names):,} drugs, by id or name; it begins with "
            f"{', '.join(reading.ids(raw, keys[0])[:3])}. Allowed: ids or names as the model has them. Correct them."
        )
    return found


def _plain(header: object) -> str:
    """A header in lower case with underscores, either of Unicode's two micro signs a u."""
    return str(header).strip().lower().replace(" ", "_").replace("\u00b5", "u").replace("\u03bc", "u")
