"""Doses of wells in µM: by the unit that a header or a column names, that is stated, or that their range tells."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import reading
from bdrp.data.delimited import plain
from bdrp.data.quantities.doses import SURELY_M, SURELY_NM, SURELY_UM
from bdrp.data.quantities.quantity import PER_UM
from bdrp.errors import DataError

_WORDS: Final = {
    **{unit: unit for unit in PER_UM},
    **{"molar": "m", "millimolar": "mm", "micromolar": "um", "nanomolar": "nm", "picomolar": "pm"},
    **{"umoll": "um", "nmoll": "nm", "moll": "m", "mmoll": "mm", "umol": "um", "nmol": "nm"},
}
DOSE: Final = re.compile(r"(?:dose|concentration|conc)(?P<unit>[a-z]*)")
"""A header of doses, in lower-case letters and digits."""
RANGES: Final = (("um", *SURELY_UM), ("nm", *SURELY_NM), ("m", *SURELY_M))
"""Highest doses, as numbers, by the unit that they tell; what lies between two of them is refused."""


def read(raw: pd.DataFrame, column: str, path: Path, stated: str | None, notices: list[str]) -> pd.Series:
    """A column of doses in µM; 0 where a well has none.

    Args:
        raw: the table.
        column: of doses; a column `unit` beside it may name the unit of each row.
        path: for messages.
        stated: the unit, whatever headers and range say.
        notices: what was converted is written here.

    Raises:
        DataError: a dose is below 0 or no number, a unit is not known, or none can be told.
    """
    values = reading.numbers(raw, column, path).fillna(0.0)
    if (values < 0).any() or np.isinf(values).any():
        raise DataError(
            f"{path.name}, column {column}, has {int(((values < 0) | np.isinf(values)).sum()):,} doses below 0 or "
            f"infinite, such as {values[(values < 0) | np.isinf(values)].iloc[0]:g}. Doses are concentrations, 0 or "
            "above; are they logarithms? Then write their exponentials."
        )
    if stated is not None:
        return values * PER_UM[_known(stated, path)]
    by_row = next((name for name in raw.columns if plain(name) in ("unit", "doseunit", "concunit")), None)
    if by_row is not None:
        units = reading.text(raw, str(by_row)).map(plain)
        factors = {unit: PER_UM[_known(unit, path)] for unit in units.unique() if unit}
        return values * units.map(factors).fillna(1.0)
    match = DOSE.fullmatch(plain(column))
    named = match["unit"] if match else ""
    unit = _known(named, path) if named else _told(values, column, path)
    if unit != "um":
        notices.append(f"Doses ({column}) are read in {unit}, {'as the header says' if named else 'by their range'}.")
    return values * PER_UM[unit]


def _known(unit: str, path: Path) -> str:
    found = _WORDS.get(plain(unit))
    if found is None:
        raise DataError(
            f"{path.name}: there is no unit of doses {unit!r}. Allowed are {', '.join(PER_UM)}; write one of them, or "
            "say --dose-unit."
        )
    return found


def _told(values: pd.Series, column: str, path: Path) -> str:
    """The unit that the upper end of the doses tells: what one in twenty wells has, or more."""
    dosed = values[values > 0]
    if dosed.empty:
        raise DataError(f"{path.name}, column {column}, holds no dose above 0. Doses are needed; is it the right file?")
    typical = float(dosed.quantile(0.95))
    for unit, low, high in RANGES:
        if low <= typical <= high:
            return unit
    raise DataError(
        f"{path.name} has the column {column} with doses up to about {typical:.3g} and no unit in its header: that "
        f"could be {'nM or µM' if typical > 300 else 'µM, mM or M'}. The doses are needed in a known unit; say "
        f"--dose-unit {'nm' if typical > 300 else 'um'} (one of {', '.join(PER_UM)}), or name the column dose_um."
    )
