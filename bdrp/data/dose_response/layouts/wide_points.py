"""Viabilities with a curve a row: CCLE's release, and the layout that PharmacoGx makes of it.

CCLE writes the doses (µM) and the medians of its replicates as lists, as per cent of growth taken away (-58 is a
viability of 42 %); PharmacoGx as columns `Dose1.uM` ... and `viab1` ... in per cent.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import reading
from bdrp.data.identifiers import listed
from bdrp.errors import DataError

DESCRIPTION: Final = "a curve a row: CCLE's drug data, or Dose1.uM ... and viab1 ..."
_LISTS: Final = ("Doses (uM)", "Activity Data (median)")
_DOSE: Final = re.compile(r"Dose(\d+)\.uM")


def recognises(columns: frozenset[str]) -> bool:
    """Whether a table of these columns is of this layout."""
    return columns >= {*_LISTS, "Compound"} or columns >= {"Dose1.uM", "viab1", "sampleid", "treatmentid"}


def read(raw: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Points as `points.COLUMNS`; the doses are in µM, viabilities in fractions.

    Raises:
        DataError: a cell that holds numbers holds something else.
    """
    if _LISTS[0] in raw.columns:
        dose, activity = (_lists(raw, column, path) for column in _LISTS)
        line = next(name for name in ("CCLE Cell Line Name", "Primary Cell Line Name") if name in raw.columns)
        return _points(raw, line, "Compound", dose, 1 + activity / 100)
    numbers = [match[1] for column in raw.columns if (match := _DOSE.fullmatch(str(column)))]
    dose, viability = (
        np.column_stack([reading.numbers(raw, pattern.format(number), path) for number in numbers])
        for pattern in ("Dose{}.uM", "viab{}")
    )
    return _points(raw, "sampleid", "treatmentid", dose, viability / 100)


def _points(raw: pd.DataFrame, line: str, drug: str, dose: np.ndarray, viability: np.ndarray) -> pd.DataFrame:
    width = dose.shape[1]
    ids = {"cell_line_id": reading.ids(raw, line), "drug_id": reading.ids(raw, drug)}
    repeated = {meaning: values.repeat(width).reset_index(drop=True) for meaning, values in ids.items()}
    twice = pd.DataFrame(ids).groupby(list(ids)).cumcount()  # a curve measured again is a replicate
    table = pd.DataFrame(repeated).assign(
        plate="",
        replicate=np.where(twice == 0, "", (twice + 1).astype("str")).repeat(width),
        dose_um=dose.ravel(),
        viability=viability.ravel(),
    )
    return table[table["dose_um"].notna()].astype({"plate": "str", "replicate": "str"}).reset_index(drop=True)


def _lists(raw: pd.DataFrame, column: str, path: Path) -> np.ndarray:
    """Lists of numbers as an array (curves, longest), NaN where a list is shorter."""
    cells = reading.text(raw, column).str.split(",", expand=True)
    values = cells.apply(pd.to_numeric, errors="coerce")
    wrong = (values.isna() & cells.notna() & (cells != "")).any(axis=1)
    if wrong.any():
        raise DataError(
            f"{path.name}, column {column}, has {int(wrong.sum()):,} lists that are no numbers (row "
            f"{listed(np.flatnonzero(wrong) + 1)}, the first below the header being 1). Numbers with commas between "
            "them are needed; correct or drop these rows."
        )
    return values.to_numpy(dtype=float)
