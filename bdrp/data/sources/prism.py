"""PRISM Repurposing's secondary screen: some 1,450 compounds on pools of 480 barcoded lines, its curve parameters as downloaded.

Corsello et al., Nature Cancer 2020, 1, 235. `auc` is the mean viability over the doses, as a fraction: above 1 where
treated lines outgrew the controls, which is noise and set to 1. `upper_limit` and `lower_limit` are plateaus of the
curves, and no limits of the assay. `ic50`, in µM, is empty where a curve does not cross one half: beyond the highest
dose, or below the lowest where nothing was left. Every IC50 outside of the tested range is a fit's extrapolation and
stands at the limit, as CCLE's do.

A compound is a `broad_id` without its batch (BRD-K12345678). Some were screened again, in HTS002, MTS005, MTS006 and
MTS010: each screen is a laboratory of its own here, and a line in two pools is a replicate. `smiles` may hold several
structures by commas, of the batches: the first that can be read is taken.
"""  # noqa: E501 - the first line is one

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import identifiers, joining, reading, unpacking
from bdrp.data.identifiers import listed
from bdrp.data.profiles import EXPRESSION
from bdrp.data.screen import Screen
from bdrp.data.sources import _depmap
from bdrp.data.sources._found import Wanted
from bdrp.errors import DataError

DESCRIPTION = "PRISM secondary screen: DepMap's curve parameters, with DepMap's expression"
MEASURES: Final = ("auc_fraction", "ln_ic50_um")
RESPONSES: Final = ("secondary-screen-dose-response-curve-parameters*",)
LOWEST_UM: Final = 10 / 4**7
"""Eight doses, four-fold apart."""
HIGHEST_UM: Final = 10.0
HIGHEST_AUC: Final = 2.0
"""Above it, an AUC is no fraction: chosen; noise of the controls reaches some 1.5."""
_NEEDS: Final = ("broad_id", "depmap_id", "screen_id", "auc", "ic50", "smiles")
_WANTED: Final = (*_NEEDS, "name", "target", "moa", "passed_str_profiling")
_BATCHED: Final = r"(BRD-[A-Z]\d{8})(?:-.*)?"


def load(root: Path | None, *, measure: str = "auc_fraction", **files: str | Path) -> Screen:
    """PRISM's secondary screen, its lines by ACH id and its drugs by Broad id without the batch.

    Args:
        root: the folder below which the files lie.
        measure: auc_fraction, or ln_ic50_um with the tested range as its limits.
        files: paths of responses, expression and models, instead of finding them by name.

    Raises:
        DataError: a file is missing, cannot be read, or does not say what it should.
    """
    paths = _wanted().find(root, files)
    notices = joining.Notices()
    curves = read_curves(paths["responses"], notices)
    drugs = read_structures(curves, paths["responses"], notices)
    expression, lines = _depmap.read_lines(paths, curves["cell_line_id"].unique(), notices.lines)
    rows = _responses(curves, measure, paths["responses"], notices)
    parts = joining.RawTables(rows, drugs, lines, {EXPRESSION: expression}, unpacking.checksums(paths.values()))
    return joining.join_screen("prism", measure, parts, notices)


def missing(root: Path) -> str:
    """Why it cannot be loaded from below `root`, or "" where every file is there."""
    return _wanted().missing(root)


