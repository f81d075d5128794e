"""DepMap's harmonised screens (GDSC1, GDSC2, CTRP, PRISM): matrices of models by compounds, as the portal hands them out.

`GDSC2AUCMatrix.csv` has a row a model (ACH id) and a column a compound (DPC id): the area under the fitted curve on the
log dose, every point of it cut to 0 to 1, divided by the range of doses. `GDSC2Log2IC50Matrix.csv` has log2 of the IC50
in the unit of the doses, and is empty where the curve does not cross one half between the lowest and the highest of
them. `GDSC2Log2ViabilityCollapsedConditions.csv` tells these doses: with it an empty IC50 of a measured pair stands at
the end of the tested range, without it such pairs are left out. Structures are PortalCompounds' (`CompoundID`, `SMILES`).
The Data Explorer's exports of areas (`Drug_sensitivity_AUC_(Sanger_GDSC2)…`, columns `NAME (GDSC2:1003)`) are read too.
"""  # noqa: E501 - the first line is one

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
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
from bdrp.errors import BdrpWarning, DataError

DESCRIPTION = "a harmonised screen of DepMap: GDSC1, GDSC2, CTRP or PRISM, with DepMap's expression"
MEASURES: Final = ("auc_fraction", "ln_ic50_um")
DATASETS: Final[Mapping[str, str]] = {
    "GDSC1": "Drug_sensitivity_AUC_(Sanger_GDSC1)*",
    "GDSC2": "Drug_sensitivity_AUC_(Sanger_GDSC2)*",
    "CTRP": "",
    "REPURPOSING": "Drug_sensitivity_AUC_(PRISM_Repurposing_Secondary_Screen)*",
    "PRISMOncologyReference": "",
}
"""What the names of a data set's files begin with; and its areas as the Data Explorer exports them, "" for others."""
HIGHEST_AUC: Final = 2.0
"""Above it, an AUC is no fraction: chosen."""
_COMPOUND: Final = re.compile(r"(?P<id>DPC-\d+)|.+ \((?P<sample>[A-Za-z0-9^]+:[^()]+)\)")


def load(
    root: Path | None, *, measure: str = "auc_fraction", dataset: str | None = None, **files: str | Path
) -> Screen:
    """A data set as a screen, its lines by ACH id, its drugs by DPC id (or as the export names them).

    Args:
        root: the folder below which the files lie.
        measure: auc_fraction, or ln_ic50_um with the tested range as its limits.
        dataset: one of `DATASETS`, where the root holds several.
        files: paths of auc, ic50, conditions, compounds, expression and models, instead of finding them by name.

    Raises:
        DataError: a file is missing, cannot be read, or does not say what it should.
    """
    name = dataset if root is None or "auc" in files else find_dataset(root, dataset)
    paths = _wanted(name, measure).find(root, files)
    notices = joining.Notices()
    areas = read_matrix(paths["auc"], "area")
    _refuse_other_areas(areas["area"], paths["auc"])
    drugs = read_compounds(paths["compounds"], pd.Index(areas["drug_id"].unique()), notices)
    rows = _areas(areas, notices) if measure == "auc_fraction" else _ic50(areas, paths, notices)
    expression, lines = _depmap.read_lines(paths, rows["cell_line_id"].unique(), notices.lines)
    parts = joining.RawTables(rows, drugs, lines, {EXPRESSION: expression}, unpacking.checksums(paths.values()))
    return joining.join_screen("depmap", measure, parts, notices)


def missing(root: Path) -> str:
    """Why it cannot be loaded from below `root`, or "" where every file is there."""
    try:
        return _wanted(find_dataset(root, None), MEASURES[0]).missing(root)
    except DataError as refusal:
        return str(refusal)


def find_dataset(root: Path, name: str | None) -> str:
    """The data set whose areas lie below a root.

    Raises:
        DataError: there is no such data set, none of its files, or those of several.
    """
    if name is not None and name not in DATASETS:
        raise DataError(f"depmap has no data set {name!r}. Known are {', '.join(DATASETS)}; choose one of them.")
    wanted = [name] if name is not None else list(DATASETS)
    hint = "name the right one with the option auc=PATH"
    found = [one for one in wanted if unpacking.find(root, _area_patterns(one), f"the areas of {one}", hint)]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"{len(found)} data sets of DepMap are below {str(root)!r}: {', '.join(found)}. One is read; name it with "
            "the option dataset=NAME."
        )
    raise DataError(
        f"No file below {str(root)!r} holds the areas of a harmonised data set of DepMap: its name must be like "
        f"{' or '.join(f'{one}AUCMatrix.csv' for one in wanted)}. Download it from {_depmap.ORIGIN}, or put the file "
        "there."
    )


