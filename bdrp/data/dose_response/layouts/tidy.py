"""A tidy table of wells: plate, well (or row and column), line, drug, dose, intensity and role; or of viabilities.

A table with an intensity and controls is normalised plate by plate; one with a viability is taken as normalised.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import reading
from bdrp.data.delimited import plain
from bdrp.data.dose_response import doses
from bdrp.data.identifiers import listed
from bdrp.data.user_tables.columns import ALIASES as ALIASES_OF_IDS
from bdrp.errors import DataError

DESCRIPTION: Final = "a row a well: plate, well, cell_line_id, drug_id, dose_um, intensity, role; or a viability"
COLUMNS: Final = ("plate", "row", "column", "role", "cell_line_id", "drug_id", "replicate", "dose_um", "signal")
ALIASES: Final = MappingProxyType(
    {
        "plate": ("plate", "barcode", "plateid", "assayplate", "platebarcode"),
        "well": ("well", "wellid", "wellposition"),
        "row": ("row", "wellrow"),
        "column": ("column", "col", "wellcolumn", "wellcol"),
        "cell_line_id": ALIASES_OF_IDS["cell_line_id"],
        "drug_id": ALIASES_OF_IDS["drug_id"],
        "replicate": ("replicate", "rep", "replicateid"),
        "role": ("role", "welltype", "type", "contenttype", "wellrole"),
        "signal": ("intensity", "signal", "rawintensity", "luminescence", "fluorescence", "rlu", "rfu", "counts"),
        "viability": ("viability", "response", "survival", "viabilityfraction", "viabilitypercent", "cellviability"),
    }
)
"""Headers by what they mean, in lower-case letters and digits, the preferred first."""
ROLES: Final = MappingProxyType(
    {
        "control": "control negative negativecontrol neg nc vehicle dmso untreated ctrl negcon".split(),
        "blank": "blank background medium mediaonly nocells empty b".split(),
        "sample": "sample treated drug compound treatment single trt".split(),
        "positive": "positive positivecontrol pos pc poscon".split(),
        "time_zero": "timezero t0 day0 d0 untreatedt0".split(),
        "failed": "failed fail excluded masked flagged".split(),
        "unused": ["unused", ""],
    }
)
"""Names of what a well is."""


def find(columns: Iterable[object], meaning: str) -> str | None:
    """The header that has a meaning; None where none has."""
    by_name = {plain(column): str(column) for column in columns}
    return next((by_name[alias] for alias in ALIASES[meaning] if alias in by_name), None)


def dose_column(columns: Iterable[object]) -> str | None:
    """The header of doses."""
    return next((str(column) for column in columns if doses.DOSE.fullmatch(plain(column))), None)


def recognises(columns: frozenset[str]) -> bool:
    """Whether a table of these columns has a dose and an intensity or a viability for each well."""
    measured = find(columns, "signal") or find(columns, "viability")
    return bool(dose_column(columns) and measured and find(columns, "drug_id"))


def read_wells(raw: pd.DataFrame, path: Path, dose_unit: str | None, notices: list[str]) -> pd.DataFrame:
    """Wells as `COLUMNS`, from a table with an intensity.

    Raises:
        DataError: a column is missing, a role is not known, or the unit of doses cannot be told.
    """
    found = {meaning: _needed(raw, meaning, path) for meaning in ("plate", "cell_line_id", "drug_id", "role", "signal")}
    wells = pd.DataFrame(
        {meaning: reading.ids(raw, found[meaning]) for meaning in ("plate", "cell_line_id", "drug_id")}
    )
    wells["replicate"] = reading.ids(raw, find(raw.columns, "replicate") or "replicate")
    wells["role"] = _roles(raw, found["role"], path)
    wells["dose_um"] = doses.read(raw, str(dose_column(raw.columns)), path, dose_unit, notices)
    wells["signal"] = reading.numbers(raw, found["signal"], path)
    wells[["row", "column"]] = _positions(raw, path)
    return wells.loc[wells["role"] != "unused", list(COLUMNS)].reset_index(drop=True)


def read_viabilities(raw: pd.DataFrame, path: Path, dose_unit: str | None, notices: list[str]) -> pd.DataFrame:
    """Points as `points.COLUMNS`, viabilities as they are written.

    Raises:
        DataError: a column is missing, or the unit of doses cannot be told.
    """
    found = {meaning: _needed(raw, meaning, path) for meaning in ("cell_line_id", "drug_id", "viability")}
    return pd.DataFrame(
        {
            "cell_line_id": reading.ids(raw, found["cell_line_id"]),
            "drug_id": reading.ids(raw, found["drug_id"]),
            "plate": reading.ids(raw, find(raw.columns, "plate") or "plate"),
            "replicate": reading.ids(raw, find(raw.columns, "replicate") or "replicate"),
            "dose_um": doses.read(raw, str(dose_column(raw.columns)), path, dose_unit, notices),
            "viability": reading.numbers(raw, found["viability"], path),
        }
    )


def _needed(raw: pd.DataFrame, meaning: str, path: Path) -> str:
    found = find(raw.columns, meaning)
    if found is None:
        raise DataError(
            f"{path.name} has no column {meaning}. Its columns are {listed(raw.columns, 12)}; {meaning} may also be "
            f"called {listed(ALIASES[meaning][1:], 4)}. Wells need plate, cell_line_id, drug_id, dose_um, intensity "
            "and role (sample, control or blank); viabilities that are normalised need no plate and no role. Add the "
            "column."
        )
    return found


def _roles(raw: pd.DataFrame, column: str, path: Path) -> pd.Series:
    known = {name: role for role, names in ROLES.items() for name in names}
    written = reading.text(raw, column)
    roles = written.map(lambda cell: known.get(plain(cell), "?"))
    if (roles == "?").any():
        raise DataError(
            f"{path.name}, column {column}, says what {int((roles == '?').sum()):,} wells are in words that are not "
            f"known: {listed(sorted(set(written[roles == '?'])), 5)}. Allowed are {', '.join(ROLES)} and usual other "
            "names (dmso, vehicle, background, treated); rename them, or leave out these wells."
        )
    return roles.astype("str")


def _positions(raw: pd.DataFrame, path: Path) -> np.ndarray:
    """Row and column of each well, from 0; NaN where the table does not say."""
    row, column = find(raw.columns, "row"), find(raw.columns, "column")
    if row and column:
        letters = reading.text(raw, row)
        rows = pd.to_numeric(letters, errors="coerce")
        return np.column_stack([rows.where(rows.notna(), letters.map(_letters)), reading.numbers(raw, column, path)])
    well = find(raw.columns, "well")
    if well is None:
        return np.full((len(raw), 2), np.nan)
    parts = reading.text(raw, well).str.extract(r"^([A-Za-z]{1,2})0*(\d+)$")
    return np.column_stack([parts[0].map(_letters), pd.to_numeric(parts[1], errors="coerce") - 1])


def _letters(text: object) -> float:
    """A row's letters as its number: A is 0, Z is 25, AA is 26."""
    if not isinstance(text, str) or not text.isalpha():
        return float("nan")
    number = 0
    for letter in text.upper():
        number = 26 * number + ord(letter) - ord("A") + 1
    return float(number - 1)