def read_curves(path: Path, notices: joining.Notices) -> pd.DataFrame:
    """The curves: cell_line_id, drug_id, laboratory, auc, ic50 (NaN where there is none), name, smiles, target, pathway.

    Raises:
        DataError: the file cannot be read, lacks a column, or has ids or numbers that cannot be.
    """  # noqa: E501 - the first line is one
    raw = reading.read_table(path, needs=_NEEDS, wanted=_WANTED, published=True)
    compounds = reading.text(raw, "broad_id").str.extract(f"^{_BATCHED}$", expand=False)
    wrong = np.flatnonzero(compounds.isna())
    if len(wrong):
        raise DataError(
            f"{path.name} has {len(wrong):,} rows whose broad_id is none (row {listed(wrong + 1)}: "
            f"{listed(reading.text(raw, 'broad_id').iloc[wrong].unique(), 3)}). It is like BRD-K12345678-001-01-1; "
            "fetch the file again."
        )
    curves = pd.DataFrame({"cell_line_id": reading.ids(raw, "depmap_id"), "drug_id": compounds.astype("str")})
    curves["laboratory"] = reading.text(raw, "screen_id")
    for column in ("auc", "ic50"):
        curves[column] = reading.numbers(raw, column, path)
    for column, named in {"name": "name", "smiles": "smiles", "target": "target", "pathway": "moa"}.items():
        curves[column] = reading.text(raw, named)
    failed = reading.text(raw, "passed_str_profiling").str.upper().isin(("FALSE", "F", "0"))
    notices.dropped(
        int(failed.sum()), "curves", "their line did not pass STR profiling", curves["cell_line_id"][failed].unique()
    )
    bare = (curves["cell_line_id"] == "") & ~failed
    notices.dropped(int(bare.sum()), "curves", "their line has no depmap_id")
    return curves[~failed & ~bare].reset_index(drop=True)


def read_structures(curves: pd.DataFrame, path: Path, notices: joining.Notices) -> pd.DataFrame:
    """A drug a compound, with the first of its structures that can be read; those that differ are counted.

    Raises:
        DataError: two structures are left for one compound.
    """
    drugs = curves.drop_duplicates(["drug_id", "smiles"])
    cells = drugs.groupby("drug_id", sort=False)["smiles"].agg(list)
    table = drugs.drop_duplicates("drug_id").set_index("drug_id")[["name", "target", "pathway"]]
    readable = {drug: list(_readable(listing)) for drug, listing in cells.items()}
    several = [drug for drug, found in readable.items() if len({identifiers.structure_key(one) for one in found}) > 1]
    if several:
        notices.lines.append(
            f"{len(several):,} compounds have several structures ({listed(several)}): the first is taken."
        )
    table["smiles"] = [found[0] if found else "" for found in readable.values()]
    return joining.clean_drugs(table[table["smiles"] != ""].reset_index(), path.name)


def _wanted() -> Wanted:
    return Wanted("prism", {"responses": RESPONSES, **_depmap.FILES}, optional=("models",), origin=_depmap.ORIGIN)


def _readable(cells: Iterable[str]) -> Iterable[str]:
    """Every structure of cells that hold several by commas, as far as it can be read, in its order."""
    for one in dict.fromkeys(part.strip() for cell in cells for part in cell.split(",")):
        try:
            yield identifiers.canonical_smiles(one)
        except DataError:
            continue


def _responses(curves: pd.DataFrame, measure: str, path: Path, notices: joining.Notices) -> pd.DataFrame:
    auc = curves["auc"]
    if auc.max() > HIGHEST_AUC or auc.min() < 0:
        raise DataError(
            f"{path.name}, column auc, has values from {auc.min():.3g} to {auc.max():.3g}. PRISM's are mean "
            "viabilities as fractions, 1 for an untouched line; fetch the file again."
        )
    table = curves[["cell_line_id", "drug_id", "laboratory"]].assign(lower_limit=np.nan, upper_limit=np.nan)
    if measure == "auc_fraction":
        above = auc > 1
        if above.any():
            notices.lines.append(
                f"{int(above.sum()):,} of {len(auc):,} AUC lie above 1, that of an untouched line (the largest is "
                f"{auc.max():.3g}): they are set to it."
            )
        return table.assign(response=auc.clip(upper=1.0))
    lowest, highest = np.log(LOWEST_UM), np.log(HIGHEST_UM)
    bare = curves["ic50"].isna()
    beyond = np.where(auc < 0.5, lowest, highest)  # a curve that lies below one half throughout, or above it
    response = np.log(curves["ic50"]).where(~bare, beyond).clip(lowest, highest)
    at_end = int(response.isin((lowest, highest)).sum())
    notices.lines.append(
        f"{int(bare.sum()):,} of {len(bare):,} curves do not cross one half; with the IC50 outside of {LOWEST_UM:.2g} "
        f"to {HIGHEST_UM:g} µM, {at_end:,} stand at the end of the tested range."
    )
    return table.assign(response=response, lower_limit=lowest, upper_limit=highest)