def read_matrix(path: Path, value: str) -> pd.DataFrame:
    """The measured pairs of a matrix: cell_line_id, drug_id and the value, which is finite.

    Columns that say something of the models are passed over.

    Raises:
        DataError: the file cannot be read, or its rows are no models, or it has no compounds, or one of either twice.
    """
    raw = reading.read_table(path, text=False, published=True)
    lines = reading.ids(raw, str(raw.columns[0]))
    wrong = lines[~lines.str.fullmatch(r"ACH-\d{6}")]
    named = {str(column): found for column in raw.columns[1:] if (found := _COMPOUND.fullmatch(str(column)))}
    if len(wrong) or not named:
        seen = f"row {listed(wrong.index + 1)}: {listed(wrong, 3)}" if len(wrong) else listed(raw.columns[1:], 3)
        raise DataError(
            f"{path.name} is no matrix of models by compounds ({seen}). Rows begin with a model such as ACH-000001, "
            "and compounds are columns such as DPC-000123 or 'CAMPTOTHECIN (GDSC2:1003)'; fetch it again."
        )
    ids = pd.Index([found["id"] or found["sample"] for found in named.values()], dtype="str")
    for what, several in (("models", lines[lines.duplicated()]), ("compounds", ids[ids.duplicated()])):
        if len(several):
            raise DataError(
                f"{path.name} holds {len(set(several)):,} {what} twice ({listed(set(several))}). Each stands once; "
                "keep the right one, or fetch the file again."
            )
    values = reading.matrix(raw[list(named)], path).astype(float)
    at_line, at_drug = np.nonzero(np.isfinite(values))
    pairs = {"cell_line_id": lines.to_numpy()[at_line], "drug_id": ids.to_numpy()[at_drug]}
    return pd.DataFrame({**pairs, value: values[at_line, at_drug]}).astype({"cell_line_id": "str", "drug_id": "str"})


def read_compounds(path: Path, measured: pd.Index, notices: joining.Notices) -> pd.DataFrame:
    """The measured compounds of PortalCompounds that have a structure, by DPC id or by the id of their data set.

    Raises:
        DataError: the file cannot be read or lacks a column, or one id has two structures.
    """
    columns = ("CompoundID", "SMILES")
    raw = reading.read_table(
        path,
        needs=columns,
        wanted=(*columns, "CompoundName", "SampleIDs", "GeneSymbolOfTargets", "TargetOrMechanism"),
        published=True,
    )
    names = {"name": "CompoundName", "target": "GeneSymbolOfTargets", "pathway": "TargetOrMechanism"}
    table = pd.DataFrame({"own": reading.ids(raw, "CompoundID"), "smiles": reading.text(raw, "SMILES")})
    for column, named in names.items():
        table[column] = reading.text(raw, named)
    samples = reading.text(raw, "SampleIDs").str.split(";")
    table["drug_id"] = [[own, *map(str.strip, others)] for own, others in zip(table["own"], samples, strict=True)]
    table = table.explode("drug_id").drop_duplicates(["drug_id", "own"])
    table = table[table["drug_id"].isin(measured) & (table["smiles"] != "")]
    unread = ~table["smiles"].map(_is_structure)
    notices.dropped(int(unread.sum()), "compounds", "their structure cannot be read", table["drug_id"][unread])
    return joining.clean_drugs(table[~unread].drop(columns="own").reset_index(drop=True), path.name)


def read_doses(path: Path) -> pd.DataFrame:
    """The lowest and the highest dose in µM, by DPC id, of compounds whose doses are all in µM.

    Raises:
        DataError: the file cannot be read or lacks a column, or a dose is no positive number.
    """
    columns = ("CompoundID", "Dose", "DoseUnit")
    raw = reading.read_table(path, needs=columns, wanted=columns, published=True)
    table = pd.DataFrame(
        {"drug_id": reading.ids(raw, "CompoundID"), "dose": np.exp(reading.log_doses(raw, "Dose", path))}
    )
    micromolar = reading.text(raw, "DoseUnit").str.lower().isin(("um", "µm", "μm"))
    doses = table.groupby("drug_id")["dose"].agg(["min", "max"])
    return doses[micromolar.groupby(table["drug_id"]).all().reindex(doses.index)]


