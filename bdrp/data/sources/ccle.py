"""CCLE: the Cancer Cell Line Encyclopedia's 24 drugs on 504 lines (NP24, 2009 to 2015).

Barretina et al., Nature 2012, 483, 603. The release caps an IC50 at 8 µM, its highest dose: such a response says that
the IC50 is 8 µM or more, and counts as beyond the upper limit (`bdrp.data.screen.is_censored`), as more than half do.
The activity area is the sum over eight doses of the viability lost (0 to 8), so that `1 - ActArea / 8` is the mean
viability left: `auc_fraction`. A curve with six or seven doses (97 of 11,670) is divided by 8 all the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import joining, reading, schemas
from bdrp.data.identifiers import listed
from bdrp.data.screen import Screen
from bdrp.data.sources import _broad
from bdrp.errors import DataError

DESCRIPTION = "CCLE: 24 drugs, the official NP24 table, with GDSC's expression or CCLE's RNA-seq"
RESPONSES: Final = ("CCLE_NP24*Drug_data*",)
STRUCTURES: Final = ("ccle*smiles*",)
CAP_UM: Final = schemas.CCLE_CAP_UM
FLOOR_UM: Final = 0.002542614
"""The lowest IC50 of the release, which 47 curves share: none was reported below it, so it is a limit like the cap."""
DOSES: Final = 8.0
"""What the activity area of a drug that kills at every dose is."""
_COLUMNS: Final = {
    "broad_id": "CCLE Cell Line Name",
    "line_name": "Primary Cell Line Name",
    "drug_id": "Compound",
    "target": "Target",
    "doses": "Doses (uM)",
    "ic50_um": "IC50 (uM)",
    "act_area": "ActArea",
}


def load(root: Path | None, *, measure: str = "ln_ic50_um", profile: str = "rma", **files: str | Path) -> Screen:
    """CCLE as a screen, its lines by COSMIC id where they have one.

    Args:
        root: the folder below which the files lie.
        measure: ln_ic50_um, with the limits of what was tested, or auc_fraction.
        profile: "rma", GDSC's array expression, or "rnaseq_z", CCLE's RNA-seq (see `_broad.PROFILES`).
        files: paths of responses, expression, structures, model_list, sample_info, instead of finding them by name.

    Raises:
        DataError: a file is missing, cannot be read, or does not say what it should.
    """
    paths = _broad.list_wanted_files("ccle", RESPONSES, STRUCTURES, profile).find(root, files)
    notices = joining.Notices()
    tables = _broad.Tables.read(paths, profile, notices)
    curves = read_curves(paths["responses"], measure, notices)
    drugs = curves.drop_duplicates("drug_id")[["drug_id", "target"]]
    drugs = drugs.assign(label=drugs["drug_id"], name=drugs["drug_id"])
    return tables.screen("ccle", measure, curves, _broad.read_structures(paths["structures"], drugs), notices)


def missing(root: Path) -> str:
    """Why it cannot be loaded from below `root`, or "" where every file is there."""
    return _broad.list_wanted_files("ccle", RESPONSES, STRUCTURES, "rma").missing(root)


def read_curves(path: Path, measure: str, notices: joining.Notices) -> pd.DataFrame:
    """The curves: broad_id (CCLE's name of the line), line_name, drug_id, target, response, limits, laboratory.

    Rows that stand there twice, alike in every column that is read, are dropped but for the first.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds numbers that cannot be what their column says.
    """
    raw = _with_plain_columns(reading.read_table(path, published=True), path)
    texts = {what: reading.text(raw, column) for what, column in _COLUMNS.items()}
    curves = pd.DataFrame(texts)[["broad_id", "line_name", "drug_id", "target", "doses"]]
    for what in ("ic50_um", "act_area"):
        curves[what] = reading.numbers(raw, _COLUMNS[what], path)
    schemas.check(curves.set_axis(pd.RangeIndex(1, len(curves) + 1)), schemas.CcleCurves, path.name)
    repeated = curves.duplicated()
    notices.dropped(int(repeated.sum()), "responses", "the same curve stands there already")
    return _responses(curves[~repeated].reset_index(drop=True), measure, path)


def drug_names(path: Path) -> dict[str, str]:
    """What the release calls its drugs, which is also their name.

    Raises:
        DataError: the file cannot be read, or names no drug.
    """
    raw = reading.read_table(path, needs=("Compound",), wanted=("Compound",), published=True)
    return {name: name for name in sorted(set(reading.text(raw, "Compound")) - {""})}


def _responses(curves: pd.DataFrame, measure: str, path: Path) -> pd.DataFrame:
    table = curves[["broad_id", "line_name", "drug_id", "target"]].assign(
        lower_limit=np.nan, upper_limit=np.nan, laboratory=""
    )
    if measure == "auc_fraction":
        return table.assign(response=1.0 - curves["act_area"] / DOSES)
    lowest, highest = _dose_range(curves["doses"], path)
    return table.assign(
        response=np.log(curves["ic50_um"]),
        lower_limit=np.log(np.maximum(lowest, FLOOR_UM)),
        upper_limit=np.log(np.minimum(highest, CAP_UM)),
    )


def _dose_range(cells: pd.Series, path: Path) -> tuple[pd.Series, pd.Series]:
    """The lowest and the highest dose in µM of cells such as ".0025,.0080,.025"."""
    doses = {cell: pd.to_numeric(pd.Series(cell.split(",")), errors="coerce") for cell in cells.unique()}
    wrong = [cell for cell, each in doses.items() if not (each > 0).all() or len(each) < 2 or np.isinf(each).any()]
    if wrong:
        rows = cells.index[cells.isin(wrong)] + 1
        raise DataError(
            f"{path.name}, column {_COLUMNS['doses']}, has {len(rows):,} cells that are no list of doses (row "
            f"{listed(rows)}: {wrong[0][:60]!r}). Two or more doses in µM above 0, separated by commas, are needed; "
            "correct or drop these rows."
        )
    return cells.map({cell: each.min() for cell, each in doses.items()}).astype(float), cells.map(
        {cell: each.max() for cell, each in doses.items()}
    ).astype(float)


def _with_plain_columns(raw: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The table with "u" for the micro sign, which Unicode has twice."""
    raw.columns = pd.Index([str(column).replace("\u00b5", "u").replace("\u03bc", "u") for column in raw.columns])
    lacking = [column for column in _COLUMNS.values() if column not in raw]
    if lacking:
        raise DataError(
            f"{path.name} lacks the columns {', '.join(lacking)}. It has {listed(raw.columns, 15)}. CCLE's official "
            "table of drug data (CCLE_NP24.2009_Drug_data_2015.02.24.csv) is needed; fetch it again."
        )
    return raw
