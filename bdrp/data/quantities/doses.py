"""The lowest and the highest tested dose of a response, in whichever unit they are written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import reading
from bdrp.data.delimited import plain
from bdrp.data.identifiers import listed
from bdrp.data.quantities.quantity import PER_UM
from bdrp.errors import DataError

_DOSE: Final = re.compile(
    r"(?P<end>min|max|lowest|highest|minimum|maximum)(?:tested|test|screening)?(?:conc|concentration|dose)"
    r"(?P<unit>um|nm|mm|m|pm|umol|micromolar|nanomolar|millimolar|molar)?"
)
_UNKNOWN: Final = re.compile(r"(?:min|max|lowest|highest|minimum|maximum)(?:tested|test|screening)?(?:conc|dose).*")
_UNITS: Final = {"umol": "um", "micromolar": "um", "nanomolar": "nm", "millimolar": "mm", "molar": "m"}
SURELY_UM: Final = (0.03, 300.0)
"""Median highest dose, as a number, that is in µM where no unit is named; chosen: those of public screens are 0.1 to
100 µM, and a highest dose below 300 nM is no screen's."""
SURELY_NM: Final = (3_000.0, 3e6)
SURELY_M: Final = (1e-8, 3e-4)


def columns(raw: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """The columns of doses by the limit that they are: header and unit, "" where it names none.

    >>> columns(pd.DataFrame(columns=["min_conc", "MAX_CONC_NM"]))
    {'lower_limit': ('min_conc', ''), 'upper_limit': ('MAX_CONC_NM', 'nm')}
    """
    found: dict[str, tuple[str, str]] = {}
    for column in raw.columns:
        if match := _DOSE.fullmatch(plain(column)):
            unit = match["unit"] or ""
            limit = "lower_limit" if match["end"].startswith(("min", "low")) else "upper_limit"
            found.setdefault(limit, (str(column), _UNITS.get(unit, unit)))
    return found


def is_limit_of_unknown_unit(column: str) -> bool:
    """Whether a header names the lowest or highest dose, in words that are not understood.

    >>> is_limit_of_unknown_unit("max_conc (mg/ml)"), is_limit_of_unknown_unit("max_conc_um")
    (True, False)
    """
    return bool(_UNKNOWN.fullmatch(plain(column))) and _DOSE.fullmatch(plain(column)) is None


def read_log_doses(raw: pd.DataFrame, path: Path, stated: str | None, notices: list[str]) -> dict[str, pd.Series]:
    """Ln of the doses in µM, by the limit that they are; NaN where a cell is empty.

    Args:
        raw: the table.
        path: for messages.
        stated: the unit that the user says, instead of what headers and range tell.
        notices: what was converted is written here.

    Raises:
        DataError: a dose is not positive and finite, or the unit cannot be told.
    """
    found = columns(raw)
    if not found:
        return {}
    if stated is not None and stated not in PER_UM:
        raise DataError(f"There is no unit of doses {stated!r}. Allowed are {', '.join(PER_UM)}; take one of them.")
    logs = {limit: reading.log_doses(raw, column, path) for limit, (column, _) in found.items()}
    named = {unit for _, unit in found.values()} - {""}
    if len(named) > 1:
        shown = " and ".join(column for column, _ in found.values())
        raise DataError(f"{path.name} has doses in two units: {shown}. One unit is needed; convert one column.")
    unit = stated or _told(logs, found, next(iter(named), ""), path)
    if unit != "um":
        shown = listed(column for column, _ in found.values())
        why = "as stated" if stated else "as the header says" if named else "by their range"
        notices.append(f"Doses ({shown}) are read in {unit}, {why}.")
    return {limit: values + float(np.log(PER_UM[unit])) for limit, values in logs.items()}


def _told(logs: dict[str, pd.Series], found: dict[str, tuple[str, str]], named: str, path: Path) -> str:
    """The unit that the header names, where it can be, else the one that the range of the highest doses tells."""
    column, _ = found.get("upper_limit", found["lower_limit" if "lower_limit" in found else "upper_limit"])
    values = np.exp(logs["upper_limit" if "upper_limit" in logs else "lower_limit"].dropna())
    if values.empty or "upper_limit" not in logs:
        return named or "um"
    typical = float(values.median())
    um = typical * PER_UM[named or "um"]
    if named:
        if 3e-4 <= um <= SURELY_NM[0]:
            return named
        raise _unclear(path, column, f"whose median of {typical:.4g} would be {um:.3g} µM", _nearest(typical))
    for unit, (low, high) in (("um", SURELY_UM), ("nm", SURELY_NM), ("m", SURELY_M)):
        if low <= typical <= high:
            return unit
    raise _unclear(path, column, f"with the median {typical:.4g} and no unit in its header", "nm or um")


def _nearest(typical: float) -> str:
    return "nm" if typical > 1 else "m"


def _unclear(path: Path, column: str, seen: str, guess: str) -> DataError:
    return DataError(
        f"{path.name} has the column {column} {seen}: no assay's highest dose is told by that. The doses are needed in "
        f"a known unit; say --dose-unit {guess} (one of {', '.join(PER_UM)}), or name the column as max_conc_um."
    )
