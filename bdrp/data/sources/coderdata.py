"""A data set of CoderData: its experiments, drugs, transcriptomics and samples, as `coderdata download` leaves them.

A data set, say `mpnst`, is `mpnst_experiments.tsv`, `mpnst_drugs.tsv`, `mpnst_transcriptomics.csv` and
`mpnst_samples.csv`, gzip or not; `genes.csv` turns Entrez ids into symbols. Experiments have a row a pair and metric:
`fit_auc`, the default, is the area under the fitted curve from 0.1 nM to 100 µM as a fraction; `auc` and `aac` are
those over the tested doses. `fit_ic50` is -log10 of M, much of it extrapolated, and is not read, nor are responses of
xenografts (mRECIST, TGI and so on). Each study is a laboratory. Transcripts are TPM, of which log2(x + 1) is taken.
Samples of one `common_name` (a tumour, its organoid, its xenograft) are one patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data import identifiers, joining, reading, unpacking
from bdrp.data.expression.scale import convert, find_scale, tell_scale
from bdrp.data.identifiers import listed
from bdrp.data.profiles import EXPRESSION
from bdrp.data.screen import Screen
from bdrp.data.sources._found import Wanted
from bdrp.data.user_tables import drugs as drug_tables
from bdrp.errors import DataError

DESCRIPTION = "a data set of CoderData, such as mpnst or ctrpv2; AUC only"
MEASURES: Final = ("auc_fraction",)
METRICS: Final[Mapping[str, str]] = {
    "fit_auc": "under the fitted curve from 0.1 nM to 100 µM",
    "auc": "under the curve over the tested doses",
    "aac": "above the curve over the tested doses, from 1",
}
"""The metrics that are fractions of full viability, or of what is lost."""
ORIGIN: Final = "CoderData (`coderdata download --name NAME`, or figshare)"
_NEEDS: Final = ("improve_sample_id", "improve_drug_id", "dose_response_metric", "dose_response_value")


def load(
    root: Path | None,
    *,
    measure: str = "auc_fraction",
    dataset: str | None = None,
    metric: str = "fit_auc",
    scale: str | None = None,
    **files: str | Path,
) -> Screen:
    """A data set as a screen, its lines and drugs by CoderData's own ids.

    Args:
        root: the folder below which the files lie.
        measure: auc_fraction.
        dataset: the name of the data set, where the root holds several.
        metric: one of `METRICS`.
        scale: what the transcriptomics are on, where their values do not tell it.
        files: paths of experiments, drugs, transcriptomics, samples and genes, instead of finding them by name.

    Raises:
        DataError: a file is missing, cannot be read, or does not say what it should.
    """
    name = dataset if root is None or "experiments" in files else find_dataset(root, dataset)
    paths = _wanted(name).find(root, files)
    notices = joining.Notices()
    rows = read_experiments(paths["experiments"], metric, notices)
    expression = read_transcriptomics(paths["transcriptomics"], rows["cell_line_id"].unique(), scale, notices.lines)
    if "genes" in paths:
        expression = with_symbols(expression, paths["genes"], notices.lines)
    drugs_raw = drug_tables.read_raw(paths["drugs"])
    measured = reading.ids(drugs_raw, "improve_drug_id").isin(rows["drug_id"].unique())
    drugs = drug_tables.clean(_named_once(drugs_raw[measured]), paths["drugs"], "improve_drug_id")
    lines = read_samples(paths["samples"])
    parts = joining.RawTables(rows, drugs, lines, {EXPRESSION: expression}, unpacking.checksums(paths.values()))
    return joining.join_screen("coderdata", measure, parts, notices)


def missing(root: Path) -> str:
    """Why it cannot be loaded from below `root`, or "" where every file is there."""
    try:
        return _wanted(find_dataset(root, None)).missing(root)
    except DataError as refusal:
        return str(refusal)


def find_dataset(root: Path, name: str | None) -> str:
    """The name before `_experiments` of the file below a root.

    Raises:
        DataError: there is none, or there are several.
    """
    names = {path.name.partition("_experiments.")[0] for path in root.rglob("*_experiments.*") if path.is_file()}
    found = sorted(names) if name is None else [one for one in names if one == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"{len(found)} data sets of CoderData are below {str(root)!r}: {listed(found)}. One is read; name it with "
            "the option dataset=NAME."
        )
    called = f" called {name}" if name else ""
    raise DataError(
        f"No file below {str(root)!r} holds the experiments of a data set of CoderData{called}: it is like "
        f"mpnst_experiments.tsv{f', and there are {listed(sorted(names))}' if names else ''}. Download it from "
        f"{ORIGIN}, or put the files there."
    )


def read_experiments(path: Path, metric: str, notices: joining.Notices) -> pd.DataFrame:
    """The responses: cell_line_id, drug_id, response as a fraction of viability, laboratory (its study), no limits.

    Raises:
        DataError: there is no such metric, the file cannot be read or lacks a column, or holds what is no fraction.
    """
    if metric not in METRICS:
        raise DataError(
            f"coderdata reads no metric {metric!r}. It reads "
            f"{'; '.join(f'{name}, the area {what}' for name, what in METRICS.items())}. Choose one of them."
        )
    raw = reading.read_table(path, needs=_NEEDS, wanted=(*_NEEDS, "study"), published=True)
    held = reading.text(raw, "dose_response_metric")
    if not (held == metric).any():
        raise DataError(
            f"{path.name} has no {metric}. Its metrics are {listed(held.unique(), 12)}; choose one of "
            f"{', '.join(METRICS)} with --screen-option metric=NAME, or bring another response in by the source "
            "'tables' as a measure of its own."
        )
    raw = raw[held == metric].reset_index(drop=True)
    value = reading.numbers(raw, "dose_response_value", path)
    notices.dropped(int(value.isna().sum()), "curves", f"they have no {metric}")
    if value.min() < 0 or value.max() > 1:
        raise DataError(
            f"{path.name} has {metric} from {value.min():.3g} to {value.max():.3g}. Fractions from 0 to 1 are needed; "
            "fetch the file again, or bring it in by the source 'tables' with the unit that it has."
        )
    keys = {"cell_line_id": reading.ids(raw, "improve_sample_id"), "drug_id": reading.ids(raw, "improve_drug_id")}
    rows = pd.DataFrame(keys).assign(response=1 - value if metric == "aac" else value)
    rows = rows.assign(lower_limit=np.nan, upper_limit=np.nan, laboratory=reading.text(raw, "study"))
    return rows[value.notna()].reset_index(drop=True)


def read_transcriptomics(path: Path, lines: Iterable[str], scale: str | None, notices: list[str]) -> pd.DataFrame:
    """Expression (lines, genes) in float32 by Entrez id, a logarithm; measurements of several studies are averaged.

    Args:
        path: the file, with a row a line and gene.
        lines: the lines that were measured: no other is read.
        scale: one of `expression.SCALES`, where it is stated.
        notices: what was converted and averaged is written here.

    Raises:
        DataError: the file cannot be read or lacks a column, or values before a logarithm are negative.
    """
    columns = ("improve_sample_id", "entrez_id", "transcriptomics")
    raw = reading.read_table(path, needs=columns[:2], wanted=columns, text=False, published=True)
    if "transcriptomics" not in raw:
        raise DataError(
            f"{path.name} lacks the column transcriptomics. A row a line and gene is needed; fetch it again."
        )
    at_line, known_lines = _coded(raw["improve_sample_id"])
    at_gene, genes = _coded(raw["entrez_id"])
    values = reading.matrix(raw[["transcriptomics"]], path)[:, 0].astype(float)
    kept = np.isin(at_line, np.flatnonzero(known_lines.isin(list(lines)))) & (genes[at_gene] != "") & ~np.isnan(values)
    cells = at_line[kept] * len(genes) + at_gene[kept]
    size = len(known_lines) * len(genes)
    held = np.bincount(cells, minlength=size)
    if several := int((held - 1).clip(0).sum()):
        notices.append(
            f"{path.name}: {several:,} values of a line and gene that stand there already: the mean is taken."
        )
    with np.errstate(invalid="ignore"):
        mean = np.bincount(cells, weights=values[kept], minlength=size) / held
    wide = pd.DataFrame(mean.reshape(-1, len(genes)).astype(np.float32), index=known_lines, columns=genes)
    wide = wide.dropna(how="all").dropna(how="all", axis=1).rename_axis("cell_line_id")
    told = find_scale(scale) if scale is not None else tell_scale(wide.to_numpy())
    return convert(wide, told, path.name, notices) if told.is_raw or scale is not None else wide


def with_symbols(expression: pd.DataFrame, path: Path, notices: list[str]) -> pd.DataFrame:
    """Expression by symbols, as far as `genes.csv` (entrez_id, gene_symbol) knows one that no other gene has.

    Raises:
        DataError: the file cannot be read or lacks a column.
    """
    columns = ("entrez_id", "gene_symbol")
    raw = reading.read_table(path, needs=columns, wanted=columns, published=True)
    table = pd.DataFrame({"entrez": reading.ids(raw, "entrez_id").str.removesuffix(".0")})
    table["symbol"] = reading.text(raw, "gene_symbol")
    table = table[(table["symbol"] != "") & table["entrez"].isin(expression.columns)].drop_duplicates("entrez")
    known = table[~table["symbol"].duplicated(keep=False)].set_index("entrez")["symbol"]
    named = [str(known.get(gene, gene)) for gene in expression.columns]
    notices.append(f"{len(known):,} of {len(named):,} genes go by the symbol that {path.name} gives their Entrez id.")
    return expression.set_axis(pd.Index(named, dtype="str"), axis=1)


def read_samples(path: Path) -> pd.DataFrame:
    """Lines by improve_sample_id: name, tissue (the type of cancer) and patient_id (the common name).

    Raises:
        DataError: the file cannot be read or lacks a column.
    """
    raw = reading.read_table(path, needs=("improve_sample_id",), wanted=("common_name", "cancer_type"), published=True)
    ids = reading.ids(raw, "improve_sample_id").str.removesuffix(".0")
    name, tissue = reading.text(raw, "common_name"), reading.text(raw, "cancer_type")
    table = pd.DataFrame({"name": name, "tissue": tissue, "patient_id": name}).set_index(pd.Index(ids, dtype="str"))
    return table[(table.index != "") & ~table.index.duplicated()]


def _coded(ids: pd.Series) -> tuple[npt.NDArray[np.int64], pd.Index]:
    """The place of each id among the clean ones, of a column far longer than they are; and these."""
    codes, unique = pd.factorize(ids, use_na_sentinel=False)
    clean = ["" if pd.isna(one) else identifiers.clean_id(one).removesuffix(".0") for one in unique]
    again, named = pd.factorize(pd.Series(clean, dtype="str"))
    return again[codes], pd.Index(named, dtype="str")


def _named_once(drugs: pd.DataFrame) -> pd.DataFrame:
    """A row a drug: the file has one a synonym, of which the shortest of letters is taken."""
    names = reading.text(drugs, "chem_name")
    rank = pd.DataFrame({"code": ~names.str.fullmatch(r"[A-Za-z][A-Za-z ]+"), "length": names.str.len()})
    at = rank.assign(drug=reading.ids(drugs, "improve_drug_id")).sort_values(["code", "length"], kind="stable")
    kept = drugs.loc[at.index[~at["drug"].duplicated()]].sort_index()
    return kept.rename(columns={"chem_name": "name"})


def _wanted(dataset: str | None) -> Wanted:
    name = dataset or "*"
    patterns = {what: (f"{name}_{what}.*",) for what in ("experiments", "drugs", "transcriptomics", "samples")}
    return Wanted("coderdata", {**patterns, "genes": ("genes.csv*",)}, optional=("genes",), origin=ORIGIN)