def _wanted(dataset: str | None, measure: str) -> Wanted:
    name = dataset or "*"
    patterns = {
        "auc": _area_patterns(name),
        "compounds": ("PortalCompounds*",),
        **_depmap.FILES,
    }
    if measure == "ln_ic50_um":
        patterns["ic50"] = (f"{name}Log2IC50Matrix*",)
        patterns["conditions"] = (f"{name}Log2ViabilityCollapsedConditions*", f"{name}Log2ViabilityConditions*")
    return Wanted("depmap", patterns, optional=("models", "conditions"), origin=_depmap.ORIGIN)


def _area_patterns(dataset: str) -> tuple[str, ...]:
    return tuple(filter(None, (f"{dataset}AUCMatrix*", DATASETS.get(dataset, ""))))


def _is_structure(smiles: str) -> bool:
    try:
        identifiers.canonical_smiles(smiles)
    except DataError:
        return False
    return True


def _refuse_other_areas(areas: pd.Series, path: Path) -> None:
    if areas.min() < 0 or areas.quantile(0.99) > HIGHEST_AUC:
        raise DataError(
            f"{path.name} has areas from {areas.min():.3g} to {areas.max():.3g}. Fractions are needed, 1 for an "
            "untouched line; CTRPv2's table of areas over 16 doses is read by the source 'ctrp'."
        )


def _areas(areas: pd.DataFrame, notices: joining.Notices) -> pd.DataFrame:
    above = areas["area"] > 1
    if above.any():
        notices.lines.append(
            f"{int(above.sum()):,} of {len(areas):,} AUC lie above 1, that of an untouched line (the largest is "
            f"{areas['area'].max():.3g}): they are set to it."
        )
    keys = areas[["cell_line_id", "drug_id"]]
    return keys.assign(response=areas["area"].clip(upper=1.0), lower_limit=np.nan, upper_limit=np.nan, laboratory="")


def _ic50(areas: pd.DataFrame, paths: Mapping[str, Path], notices: joining.Notices) -> pd.DataFrame:
    """The ln IC50 of every pair with an area; what does not cross one half stands at the end of the tested range."""
    keys = ["cell_line_id", "drug_id"]
    rows = areas.merge(read_matrix(paths["ic50"], "log2"), on=keys, how="outer").assign(laboratory="")
    rows["response"] = rows.pop("log2") * np.log(2)
    if "conditions" not in paths:
        return _crossed(rows.assign(lower_limit=np.nan, upper_limit=np.nan), notices)
    doses = read_doses(paths["conditions"]).reindex(rows["drug_id"])
    without = doses["max"].isna().to_numpy()
    notices.dropped(
        int(without.sum()), "curves", "their compound has no doses in µM", rows["drug_id"][without].unique()
    )
    rows = rows.assign(lower_limit=np.log(doses["min"]).to_numpy(), upper_limit=np.log(doses["max"]).to_numpy())
    rows = rows[~without]
    bare = rows["response"].isna()
    beyond = rows["lower_limit"].where(rows["area"] < 0.5, rows["upper_limit"])
    notices.lines.append(
        f"{int(bare.sum()):,} of {len(rows):,} curves do not cross one half within the tested doses: they stand at the "
        "highest dose, or at the lowest where the area is below one half."
    )
    response = rows["response"].where(~bare, beyond).clip(rows["lower_limit"], rows["upper_limit"])
    return rows.assign(response=response).drop(columns="area")


def _crossed(rows: pd.DataFrame, notices: joining.Notices) -> pd.DataFrame:
    """The pairs that have an IC50, with a warning of what a model without the others takes lines for."""
    bare = rows["response"].isna()
    notices.dropped(int(bare.sum()), "curves", "they do not cross one half, and no file tells the tested doses")
    if bare.mean() > 0.1:
        warnings.warn(
            f"{bare.mean():.0%} of the curves have no IC50, as a rule those of resistant lines, and no file tells the "
            "tested doses. A model without them takes lines for more sensitive than they are; put "
            "…Log2ViabilityCollapsedConditions.csv beside the matrices, or take --measure auc_fraction.",
            BdrpWarning,
            stacklevel=4,
        )
    return rows[~bare].drop(columns="area")
