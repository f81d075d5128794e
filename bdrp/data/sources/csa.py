"""IMPROVE's benchmark of cross-study analysis (CSA): CCLE, CTRPv2, gCSI, GDSCv1 and GDSCv2, refitted alike.

Of `csa_data/raw_data` three files are read: `y_data/response.tsv` with a row a pair and study, `drug_SMILES.tsv` and
`cancer_gene_expression.tsv`, log2(TPM + 1) with three header rows (Ensembl, Entrez, symbols). The measure is `auc`: the
mean viability between 0.1 nM and 100 µM, 1 for an untouched line. Its `ic50` is -log10 of M, much of it extrapolated,
and is not read. Each study is a laboratory. `read_split` reads the published splits, which are numbers of rows of
`response.tsv` from 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import joining, reading, unpacking
from bdrp.data.expression import read_expression
from bdrp.data.identifiers import listed
from bdrp.data.profiles import EXPRESSION
from bdrp.data.screen import Screen
from bdrp.data.sources import _depmap
from bdrp.data.sources._found import Wanted
from bdrp.data.user_tables import columns
from bdrp.data.user_tables import drugs as drug_tables
from bdrp.errors import DataError

DESCRIPTION = "IMPROVE's CSA benchmark: CCLE, CTRPv2, gCSI, GDSCv1 and GDSCv2 in one table; AUC only"
MEASURES: Final = ("auc_fraction",)
FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "responses": ("response.tsv*",),
    "expression": ("cancer_gene_expression.tsv*",),
    "structures": ("drug_SMILES.tsv*",),
    "models": _depmap.FILES["models"],
}
ORIGIN: Final = "IMPROVE (benchmark-data-pilot1/csa_data) or Zenodo, record 15258883"
PARTS: Final = {"train": "train", "val": "validation", "test": "test"}
"""What the split files call the parts."""
_NEEDS: Final = ("source", "improve_sample_id", "improve_chem_id", "auc")


def load(root: Path | None, *, measure: str = "auc_fraction", study: str | None = None, **files: str | Path) -> Screen:
    """The benchmark as a screen, its lines by their ACH ids.

    Args:
        root: the folder below which the files lie.
        measure: auc_fraction.
        study: one of the sources of `response.tsv`; all, each a laboratory, where None.
        files: paths of responses, expression, structures and models (DepMap's, for tissue and patient; optional).

    Raises:
        DataError: a file is missing, cannot be read, or does not say what it should, or there is no such study.
    """
    paths = Wanted("csa", FILES, optional=("models",), origin=ORIGIN).find(root, files)
    notices = joining.Notices()
    rows = _of_study(read_responses(paths["responses"]), study)
    measured = rows["cell_line_id"].unique()
    if "models" in paths:
        expression, lines = _depmap.read_lines(paths, measured, notices.lines)
    else:
        expression = read_expression(paths["expression"], lines=measured, notices=notices.lines)
        lines = pd.DataFrame(index=pd.Index([], dtype="str"))
    drugs_raw = drug_tables.read_raw(paths["structures"])
    key = columns.joining_column(drugs_raw, "drug_id", set(rows["drug_id"]), paths["structures"])
    drugs = drug_tables.clean(drugs_raw, paths["structures"], key)
    parts = joining.RawTables(rows, drugs, lines, {EXPRESSION: expression}, unpacking.checksums(paths.values()))
    return joining.join_screen("csa", measure, parts, notices)


def missing(root: Path) -> str:
    """Why it cannot be loaded from below `root`, or "" where every file is there."""
    return Wanted("csa", FILES, optional=("models",), origin=ORIGIN).missing(root)


def read_responses(path: Path) -> pd.DataFrame:
    """Every row in the file's order: cell_line_id, drug_id, response, laboratory (its source), no limits.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds what is no fraction.
    """
    raw = reading.read_table(path, needs=_NEEDS, wanted=_NEEDS, published=True)
    auc = reading.numbers(raw, "auc", path)
    if auc.min() < 0 or auc.max() > 1:
        raise DataError(
            f"{path.name}, column auc, has values from {auc.min():.3g} to {auc.max():.3g}. The benchmark's are "
            "fractions from 0 to 1; fetch the file again, or read another area with the source 'tables'."
        )
    return pd.DataFrame(
        {
            "cell_line_id": reading.ids(raw, "improve_sample_id"),
            "drug_id": reading.ids(raw, "improve_chem_id"),
            "response": auc,
            "lower_limit": np.nan,
            "upper_limit": np.nan,
            "laboratory": reading.text(raw, "source"),
        }
    )


def read_split(root: str | Path, study: str, number: int) -> pd.DataFrame:
    """A published split as `bdrp fit --split-file` takes it: cell_line_id, drug_id, part.

    Args:
        root: the folder below which the files lie.
        study: such as CCLE.
        number: of the split, from 0 to 9.

    Raises:
        DataError: a file is missing, or holds what is no number of a row of the study.

    Example:
        `read_split("csa_data", "CCLE", 0).to_csv("split.csv", index=False)`
    """
    folder = Path(root)
    found = Wanted("csa", {"responses": FILES["responses"]}, origin=ORIGIN).find(folder, {})
    rows = read_responses(found["responses"])
    tables = []
    for name, part in PARTS.items():
        wanted = {name: (f"{study}_split_{number}_{name}.txt",)}
        path = Wanted("csa", wanted, origin=ORIGIN).find(folder, {})[name]
        tables.append(rows.iloc[_row_numbers(path, rows["laboratory"], study)].assign(part=part))
    return pd.concat(tables, ignore_index=True)[["cell_line_id", "drug_id", "part"]]


def _row_numbers(path: Path, sources: pd.Series, study: str) -> list[int]:
    words = unpacking.read_bytes(path).decode("utf-8", "replace").split()
    wrong = [word for word in words if not re.fullmatch(r"\d{1,9}", word) or int(word) >= len(sources)]
    if wrong or not words:
        raise DataError(
            f"{path.name} has {len(wrong):,} of {len(words):,} words that are no rows of response.tsv "
            f"({listed(wrong)}). Each is a number from 0 to {len(sources) - 1:,}; the files must be of one release."
        )
    numbers = [int(word) for word in words]
    other = sources.iloc[numbers]
    if (other != study).any():
        raise DataError(
            f"{path.name} names {int((other != study).sum()):,} rows of response.tsv that are of "
            f"{listed(other[other != study].unique(), 3)} and not of {study}. The files must be of one release; fetch "
            "them again."
        )
    return numbers


def _of_study(rows: pd.DataFrame, study: str | None) -> pd.DataFrame:
    known = list(dict.fromkeys(rows["laboratory"]))
    if study is not None and study not in known:
        raise DataError(f"csa has no study {study!r}. Its sources are {', '.join(known)}; choose one of them.")
    return rows if study is None else rows[rows["laboratory"] == study].reset_index(drop=True)
