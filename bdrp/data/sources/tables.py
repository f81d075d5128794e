"""A user's own screen: responses, drugs, expression and perhaps cell lines and mutations, each a CSV, TSV or Parquet table.

| table | needed columns | also read |
| --- | --- | --- |
| responses | cell_line_id, drug_id, the response (named as the measure, or `response`) | lower_limit and upper_limit in the measure's unit, or min_conc_um and max_conc_um in µM; laboratory |
| drugs | drug_id, smiles | name, target, pathway |
| expression | cell_line_id first, then one column a gene; log scale | |
| cell_lines | cell_line_id | name, tissue, patient_id |
| mutations | cell_line_id first, then one column a gene or segment: 1 where a line carries it, 0 where not | |

Upper and lower case, spaces and underscores in column names do not matter, and common other names are known (`ALIASES`).
"""  # noqa: E501 - a table's row is one line

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import identifiers, joining, profiles, reading, unpacking
from bdrp.data.identifiers import listed
from bdrp.data.profiles import EXPRESSION
from bdrp.data.screen import LIMITS, Screen
from bdrp.errors import DataError

DESCRIPTION = "tables: your own responses, drugs (SMILES) and expression as CSV, TSV or Parquet"

ALIASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "cell_line_id": (
            "celllineid",
            "cellline",
            "cosmicid",
            "cosmic",
            "depmapid",
            "modelid",
            "lineid",
            "line",
            "sampleid",
        ),
        "drug_id": ("drugid", "drug", "compoundid", "compound", "treatmentid"),
        "smiles": ("smiles", "canonicalsmiles", "isosmiles"),
        "name": ("name", "drugname", "celllinename", "modelname", "compoundname"),
        "target": ("target", "targets", "putativetarget"),
        "pathway": ("pathway", "pathwayname", "targetpathway"),
        "tissue": ("tissue", "lineage", "tissuetype"),
        "patient_id": ("patientid", "patient", "donorid"),
        "laboratory": ("laboratory", "lab", "site", "screeningsite"),
        "ln_ic50_um": ("lnic50um", "lnic50", "response"),
        "auc_fraction": ("aucfraction", "auc", "response"),
        "lower_limit": ("lowerlimit",),
        "upper_limit": ("upperlimit",),
        "min_conc_um": ("minconcum", "minconc", "minconcmicromolar"),
        "max_conc_um": ("maxconcum", "maxconc", "maxconcmicromolar"),
    }
)
"""Column names by what they mean, in lower-case letters and digits, the preferred first."""

_RAW_IC50: Final = ("ic50", "ic50um", "ic50nm", "ic50micromolar", "ic50nanomolar")
_DOSES: Final = MappingProxyType({"lower_limit": "min_conc_um", "upper_limit": "max_conc_um"})
_GENE_HEADERS: Final = (
    "gene",
    "genes",
    "genesymbol",
    "genesymbols",
    "symbol",
    "hugosymbol",
    "geneid",
    "ensemblid",
    "genename",
)
_ROW_NAMES: Final = ("", "unnamed0", "index")


def load(
    root: Path | None,
    *,
    measure: str = "ln_ic50_um",
    responses: str | Path | None = None,
    drugs: str | Path | None = None,
    expression: str | Path | None = None,
    cell_lines: str | Path | None = None,
    mutations: str | Path | None = None,
) -> Screen:
    """The user's tables as a screen; paths that are not absolute are taken from `root`, or from the current folder.

    Raises:
        DataError: a path is not given, or a table does not say what a screen needs.
    """
    tables = {"responses": responses, "drugs": drugs, "expression": expression}
    paths = _paths(root, tables | {"cell_lines": cell_lines, "mutations": mutations})
    notices = joining.Notices()
    expressed = read_expression(paths["expression"])
    lines = _read_lines(paths["cell_lines"]) if "cell_lines" in paths else pd.DataFrame(index=pd.Index([], dtype="str"))
    rows = _read_responses(paths["responses"], measure)
    rows, lines, expressed = _on_one_id(rows, lines, expressed)
    if not rows["cell_line_id"].isin(expressed.index).any() and rows["cell_line_id"].isin(expressed.columns).any():
        raise _genes_in_rows("the cell lines of the responses are its columns", paths["expression"])
    known = {EXPRESSION: expressed}
    if "mutations" in paths:
        known["mutations"] = _renamed_rows(read_profile(paths["mutations"], "mutations"), expressed.index)
    drugs_table, checksums = read_drugs(paths["drugs"]), unpacking.checksums(paths.values())
    parts = joining.RawTables(rows, drugs_table, lines, known, checksums)
    return joining.join_screen("tables", measure, parts, notices)


