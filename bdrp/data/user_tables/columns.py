"""Which column of a table means what: by the names that are known, and, for ids, by what joins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pandas as pd

from bdrp.data import identifiers, reading
from bdrp.data.delimited import plain
from bdrp.data.identifiers import listed
from bdrp.errors import DataError

ALIASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "cell_line_id": (
            *("celllineid", "cellline", "cosmicid", "cosmic", "depmapid", "modelid", "lineid", "line", "sampleid"),
            *("achid", "sangermodelid", "sidm", "cellosaurusid", "rrid", "ccleid", "cclename", "improvesampleid"),
            *("celllinename", "strippedcelllinename", "modelname", "sample", "samplename", "cellid", "cell", "clid"),
        ),
        "drug_id": (
            *("drugid", "drug", "compoundid", "compound", "treatmentid", "treatment", "broadid", "brdid", "cpdid"),
            *("improvechemid", "improvedrugid", "pubchemid", "pubchemcid", "chemblid", "drugname", "compoundname"),
            *("cpdname", "treatmentname"),
        ),
        "smiles": ("smiles", "canonicalsmiles", "isosmiles", "isomericsmiles", "cansmiles"),
        "name": ("name", "drugname", "celllinename", "modelname", "compoundname", "strippedcelllinename"),
        "target": ("target", "targets", "putativetarget"),
        "pathway": ("pathway", "pathwayname", "targetpathway"),
        "tissue": ("tissue", "lineage", "tissuetype", "oncotreelineage", "primarytissue", "primarysite", "tissueid"),
        "patient_id": ("patientid", "patient", "donorid", "donor"),
        "laboratory": ("laboratory", "lab", "site", "screeningsite"),
        "lower_limit": ("lowerlimit",),
        "upper_limit": ("upperlimit",),
        "response_sd": ("responsesd",),
    }
)
"""Column names by what they mean, in lower-case letters and digits, the preferred first."""


def find(raw: pd.DataFrame, needed: Iterable[str], optional: Iterable[str], path: Path) -> dict[str, str]:
    """The file's column for each meaning.

    Raises:
        DataError: a needed column is missing.
    """
    found = {}
    for meaning in (*needed, *optional):
        named = candidates(raw, meaning)
        if named:
            found[meaning] = named[0]
        elif meaning in needed:
            raise missing(raw, meaning, path)
    return found


def candidates(raw: pd.DataFrame, meaning: str) -> list[str]:
    """Every column that can be meant, the preferred first."""
    by_name = {plain(column): str(column) for column in raw.columns}
    return [by_name[alias] for alias in ALIASES[meaning] if alias in by_name]


def all_line_ids(raw: pd.DataFrame) -> set[str]:
    """Every id of every column that can name the lines, and the headers: the lines may be those of a matrix."""
    ids = {one for column in candidates(raw, "cell_line_id") for one in reading.ids(raw, column).unique()}
    if not ids:
        ids = {*reading.ids(raw, str(raw.columns[0])), *map(identifiers.clean_id, raw.columns[1:])}
    return {part for one in ids for part in (one, *identifiers.split_ids(one))} - {""}


def missing(raw: pd.DataFrame, meaning: str, path: Path) -> DataError:
    """No column has this meaning."""
    return DataError(
        f"{path.name} has no column {meaning}. Its columns are {listed(raw.columns, 12)}; {meaning} may also be called "
        f"{listed(ALIASES[meaning][1:], 4)} (case, spaces and underscores do not matter). Rename the column, and check "
        "that one separator is used throughout."
    )


def joining_column(raw: pd.DataFrame, meaning: str, known: Collection[str], path: Path) -> str:
    """The column of ids of which most are known to the other tables; the preferred name where none is.

    Args:
        raw: the table.
        meaning: cell_line_id or drug_id.
        known: the ids of the other tables; empty where there is nothing to join with.
        path: for messages.

    Raises:
        DataError: there is no such column, or two that differ join as well as each other.
    """
    named = candidates(raw, meaning)
    if not named:
        raise missing(raw, meaning, path)
    if len(named) == 1 or len(known) == 0:  # an index of pandas has no truth value
        return named[0]
    joined = {column: count_known(raw, column, known) for column in named}
    best = max(joined.values())
    first, *others = [column for column in named if joined[column] == best]
    if best:
        for other in others:
            if reading.ids(raw, first).tolist() != reading.ids(raw, other).tolist():
                raise DataError(
                    f"{path.name} has two columns that can be {meaning}, {first} and {other}, and {best:,} ids of "
                    f"either are in the other tables ({listed(reading.ids(raw, first).unique(), 3)}; "
                    f"{listed(reading.ids(raw, other).unique(), 3)}). One is needed; drop or rename the other."
                )
    return first


def count_known(raw: pd.DataFrame, column: str, known: Collection[str]) -> int:
    """How many different ids of a column are known."""
    ids = set(reading.ids(raw, column)) - {""}
    return sum(any(one in known for one in (cell, *identifiers.split_ids(cell))) for cell in ids)


def drug_keys(raw: pd.DataFrame, path: Path) -> list[str]:
    """The columns of a drug table that can be its ids, the preferred first: names can stand for ids.

    Raises:
        DataError: there is none.
    """
    found = list(dict.fromkeys([*candidates(raw, "drug_id"), *candidates(raw, "name")]))
    if not found:
        raise missing(raw, "drug_id", path)
    return found


def joining_drugs(rows: pd.DataFrame, drugs: pd.DataFrame, paths: tuple[Path, Path]) -> tuple[str, str]:
    """The columns of responses and of drugs whose ids join best, the preferred names where nothing does.

    Raises:
        DataError: a table has no such column.
    """
    mine, theirs = candidates(rows, "drug_id"), drug_keys(drugs, paths[1])
    if not mine:
        raise missing(rows, "drug_id", paths[0])
    held = {column: set(reading.ids(drugs, column)) for column in theirs}
    pairs = [(one, other) for other in theirs for one in mine]
    return max(pairs, key=lambda pair: count_known(rows, pair[0], held[pair[1]]))  # the first of equals
