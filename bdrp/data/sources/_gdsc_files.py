"""The files of a GDSC release, one reader a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bdrp.data import identifiers, reading
from bdrp.errors import DataError

_COLUMN = {"ln_ic50_um": "LN_IC50", "auc_fraction": "AUC"}


@dataclass(frozen=True)
class ModelList:
    """Cell Model Passports: `rows` has model_name, tissue, patient_id; `by_cosmic` maps every COSMIC id to a row."""

    rows: pd.DataFrame
    by_cosmic: dict[str, int]


def _has(*wanted: str):
    def needed(columns: list[str]) -> str | None:
        missing = [column for column in wanted if column not in columns]
        return f"lacks the columns {', '.join(missing)}." if missing else None
    return needed


def read_expression(path: Path, notices: list[str]) -> pd.DataFrame:
    """RMA expression (lines, genes), log2, float32."""
    frame = reading.read_text_table(path, member="Cell_line_RMA_proc_basalExp*", needed=_has("GENE_SYMBOLS"), na_values=["NA", ""])
    columns = {c: m.group(1) for c in frame.columns if (m := re.fullmatch(r"DATA\.(\d+)(\.\d+)?", c))}
    genes = frame["GENE_SYMBOLS"].astype(str)
    values = frame[list(columns)].to_numpy(dtype=np.float32).T
    return pd.DataFrame(values, index=pd.Index(list(columns.values()), name="cell_line_id"), columns=pd.Index(genes.tolist(), dtype="str"))


def read_model_list(path: Path) -> ModelList:
    """The lines' names, tissues and patients."""
    rows = reading.read_text_table(path, usecols=["model_id", "patient_id", "model_name", "synonyms", "tissue", "COSMIC_ID"], dtype="str").fillna("")
    by_cosmic = {cosmic: row for row, cell in enumerate(rows["COSMIC_ID"]) for cosmic in identifiers.split_ids(cell)}
    return ModelList(rows, by_cosmic)


def read_responses(path: Path, measure: str) -> pd.DataFrame:
    """The curves' rows."""
    raw = reading.read_text_table(path, needed=_has("DRUG_ID", _COLUMN[measure]), dtype={"COSMIC_ID": "str", "DRUG_ID": "str"})
    out = pd.DataFrame({"line": raw["COSMIC_ID"].map(identifiers.clean_id) if "COSMIC_ID" in raw else raw["CELL_LINE_NAME"]})
    out["drug_id"] = raw["DRUG_ID"].map(identifiers.clean_id)
    out["response"] = raw[_COLUMN[measure]].astype(float)
    limits = measure == "ln_ic50_um" and "MAX_CONC" in raw
    out["lower_limit"] = np.log(raw["MIN_CONC"]) if limits else np.nan
    out["upper_limit"] = np.log(raw["MAX_CONC"]) if limits else np.nan
    out["laboratory"] = ""
    out["by_name"] = "COSMIC_ID" not in raw
    for a, b in (("DRUG_NAME", "drug_name"), ("PUTATIVE_TARGET", "target"), ("PATHWAY_NAME", "pathway")):
        out[b] = raw[a].fillna("") if a in raw else ""
    return out


def read_drugs(raw: pd.DataFrame, structures: Path, drug_list: Path | None, name: str, notices: list[str]) -> pd.DataFrame:
    """The drugs with a structure."""
    table = reading.read_text_table(structures, dtype="str").fillna("")
    table["drug_id"] = table["DRUG_ID"].map(identifiers.clean_id)
    table = table[(table["smiles"] != "") & table["drug_id"].isin(raw["drug_id"])].set_index("drug_id")
    first = raw.drop_duplicates("drug_id").set_index("drug_id")
    out = pd.DataFrame(index=table.index)
    out["name"] = table["name"]
    out["smiles"] = table["smiles"].map(identifiers.canonical_smiles)
    out["structure_key"] = out["smiles"].map(identifiers.structure_key)
    for column in ("target", "pathway"):
        out[column] = first[column].reindex(out.index).fillna("")
    if drug_list is not None and not out["target"].any():
        listed = reading.read_text_table(drug_list, dtype="str").fillna("")
        listed["drug_id"] = listed["Drug Id"].map(identifiers.clean_id)
        listed = listed.drop_duplicates("drug_id").set_index("drug_id").reindex(out.index).fillna("")
        out["target"], out["pathway"] = listed["Targets"], listed["Target pathway"]
    return out


def with_line_ids(raw: pd.DataFrame, lines: ModelList, expressed: pd.Index, notices: list[str]) -> pd.DataFrame:
    """Responses whose cell_line_id is the COSMIC id under which the line's expression is held."""
    held = set(expressed)
    if raw["by_name"].any():
        names = _names(lines)
        ids = {n: _by_name(n, names, lines, held) for n in raw["line"].unique()}
    else:
        ids = {c: _by_cosmic(c, lines, held) for c in raw["line"].unique()}
    raw = raw.assign(cell_line_id=raw["line"].map(ids).astype("str"))
    return raw[["cell_line_id", "drug_id", "response", "lower_limit", "upper_limit", "laboratory"]]


def _by_cosmic(cosmic: str, lines: ModelList, held: set[str]) -> str:
    if cosmic in held or cosmic not in lines.by_cosmic:
        return cosmic
    siblings = identifiers.split_ids(lines.rows["COSMIC_ID"].iat[lines.by_cosmic[cosmic]])
    return next((c for c in siblings if c in held), cosmic)


def _names(lines: ModelList) -> list[dict[str, set[int]]]:
    exact: dict[str, set[int]] = {}
    keys: dict[str, set[int]] = {}
    synonyms: dict[str, set[int]] = {}
    for row, (name, others) in enumerate(zip(lines.rows["model_name"], lines.rows["synonyms"], strict=True)):
        exact.setdefault(name.upper(), set()).add(row)
        keys.setdefault(identifiers.line_name_key(name), set()).add(row)
        for other in re.split(r"[;,]", others):
            synonyms.setdefault(identifiers.line_name_key(other), set()).add(row)
    return [exact, keys, synonyms]


def _by_name(name: str, names: list[dict[str, set[int]]], lines: ModelList, held: set[str]) -> str:
    key = identifiers.line_name_key(name)
    tries = [(names[0], name.upper()), (names[1], key), (names[2], key)]
    if re.fullmatch(r"H\d+", key):
        tries.append((names[1], "NCI" + key))
    for table, wanted in tries:
        if rows := table.get(wanted):
            found = {c for row in rows for c in identifiers.split_ids(lines.rows["COSMIC_ID"].iat[row]) if c in held}
            return found.pop() if len(found) == 1 else name
    return name


def describe_lines(ids: pd.Index, lines: ModelList, notices: list[str]) -> pd.DataFrame:
    """Name, tissue and patient of the lines."""
    records = []
    for cosmic in ids:
        row = lines.by_cosmic.get(cosmic)
        records.append(("", "", "") if row is None else tuple(lines.rows.loc[row, ["model_name", "tissue", "patient_id"]]))
    out = pd.DataFrame(records, index=ids, columns=["name", "tissue", "patient_id"], dtype="str")
    out["tissue"] = out["tissue"].where(out["tissue"] != "", "unknown")
    own = pd.Series(ids, index=ids)
    out["name"] = out["name"].where(out["name"] != "", own)
    out["patient_id"] = out["patient_id"].where(out["patient_id"] != "", own)
    return out