def _paths(root: Path | None, given: Mapping[str, str | Path | None]) -> dict[str, Path]:
    missing = [what for what, path in given.items() if path is None and what not in ("cell_lines", "mutations")]
    if missing:
        raise DataError(
            f"The source 'tables' was given no {' and no '.join(missing)}. The paths of responses, drugs and "
            "expression are needed (cell_lines and mutations are optional). Name each: for `bdrp fit` as --responses "
            "PATH, for `bdrp predict` as --screen-option responses=PATH."
        )
    return {what: (root or Path()) / path for what, path in given.items() if path is not None}


def read_drugs(path: str | Path) -> pd.DataFrame:
    """Drugs by drug_id: name, smiles (canonical), structure_key, target, pathway ("" where not known).

    Raises:
        DataError: the table cannot be read, a structure is empty or unparsable, or one id has two structures.
    """
    path = Path(path)
    return _drugs(reading.read_table(path, own=True), path)


def read_tested_drugs(path: str | Path, measure: str) -> pd.DataFrame:
    """Drugs as `read_drugs` has them, with `upper_limit`, the highest dose that each is to be tested at.

    It comes from a column upper_limit, in the measure's unit, or max_conc_um, in µM; NaN where the file says neither.
    An unseen drug is predicted better where it is known.

    Raises:
        DataError: as in `read_drugs`, or a dose is not a number above 0.
    """
    path = Path(path)
    raw = reading.read_table(path, own=True)
    drugs = _drugs(raw, path)
    columns = _columns(raw, ("drug_id",), ("upper_limit", "max_conc_um"), path)
    limit = _limit(raw, columns, "upper_limit", measure, path).groupby(reading.ids(raw, columns["drug_id"])).mean()
    return drugs.assign(upper_limit=limit.reindex(drugs.index).to_numpy(dtype=float))


def read_expression(path: str | Path) -> pd.DataFrame:
    """Expression (lines, genes) in float32, by cell_line_id; NaN where a cell is empty.

    Raises:
        DataError: as in `read_profile`.
    """
    return read_profile(path, EXPRESSION)


def read_profile(path: str | Path, name: str) -> pd.DataFrame:
    """The table of one modality (lines, features) in float32, by cell_line_id; NaN where a cell is empty.

    Raises:
        DataError: the table cannot be read, has genes in its rows, duplicated genes or lines, texts or infinities.
    """
    path = Path(path)
    raw = reading.read_table(path, text=False, own=True)
    first = str(raw.columns[0])
    if _plain(first) in _GENE_HEADERS:
        raise _genes_in_rows(f"its first column is {first!r}", path)
    if _plain(first) not in (*ALIASES["cell_line_id"], *_ROW_NAMES):
        raise DataError(
            f"{path.name} starts with the column {first!r}. The first column must be cell_line_id, every other one a "
            "gene; "
            "move or rename it."
        )
    index = pd.Index(reading.ids(raw, raw.columns[0]), dtype="str", name="cell_line_id")
    values = reading.matrix(raw.iloc[:, 1:], path)
    table = pd.DataFrame(values, index=index, columns=pd.Index(raw.columns[1:].map(str), dtype="str"))
    profiles.check(table, name)
    return table


def _genes_in_rows(sign: str, path: Path) -> DataError:
    return DataError(
        f"{path.name} has genes in its rows: {sign}. Cell lines must be the rows and genes the columns; transpose it, "
        "for "
        f"example with pd.read_csv({path.name!r}, index_col=0).T.rename_axis('cell_line_id').to_csv('expression.csv')."
    )


def read_pairs(path: str | Path) -> pd.DataFrame:
    """The pairs to predict: cell_line_id and drug_id, in the file's order, each pair once.

    Raises:
        DataError: the table cannot be read, or an id is empty.
    """
    path = Path(path)
    raw = reading.read_table(path, own=True)
    columns = _columns(raw, ("cell_line_id", "drug_id"), (), path)
    pairs = pd.DataFrame({meaning: reading.ids(raw, column) for meaning, column in columns.items()})
    _refuse_empty_ids(pairs, path)
    return pairs.drop_duplicates(ignore_index=True)


def _read_responses(path: Path, measure: str) -> pd.DataFrame:
    raw = reading.read_table(path, own=True)
    _refuse_raw_ic50(raw, measure, path)
    optional = (*LIMITS, *_DOSES.values(), "laboratory")
    columns = _columns(raw, ("cell_line_id", "drug_id", measure), optional, path)
    rows = pd.DataFrame({meaning: reading.ids(raw, columns[meaning]) for meaning in ("cell_line_id", "drug_id")})
    _refuse_empty_ids(rows, path)
    rows["response"] = reading.numbers(raw, columns[measure], path)
    for limit in LIMITS:
        rows[limit] = _limit(raw, columns, limit, measure, path)
    rows["laboratory"] = reading.text(raw, columns.get("laboratory", "laboratory"))
    return rows


def _drugs(raw: pd.DataFrame, path: Path) -> pd.DataFrame:
    columns = _columns(raw, ("drug_id", "smiles"), ("name", "target", "pathway"), path)
    table = pd.DataFrame({"drug_id": reading.ids(raw, columns["drug_id"])})
    for column in columns.keys() - {"drug_id"}:
        table[column] = reading.text(raw, columns[column])
    return joining.clean_drugs(table, path.name)


