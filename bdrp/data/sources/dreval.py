"""A data set of DrEval (drevalpy), such as CTRPv2: responses, structures and expression as its archive holds them.

The folder of a data set, say `CTRPv2/`, has `CTRPv2.csv` with a row a curve, `drug_smiles.csv` (pubchem_id,
canonical_smiles) and `gene_expression.csv` (cellosaurus_id, cell_line_name and a column a gene). Lines go by their
name, as in DrEval's own splits, and drugs by their PubChem id. What is read are CurveCurator's refits:
LN_IC50_curvecurator, of an IC50 in µM, and AUC_curvecurator. The table has no doses, so that no limits are known, and
an IC50 is empty where a curve does not cross one half: most of these are resistant lines.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import joining, reading, unpacking
from bdrp.data.expression import read_expression, refuse_raw
from bdrp.data.identifiers import listed
from bdrp.data.measures import MEASURES as EVERY_MEASURE
from bdrp.data.profiles import EXPRESSION
from bdrp.data.screen import Screen
from bdrp.data.sources._found import Wanted
from bdrp.data.user_tables import drugs as drug_tables
from bdrp.errors import BdrpWarning, DataError

DESCRIPTION = "a data set of DrEval, such as CTRPv2, by CurveCurator's refits"
MEASURES: Final = ("ln_ic50_um", "auc_fraction")
COLUMNS: Final[Mapping[str, str]] = {"ln_ic50_um": "LN_IC50_curvecurator", "auc_fraction": "AUC_curvecurator"}
ORIGIN: Final = "DrEval (Zenodo; drevalpy puts it into its data folder)"
HIGHEST_AUC: Final = 2.0
"""Above it, an AUC is no fraction: chosen."""
_NEEDS: Final = ("cell_line_name", "pubchem_id")


def load(root: Path | None, *, measure: str = "ln_ic50_um", dataset: str | None = None, **files: str | Path) -> Screen:
    """A data set as a screen.

    Args:
        root: the data folder, or that of the data set.
        measure: ln_ic50_um or auc_fraction.
        dataset: the name of the data set, where the root holds several.
        files: paths of responses, expression and structures, instead of finding them by name.

    Raises:
        DataError: a file is missing, cannot be read, or does not say what it should.
    """
    folder = root if root is None else find_dataset(root, dataset)
    paths = _wanted(folder).find(folder, files)
    notices = joining.Notices()
    rows, named, lines = read_responses(paths["responses"], measure, notices)
    structures = drug_tables.clean(drug_tables.read_raw(paths["structures"]), paths["structures"], "pubchem_id")
    drugs = structures.assign(name=named.reindex(structures.index).fillna(structures["name"]).astype("str"))
    expression = read_expression(paths["expression"], lines=rows["cell_line_id"].unique(), notices=notices.lines)
    refuse_raw(expression, paths["expression"].name)
    parts = joining.RawTables(rows, drugs, lines, {EXPRESSION: expression}, unpacking.checksums(paths.values()))
    return joining.join_screen("dreval", measure, parts, notices)


def missing(root: Path) -> str:
    """Why it cannot be loaded from below `root`, or "" where every file is there."""
    try:
        return _wanted(folder := find_dataset(root, None)).missing(folder)
    except DataError as refusal:
        return str(refusal)


def find_dataset(root: Path, name: str | None) -> Path:
    """The folder of a data set: the root itself, or the one below it that holds a table of its own name.

    Raises:
        DataError: there is none, or there are several.
    """
    found = [one for one in (root, *sorted(root.iterdir())) if (one / f"{one.resolve().name}.csv").is_file()]
    chosen = [one for one in found if name in (None, one.resolve().name)]
    if len(chosen) == 1:
        return chosen[0]
    names = listed(one.resolve().name for one in found)
    if not chosen:
        called = f" called {name}" if name else ""
        raise DataError(
            f"No file below {str(root)!r} is the table of a data set of DrEval{called}: it is "
            f"like CTRPv2/CTRPv2.csv{f', and there are {names}' if found else ''}. Download it from {ORIGIN}, or put "
            "the folder there."
        )
    raise DataError(
        f"{len(chosen)} data sets of DrEval are below {str(root)!r}: {names}. One is read; name it with the option "
        "dataset=NAME."
    )


def read_responses(path: Path, measure: str, notices: joining.Notices) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame]:
    """The responses; names of drugs by PubChem id; and tissues of lines by their name, where the table has them.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds what the measure cannot be.
    """
    column = COLUMNS[measure]
    raw = reading.read_table(path, needs=(*_NEEDS, column), wanted=("drug_name", "tissue"), published=True)
    rows = pd.DataFrame(
        {
            "cell_line_id": reading.ids(raw, "cell_line_name"),
            "drug_id": reading.ids(raw, "pubchem_id"),
            "response": reading.numbers(raw, column, path),
            "lower_limit": np.nan,
            "upper_limit": np.nan,
            "laboratory": "",
        }
    )
    named = reading.text(raw, "drug_name").groupby(rows["drug_id"]).first()
    lines = pd.DataFrame({"tissue": reading.text(raw, "tissue").groupby(rows["cell_line_id"]).first()})
    usable = _usable(rows["response"], measure, path, notices)
    return rows[usable].assign(response=_clipped(rows["response"][usable], measure, notices)), named[named != ""], lines


def _usable(response: pd.Series, measure: str, path: Path, notices: joining.Notices) -> pd.Series:
    """Which responses are finite and, of ln IC50, no extrapolation that no dose can mean."""
    lowest, highest = EVERY_MEASURE[measure].lowest, EVERY_MEASURE[measure].highest
    finite = np.isfinite(response)
    if measure == "auc_fraction":
        if response[finite].max() > HIGHEST_AUC or response[finite].min() < 0:
            raise DataError(
                f"{path.name}, column {COLUMNS[measure]}, has values from {response[finite].min():.3g} to "
                f"{response[finite].max():.3g}. Fractions are needed, 1 for an untouched line; fetch the file again."
            )
        notices.dropped(int((~finite).sum()), "curves", "they have no AUC")
        return finite
    far = finite & ~response.between(lowest, highest)
    notices.dropped(int((~finite).sum()), "curves", "they do not cross one half, so that there is no IC50")
    notices.dropped(int(far.sum()), "curves", f"their ln IC50 is beyond {lowest:g} to {highest:g}, which no dose is")
    lost = float((~finite | far).mean())
    if lost > 0.1:
        warnings.warn(
            f"{path.name}: {lost:.0%} of the curves have no usable IC50, as a rule those of resistant lines. A model "
            "without them takes lines for more sensitive than they are; --measure auc_fraction keeps them.",
            BdrpWarning,
            stacklevel=4,
        )
    return finite & ~far


def _clipped(response: pd.Series, measure: str, notices: joining.Notices) -> pd.Series:
    above = response > 1
    if measure != "auc_fraction" or not above.any():
        return response
    notices.lines.append(
        f"{int(above.sum()):,} of {len(response):,} AUC lie above 1, that of an untouched line (the largest is "
        f"{response.max():.3g}): they are set to it."
    )
    return response.clip(upper=1.0)


def _wanted(folder: Path | None) -> Wanted:
    name = "*" if folder is None else folder.resolve().name
    patterns = {
        "responses": (f"{name}.csv",),
        "expression": ("gene_expression.csv",),
        "structures": ("drug_smiles.csv",),
    }
    return Wanted("dreval", patterns, origin=ORIGIN)
