"""GDSC's own raw data, as its releases publish them: a row a well, doses in µM.

A TAG says what a well is: `L12-D1-S` library drug 12 at its highest dose, alone; `NC-1` DMSO and `NC-0` untreated
controls; `B` blank; `PC-n` a positive control; `UN-USED`; `FAIL`. Combinations (`-C`) are no curves of one drug.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import reading

DESCRIPTION: Final = "GDSC's raw data: BARCODE, POSITION, TAG, DRUG_ID, CONC, INTENSITY"
NEEDED: Final = frozenset({"BARCODE", "POSITION", "TAG", "DRUG_ID", "CONC", "INTENSITY", "COSMIC_ID"})
_ROLES: Final = (
    ("sample", r"L\d+-D\d+-S"),
    ("control", "NC-1"),
    ("blank", "B"),
    ("positive", r"PC-\d+.*"),
    ("failed", "FAIL"),
)
_WIDTHS: Final = ((96, 12), (384, 24), (1536, 48))
"""Wells of a plate and how many are in a row."""


def recognises(columns: frozenset[str]) -> bool:
    """Whether a table of these columns is of this layout."""
    return columns >= NEEDED


def read(raw: pd.DataFrame, path: Path, notices: list[str]) -> pd.DataFrame:
    """Wells as `tidy.COLUMNS`; the doses are in µM.

    Raises:
        DataError: a cell that holds a number holds something else.
    """
    tag, plate = reading.text(raw, "TAG"), reading.ids(raw, "BARCODE")
    kept = ~tag.isin(["UN-USED", ""])
    raw, tag, plate = raw[kept], tag[kept], plate[kept]
    position = reading.numbers(raw, "POSITION", path)
    width = _width(float(position.max()))
    role = _role(tag, plate)
    sample = role == "sample"
    unknown = sorted(set(tag[role == ""]) - {"NC-0"})
    if unknown:
        notices.append(f"Wells with the tags {', '.join(unknown[:5])} are no single drug and no control; left out.")
    wells = pd.DataFrame(
        {
            "plate": plate,
            "row": (position - 1) // width,
            "column": (position - 1) % width,
            "role": role,
            "cell_line_id": reading.ids(raw, "COSMIC_ID"),
            "drug_id": reading.ids(raw, "DRUG_ID").where(sample, ""),
            "replicate": tag.str.extract(r"(L\d+)-", expand=False).where(sample, "").astype("str"),
            "dose_um": reading.numbers(raw, "CONC", path).where(sample, 0.0),
            "signal": reading.numbers(raw, "INTENSITY", path),
        }
    )
    return wells[wells["role"] != ""].reset_index(drop=True)


def _role(tag: pd.Series, plate: pd.Series) -> pd.Series:
    """What each well is; controls are DMSO's where the plate has them, else untreated ones."""
    known = {one: _role_of(one) for one in tag.unique()}
    has_dissolved = plate.isin(plate[tag == "NC-1"].unique())
    return tag.map(known).mask((tag == "NC-0") & ~has_dissolved, "control").astype("str")


def _role_of(tag: str) -> str:
    """What a tag says, "" where it is not used; untreated controls are used where there are no others."""
    return next((role for role, pattern in _ROLES if re.fullmatch(pattern, tag)), "")


def _width(last: float) -> int:
    return next((width for wells, width in _WIDTHS if last <= wells), int(np.ceil(np.sqrt(last * 1.5))))