def _limit(raw: pd.DataFrame, columns: Mapping[str, str], limit: str, measure: str, path: Path) -> pd.Series:
    """One limit of each row, of the measure or of the doses; NaN where the file says neither."""
    dose = _DOSES[limit]
    if limit in columns:
        return reading.numbers(raw, columns[limit], path)
    if dose in columns and measure == "ln_ic50_um":
        return reading.log_doses(raw, columns[dose], path)
    return pd.Series(np.nan, index=raw.index)


def _refuse_raw_ic50(raw: pd.DataFrame, measure: str, path: Path) -> None:
    plain = [_plain(column) for column in raw.columns]
    found = [str(column) for column, name in zip(raw.columns, plain, strict=True) if name in _RAW_IC50]
    if measure == "ln_ic50_um" and found and not set(ALIASES[measure]) & set(plain):
        raise DataError(
            f"{path.name} has the column {found[0]}, a raw IC50, and none of its logarithm. ln_ic50_um is the natural "
            "logarithm of the IC50 in µM; write that column (divide nM by 1000 before)."
        )


def _refuse_empty_ids(rows: pd.DataFrame, path: Path) -> None:
    for column in ("cell_line_id", "drug_id"):
        empty = np.flatnonzero(rows[column] == "")
        if len(empty):
            raise DataError(
                f"{path.name} has {len(empty):,} rows without {column} (row {listed(empty + 1)}, the first below the "
                "header "
                "being 1). Every row needs both ids; fill or drop these rows."
            )


def _read_lines(path: Path) -> pd.DataFrame:
    raw = reading.read_table(path, own=True)
    columns = _columns(raw, ("cell_line_id",), ("name", "tissue", "patient_id"), path)
    table = pd.DataFrame({"cell_line_id": reading.ids(raw, columns["cell_line_id"])})
    for column in columns.keys() - {"cell_line_id"}:
        table[column] = (
            reading.ids(raw, columns[column]) if column == "patient_id" else reading.text(raw, columns[column])
        )
    table = table[table["cell_line_id"] != ""].drop_duplicates()
    twice = table["cell_line_id"][table["cell_line_id"].duplicated()].unique()
    if len(twice):
        raise DataError(
            f"{path.name} describes {len(twice):,} cell lines twice and differently ({listed(twice)}). One row a line "
            "is "
            "needed; keep the right one."
        )
    return table.set_index("cell_line_id")


def _on_one_id(
    rows: pd.DataFrame, lines: pd.DataFrame, expressed: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The tables with the expression's ids, where a cell such as "1331031;1331030" stands for either of its ids."""
    held = {one: line for line in expressed.index for one in (line, *identifiers.split_ids(line))}
    for line in lines.index:
        together = identifiers.split_ids(line)
        known = next((held[one] for one in together if one in held), None)
        held |= {one: known for one in together if known is not None and one not in held}
    rows = rows.assign(cell_line_id=_renamed(rows["cell_line_id"], held))
    lines = lines.set_axis(pd.Index(_renamed(lines.index, held), dtype="str", name="cell_line_id"), axis=0)
    return rows, lines[~lines.index.duplicated()], expressed


def _renamed_rows(profile: pd.DataFrame, expressed: pd.Index) -> pd.DataFrame:
    """A profile under the ids of the expression, where a cell such as "1331031;1331030" stands for either of its ids.

    Raises:
        DataError: two rows are of one line.
    """
    held = {one: line for line in expressed for one in (line, *identifiers.split_ids(line))}
    renamed = profile.set_axis(pd.Index(_renamed(profile.index, held), dtype="str", name="cell_line_id"), axis=0)
    profiles.check(renamed, "mutations")
    return renamed


def _renamed(ids: Iterable[str], held: Mapping[str, str]) -> list[str]:
    return [next((held[one] for one in (line, *identifiers.split_ids(line)) if one in held), line) for line in ids]


def _columns(raw: pd.DataFrame, needed: Iterable[str], optional: Iterable[str], path: Path) -> dict[str, str]:
    """The file's column for each meaning.

    Raises:
        DataError: a needed column is missing.
    """
    plain = {_plain(column): str(column) for column in raw.columns}
    found = {}
    for meaning in (*needed, *optional):
        named = [plain[alias] for alias in ALIASES[meaning] if alias in plain]
        if named:
            found[meaning] = named[0]
        elif meaning in needed:
            raise DataError(
                f"{path.name} has no column {meaning}. Its columns are {listed(raw.columns, 12)}; {meaning} may also "
                "be "
                f"called {listed(ALIASES[meaning][1:], 4)} (case, spaces and underscores do not matter). Rename the "
                "column, "
                "and check that one separator is used throughout."
            )
    return found


def _plain(column: object) -> str:
    return re.sub(r"[^a-z0-9]", "", str(column).lower())
