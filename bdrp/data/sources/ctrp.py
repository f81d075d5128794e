"""CTRPv2: the Cancer Therapeutics Response Portal's 545 compounds on 840 lines, as DepMap hands them out.

Seashore-Ludlow et al., Cancer Discovery 2015, 5, 1210. The table holds the area under the fitted curve of viability
over 16 doses, each twice the one before it: 15 steps, so that an untouched line has an area of 15, and `area / 15` is
the mean viability over the doses: `auc_fraction`. One area in ten lies above 15, because treated wells outgrew the
controls or by noise (the largest is 29); it is set to 15 and counted in the notices. The table holds no IC50 and no
doses, so that ln_ic50_um cannot be had and the limits are not known. Doses differ between compounds and from GDSC's:
a fraction compares lines within a compound, and compounds between screens only roughly.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import joining, reading, schemas
from bdrp.data.identifiers import listed
from bdrp.data.screen import Screen
from bdrp.data.sources import _broad
from bdrp.errors import DataError

DESCRIPTION = "CTRPv2: 545 compounds, DepMap's table of areas, with GDSC's expression or CCLE's RNA-seq; AUC only"
MEASURES: Final = ("auc_fraction",)
RESPONSES: Final = ("Drug_sensitivity_AUC_*CTD*",)
STRUCTURES: Final = ("ctrp*smiles*",)
UNTOUCHED: Final = 15.0
"""Area of a line that no dose touched: 16 doses are 15 doublings. By far the most frequent one (7,752 times)."""
_LABEL: Final = re.compile(r"(.+) \(CTRP:(\d+)\)")


def load(root: Path | None, *, measure: str = "auc_fraction", profile: str = "rma", **files: str | Path) -> Screen:
    """CTRPv2 as a screen, its lines by COSMIC id where they have one, its drugs by CTRP number.

    Args:
        root: the folder below which the files lie.
        measure: auc_fraction.
        profile: "rma", GDSC's array expression, or "rnaseq_z", CCLE's RNA-seq (see `_broad.PROFILES`).
        files: paths of responses, expression, structures, model_list, sample_info, instead of finding them by name.

    Raises:
        DataError: a file is missing, cannot be read, or does not say what it should, or another measure is asked for.
    """
    paths = _broad.list_wanted_files("ctrp", RESPONSES, STRUCTURES, profile).find(root, files)
    notices = joining.Notices()
    tables = _broad.Tables.read(paths, profile, notices)
    curves = read_areas(paths["responses"], notices)
    drugs = curves.drop_duplicates("drug_id")[["drug_id", "label", "name"]]
    return tables.screen("ctrp", measure, curves, _broad.read_structures(paths["structures"], drugs), notices)


def missing(root: Path) -> str:
    """Why it cannot be loaded from below `root`, or "" where every file is there."""
    return _broad.list_wanted_files("ctrp", RESPONSES, STRUCTURES, "rma").missing(root)


def read_areas(path: Path, notices: joining.Notices) -> pd.DataFrame:
    """The responses: broad_id (ACH), line_name (""), drug_id, label ("NAME (CTRP:id)"), name, response, no limits.

    Raises:
        DataError: the file cannot be read, is no such table, holds a line twice, or areas that cannot be.
    """
    raw = reading.read_table(path, text=False, published=True)
    lines, labels = _lines(raw, path), _labels(raw, path)
    areas = reading.matrix(raw.iloc[:, 1:], path).astype(float)
    rows, columns = np.nonzero(~np.isnan(areas))
    table = pd.DataFrame({"broad_id": lines.to_numpy()[rows], "area": areas[rows, columns]})
    table = table.join(labels.iloc[columns].reset_index(drop=True))
    schemas.check(table.set_index(table["broad_id"] + " with " + table["label"]), schemas.CtrpAreas, path.name)
    _refuse_fractions(table["area"], path)
    above = table["area"] > UNTOUCHED
    if above.any():
        notices.lines.append(
            f"{int(above.sum()):,} of {len(above):,} areas lie above {UNTOUCHED:g}, that of an untouched line (the "
            f"largest is {table['area'].max():.3g}): they are set to it."
        )
    response = table.pop("area").clip(upper=UNTOUCHED) / UNTOUCHED
    return table.assign(response=response, line_name="", lower_limit=np.nan, upper_limit=np.nan, laboratory="")


def drug_names(path: Path) -> dict[str, str]:
    """The name of every compound by its label; "" for a mixture, which has no one structure.

    Raises:
        DataError: the file cannot be read, or a column names no compound.
    """
    labels = _labels(reading.read_table(path, text=False, published=True), path)
    names = zip(labels["label"], labels["name"], strict=True)
    return {label: "" if "MOL/MOL" in name else name for label, name in names}


def _lines(raw: pd.DataFrame, path: Path) -> pd.Series:
    lines = reading.ids(raw, raw.columns[0])
    wrong = lines[~lines.str.fullmatch(r"ACH-\d{6}")]
    if len(wrong):
        raise DataError(
            f"{path.name} has {len(wrong):,} rows whose first cell is no DepMap id (row {listed(wrong.index + 1)}: "
            f"{listed(wrong, 3)}). Each row must start with one, such as ACH-000001; is it DepMap's table of areas?"
        )
    twice = lines[lines.duplicated()].unique()
    if len(twice):
        raise DataError(
            f"{path.name} holds {len(twice):,} lines twice ({listed(twice)}). Every line has one row; keep the right "
            "one, or fetch the file again."
        )
    return lines


def _labels(raw: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Label, name and drug_id of every column but the first."""
    columns = [str(column) for column in raw.columns[1:]]
    found = [_LABEL.fullmatch(column) for column in columns]
    wrong = [column for column, match in zip(columns, found, strict=True) if match is None]
    if wrong:
        raise DataError(
            f"{path.name} has {len(wrong):,} columns that name no compound ({listed(wrong, 3)}). Each is like "
            "'CIL56 (CTRP:100490)'; is it DepMap's table of CTRP's areas?"
        )
    compounds = [match.groups() for match in found if match]
    table = pd.DataFrame(compounds, columns=["name", "drug_id"]).assign(label=columns)[["label", "name", "drug_id"]]
    twice = table.loc[table["drug_id"].duplicated(keep=False), "label"]
    if len(twice):
        raise DataError(
            f"{path.name} gives {len(twice):,} columns the id of another ({listed(twice, 4)}). A CTRP number is one "
            "compound; keep one of them."
        )
    return table.astype("str")


def _refuse_fractions(areas: pd.Series, path: Path) -> None:
    if float(areas.median()) <= 2.0:  # the official median is 13.4, and no half of all pairs is killed at every dose
        raise DataError(
            f"{path.name} has areas of {areas.min():.3g} to {areas.max():.3g} (median {areas.median():.3g}), as if "
            "they were fractions already. Areas over 16 doses are needed, 15 for an untouched line; load fractions "
            "with the source 'tables'."
        )
