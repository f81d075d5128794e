"""The tables of a GDSC release: curves, expression, structures and the drug list."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import identifiers, joining, reading
from bdrp.data.sources._lines import Models, held_id
from bdrp.errors import DataError

_MEASURED: Final = {"ln_ic50_um": "LN_IC50", "auc_fraction": "AUC"}
_LOWEST_DOSE: Final = ("MIN_CONC", "MIN_CONC_MICROMOLAR")
_HIGHEST_DOSE: Final = ("MAX_CONC", "MAX_CONC_MICROMOLAR")
_ALTERATION: Final = re.compile(r".+_mut|(gain|loss)_cna.+")
_TEXTS: Final = ("COSMIC_ID", "CELL_LINE_NAME", "DRUG_ID", "DRUG_NAME", "PUTATIVE_TARGET", "PATHWAY_NAME", "DATASET")


def read_responses(path: Path, measure: str, name: str) -> pd.DataFrame:
    """The fitted curves: cosmic_id and line_name (one may be ""), drug_id, response, limits, drug_name, target.

    The limits are ln MIN_CONC and ln MAX_CONC for ln IC50; NaN for the AUC, and where the release gives no doses.

    Raises:
        DataError: the file cannot be read, lacks a column, holds text for numbers, or is of the other screen.
    """
    wanted = (*_TEXTS, _MEASURED[measure], *_LOWEST_DOSE, *_HIGHEST_DOSE)
    raw = reading.read_table(path, needs=("DRUG_ID", _MEASURED[measure]), wanted=wanted, published=True)
    if not {"COSMIC_ID", "CELL_LINE_NAME"} & set(raw.columns):
        raise DataError(f"{path.name} has neither COSMIC_ID nor CELL_LINE_NAME. One must say which line a curve is of.")
    _refuse_other_screen(raw, name, path)
    curves = pd.DataFrame(
        {
            "cosmic_id": reading.ids(raw, "COSMIC_ID"),
            "line_name": reading.text(raw, "CELL_LINE_NAME"),
            "drug_id": reading.ids(raw, "DRUG_ID"),
            "response": reading.numbers(raw, _MEASURED[measure], path),
            "drug_name": reading.text(raw, "DRUG_NAME"),
            "target": reading.text(raw, "PUTATIVE_TARGET"),
            "pathway": reading.text(raw, "PATHWAY_NAME"),
        }
    )
    for limit, doses in (("lower_limit", _LOWEST_DOSE), ("upper_limit", _HIGHEST_DOSE)):
        dose = next((column for column in doses if column in raw), None)
        known = dose is not None and measure == "ln_ic50_um"
        curves[limit] = reading.log_doses(raw, dose, path) if known and dose else np.nan
    return curves


def _refuse_other_screen(raw: pd.DataFrame, name: str, path: Path) -> None:
    datasets = set(reading.text(raw, "DATASET").unique()) - {""}
    if datasets and datasets != {name.upper()}:
        raise DataError(
            f"{path.name} holds curves of {identifiers.listed(sorted(datasets))} in its column DATASET. {name.upper()} "
            "alone is "
            f"needed; load the file as what it is, or keep its {name.upper()} rows."
        )


def read_expression(path: Path, notices: joining.Notices) -> pd.DataFrame:
    """RMA expression (lines by COSMIC id, genes by symbol), log2, float32; NaN where the cell is empty.

    Rows without a symbol, repeated symbols and repeated lines are dropped but for the first, and counted in `notices`.

    Raises:
        DataError: the file cannot be read, or is no such matrix.
    """
    raw = reading.read_table(
        path, needs=("GENE_SYMBOLS",), member="Cell_line_RMA_proc_basalExp*", text=False, repeated=True, published=True
    )
    found = {column: match.group(1) for column in raw if (match := re.fullmatch(r"DATA\.(\d+)(\.\d+)?", str(column)))}
    if not found:
        raise DataError(f"{path.name} has no column DATA.<COSMIC id>. It is not GDSC's RMA expression; fetch it again.")
    columns = pd.Series(found).drop_duplicates()
    notices.dropped(len(found) - len(columns), "expression columns", "the line stands there already")
    symbols = reading.text(raw, "GENE_SYMBOLS")
    blank = symbols == ""
    repeated = symbols.duplicated() & ~blank
    notices.dropped(int(blank.sum()), "expression rows", "they have no gene symbol")
    notices.dropped(int(repeated.sum()), "expression rows", "the gene stands there already", symbols[repeated].unique())
    keep = raw.loc[~(blank | repeated), columns.index]
    values = reading.matrix(keep, path).T
    lines = pd.Index(columns.tolist(), dtype="str", name="cell_line_id")
    genes = pd.Index(symbols[~(blank | repeated)].tolist(), dtype="str")
    return _with_values(pd.DataFrame(values, index=lines, columns=genes), notices)


def _with_values(expression: pd.DataFrame, notices: joining.Notices) -> pd.DataFrame:
    empty = expression.index[expression.isna().all(axis=1).to_numpy()]
    notices.dropped(len(empty), "expression columns", "the line has no value", empty)
    return expression.drop(index=empty) if len(empty) else expression


def read_mutations(path: Path, models: Models, held: pd.Index, notices: joining.Notices) -> pd.DataFrame:
    """Mutations and copy number (lines by the id under which their expression is held), 0 or 1; NaN for an empty cell.

    Columns are genes (TP53_mut) and segments (gain_cnaPANCAN91_(MYC), loss_cnaPANCAN4); any others, such as the
    tissue, are left out.

    Raises:
        DataError: the file cannot be read, holds no such column, or something that is no number.
    """
    raw = reading.read_table(path, needs=("COSMIC_ID",), text=False, published=True)
    alterations = [str(column) for column in raw if _ALTERATION.fullmatch(str(column))]
    if not alterations:
        raise DataError(
            f"{path.name} has no column like TP53_mut, gain_cna... or loss_cna.... It is no table of GDSC's genomic "
            "features; name another with the option mutations=PATH, or move it away: it may be missing."
        )
    known = frozenset(held)
    own = [held_id(one, models, known) for one in reading.ids(raw, "COSMIC_ID")]
    index = pd.Index(own, dtype="str", name="cell_line_id")
    table = pd.DataFrame(
        reading.matrix(raw[alterations], path), index=index, columns=pd.Index(alterations, dtype="str")
    )
    repeated = index.duplicated()
    notices.dropped(int(repeated.sum()), "rows of mutations", "the line stands there already", index[repeated])
    return table[~repeated & table.notna().any(axis=1).to_numpy()]


def read_drugs(path: Path, curves: pd.DataFrame, listed: pd.DataFrame) -> pd.DataFrame:
    """The structures of the drugs that were measured; names and targets as the release gives them.

    Raises:
        DataError: the file cannot be read, a structure cannot be read, or one id has two.
    """
    raw = reading.read_table(path, needs=("DRUG_ID", "smiles"), wanted=("DRUG_ID", "smiles", "name"), published=True)
    table = pd.DataFrame({"drug_id": reading.ids(raw, "DRUG_ID"), "smiles": reading.text(raw, "smiles")})
    table["own_name"] = reading.text(raw, "name")
    table = table[(table["smiles"] != "") & table["drug_id"].isin(curves["drug_id"].unique())].reset_index(drop=True)
    datasets = curves.drop_duplicates("drug_id").set_index("drug_id")
    for column, source in (("name", "drug_name"), ("target", "target"), ("pathway", "pathway")):
        first = reading.lookup(table["drug_id"], datasets[source].to_dict())
        second = reading.lookup(table["drug_id"], listed[column].to_dict())
        table[column] = first.where(first != "", second)
    table["name"] = table["name"].where(table["name"] != "", table["own_name"])
    return joining.clean_drugs(table, path.name)


def read_drug_list(path: Path | None, name: str) -> pd.DataFrame:
    """Name, target, pathway and screening site by drug id, from either official layout; empty without a file.

    Raises:
        DataError: the file cannot be read, or has no drug ids.
    """
    columns = {"name": ("name", "drugname"), "target": ("targets", "target"), "pathway": ("targetpathway",)}
    columns["site"] = ("screeningsite",)
    if path is None:
        return pd.DataFrame({column: pd.Series(dtype="str") for column in columns}, index=pd.Index([], dtype="str"))
    raw = reading.read_table(path, published=True)
    raw.columns = pd.Index([re.sub(r"[^a-z]", "", str(column).lower()) for column in raw.columns])
    if "drugid" not in raw:
        raise DataError(f"{path.name} has no column 'Drug Id' or DRUG_ID. It is no GDSC drug list; fetch it again.")
    if "datasets" in raw:
        raw = raw[reading.text(raw, "datasets").str.contains(name.upper())]
    table = pd.DataFrame({"drug_id": reading.ids(raw, "drugid")})
    for column, known in columns.items():
        table[column] = reading.text(raw, next((alias for alias in known if alias in raw), column))
    return table.drop_duplicates("drug_id").set_index("drug_id")
