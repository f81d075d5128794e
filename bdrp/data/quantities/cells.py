"""Cells of numbers, some of which say only "more than": `>10`, `<0.001`, `10 (max)`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data import reading, written_numbers
from bdrp.data.identifiers import listed
from bdrp.errors import DataError

_CELL: Final = re.compile(
    r"(?P<mark>>=|<=|=>|=<|[<>≥≤])?\s*(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*\(?(?P<end>max|min)?\)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Cells:
    """Numbers of a column (N,): `sign` is 1 where a cell says "this or more", -1 "this or less", 0 the number."""

    values: npt.NDArray[np.float64]
    sign: npt.NDArray[np.int8]


def read_cells(frame: pd.DataFrame, column: str, path: Path) -> Cells:
    """The numbers and marks of a column; NaN where a cell is empty or says that there is no number.

    Raises:
        DataError: a cell holds something else than a number with or without a mark.
    """
    values = written_numbers.read_numbers(frame[column])
    sign = np.zeros(len(values), dtype=np.int8)
    texts = reading.text(frame, column)
    wrong = []
    for row in np.flatnonzero(np.isnan(values) & ~written_numbers.is_gap(frame[column])):
        found = _CELL.fullmatch(texts.iloc[row])
        if found is None or not (found["mark"] or found["end"]):
            wrong.append(row)
            continue
        values[row] = float(found["number"])
        sign[row] = _sign(found)
    if wrong:
        raise _no_numbers([texts.iloc[row] for row in wrong], wrong, column, path)
    return Cells(values, sign)


def limits(cells: Cells, converted: npt.NDArray[Any], rises: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Lower and upper limit (N,) of the measure that the marks say; NaN where there is no mark.

    Where the measure falls as the quantity rises, more of one is less of the other.
    """
    sign = cells.sign if rises else -cells.sign
    return np.where(sign < 0, converted, np.nan), np.where(sign > 0, converted, np.nan)


def _sign(found: re.Match[str]) -> int:
    mark, end = found["mark"] or "", (found["end"] or "").lower()
    if mark:
        return 1 if ">" in mark or "≥" in mark else -1
    return 1 if end == "max" else -1


def _no_numbers(cells: list[str], rows: list[Any], column: str, path: Path) -> DataError:
    hint = f" {written_numbers.COMMAS}" if any("," in cell for cell in cells[:5]) else ""
    return DataError(
        f"{path.name}, column {column}, has {len(rows):,} cells that are no numbers (row "
        f"{listed(int(row) + 1 for row in rows[:5])}, the first below the header being 1: {listed(cells[:5], 5)}). "
        f"Numbers are needed, or >10, <0.01 and 10 (max) for what lies beyond the tested doses.{hint} Correct these "
        "cells, or drop the rows where nothing was measured."
    )
