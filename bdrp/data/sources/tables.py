"""A user's own screen: responses, drugs, expression and perhaps cell lines and mutations, each a CSV, TSV or Parquet table.

| table | needed columns | also read |
| --- | --- | --- |
| responses | cell_line_id, drug_id, the response (its header or `unit` says which quantity it is); or a matrix of lines by drugs | lower_limit and upper_limit in the response's unit, or min_conc_um and max_conc_um; response_sd; laboratory |
| drugs | smiles, and drug_id where it is not the structure itself | name, target, pathway |
| expression | cell_line_id first, then one column a gene; or a row a gene; or GCT; logarithms (see `scale`) | |
| cell_lines | cell_line_id | name, tissue, patient_id |
| mutations | cell_line_id first, then one column a gene or segment: 1 where a line carries it, 0 where not | |

Upper and lower case, spaces and underscores in column names do not matter, and common other names are known
(`user_tables.columns.ALIASES`); of several columns of ids, the one that joins with the other tables is read.
"""  # noqa: E501 - a table's row is one line

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bdrp.data import in_memory, joining, reading, unpacking
from bdrp.data.expression import read_expression as read_expression
from bdrp.data.expression import refuse_raw
from bdrp.data.in_memory import DRUGS, PAIRS, Given
from bdrp.data.measures import LN_CONCENTRATIONS
from bdrp.data.measures import MEASURES as EVERY_MEASURE
from bdrp.data.profiles import EXPRESSION
from bdrp.data.quantities import Stated, doses
from bdrp.data.screen import Screen
from bdrp.data.user_tables import columns, layouts
from bdrp.data.user_tables import drugs as drug_tables
from bdrp.data.user_tables import lines as line_tables
from bdrp.data.user_tables.copies import warn_of_copies
from bdrp.data.user_tables.duplicates import drop_repeated
from bdrp.data.user_tables.profiles import read_profile
from bdrp.data.user_tables.responses import Responses, read_responses, refuse_empty_ids
from bdrp.errors import DataError

DESCRIPTION = "tables: your own responses, drugs (SMILES) and expression as CSV, TSV or Parquet"
MEASURES = tuple(EVERY_MEASURE)
TELLS_MEASURE = True
"""`load` may be called without a measure: the tables, and what is said of them, tell it."""


def load(
    root: Path | None,
    *,
    measure: str | None = None,
    unit: str | None = None,
    column: str | None = None,
    dose_unit: str | None = None,
    own_unit: str | None = None,
    expression_scale: str | None = None,
    responses: str | Path | None = None,
    drugs: str | Path | None = None,
    expression: str | Path | None = None,
    cell_lines: str | Path | None = None,
    mutations: str | Path | None = None,
) -> Screen:
    """The user's tables as a screen; paths that are not absolute are taken from `root`, or from the current folder.

    Args:
        root: the folder that relative paths start from.
        measure: what to model; that of `unit`, or ln_ic50_um, where None.
        unit: the quantity that the response column holds, one of `quantities.QUANTITIES`, where its header or values
            do not tell, or tell wrongly.
        column: the header of the response column, where several could be.
        dose_unit: the unit of the doses (m, mm, um, nm, pm), where it is not told.
        own_unit: what a measure of one's own (unit own_low or own_high) is in, in words.
        expression_scale: what expression is measured on, one of `expression.SCALES`, where it is no logarithm, or
            looks like none: counts and TPM become logarithms.
        responses: path of the responses.
        drugs: path of the drugs.
        expression: path of the expression.
        cell_lines: path of what is known of lines.
        mutations: path of mutations and copy number.

    Raises:
        DataError: a path is not given, or a table does not say what a screen needs.
    """
    tables = {"responses": responses, "drugs": drugs, "expression": expression}
    paths = _paths(root, tables | {"cell_lines": cell_lines, "mutations": mutations})
    rows_raw = reading.read_table(paths["responses"])
    told: list[str] = []
    expressed = read_expression(
        paths["expression"], lines=columns.all_line_ids(rows_raw), scale=expression_scale, notices=told
    )
    if expression_scale is None:
        refuse_raw(expressed, paths["expression"].name)
    drugs_raw = drug_tables.read_raw(paths["drugs"])
    said = list[str]()
    keys = find_keys(paths, rows_raw, drugs_raw, expressed.index, said)
    read = read_responses(
        keys.rows, keys.columns, Stated(measure, unit, column, dose_unit, own_unit), paths["responses"], said
    )
    drugs_table = drug_tables.clean(drugs_raw, paths["drugs"], keys.of_drugs)
    return join(paths, read, drugs_table, expressed, told)


def join(
    paths: Mapping[str, Path], read: Responses, drugs: pd.DataFrame, expressed: pd.DataFrame, told: Sequence[str]
) -> Screen:
    """The screen of tables that have been read; cell lines and mutations, where there are any, are read here.

    Args:
        paths: of every table, by what it is.
        read: the responses.
        drugs: by drug_id.
        expressed: the expression.
        told: what has been said of the expression.

    Raises:
        DataError: a table cannot be read, or nothing is left after the join.
    """
    notices = joining.Notices([*told, *read.notices])
    rows, lines = line_tables.join_lines(read.rows, paths.get("cell_lines"), expressed.index, notices.lines)
    rows = drop_repeated(rows, drugs["structure_key"], notices.lines)
    warn_of_copies(rows, paths["responses"].name)
    known_profiles = {EXPRESSION: expressed}
    if "mutations" in paths:
        known_profiles["mutations"] = read_profile(paths["mutations"], "mutations", expressed.index, notices.lines)
    checksums = unpacking.checksums(paths.values())
    parts = joining.RawTables(rows, drugs, lines, known_profiles, checksums)
    return joining.join_screen("tables", read.measure, parts, notices)


@dataclass(frozen=True)
class Keys:
    """How the responses and the drugs are joined.

    Attributes:
        rows: the responses as they stand, a row a pair.
        columns: of the responses, by cell_line_id and drug_id.
        of_drugs: the column of ids of the drugs.
    """

    rows: pd.DataFrame
    columns: dict[str, str]
    of_drugs: str


def find_keys(
    paths: Mapping[str, Path], raw: pd.DataFrame, drugs_raw: pd.DataFrame, expressed: pd.Index, notices: list[str]
) -> Keys:
    """The columns of ids that join, of responses that may be a matrix.

    Args:
        paths: of the tables.
        raw: the responses as they stand.
        drugs_raw: the drugs as they stand.
        expressed: the lines that have expression.
        notices: what was turned is written here.

    Raises:
        DataError: a table has no such column, or two that join as well as each other.
    """
    path = paths["responses"]
    named = columns.drug_keys(drugs_raw, paths["drugs"])
    ids = dict.fromkeys(one for column in named for one in reading.ids(drugs_raw, column))
    lines = line_tables.held_ids(expressed)
    rows = layouts.melt(raw, lines, ids, path, notices)
    key, drug_key = columns.joining_drugs(rows, drugs_raw, (path, paths["drugs"]))
    keys = {"cell_line_id": columns.joining_column(rows, "cell_line_id", lines, path), "drug_id": key}
    return Keys(rows, keys, drug_key)


def _paths(root: Path | None, given: Mapping[str, str | Path | None]) -> dict[str, Path]:
    missing = [what for what, path in given.items() if path is None and what not in ("cell_lines", "mutations")]
    if missing:
        raise DataError(
            f"The source 'tables' was given no {' and no '.join(missing)}. The paths of responses, drugs and "
            "expression are needed (cell_lines and mutations are optional). Name each: as --responses PATH where "
            "a screen is fitted (`bdrp fit`, `bdrp compare`), as --screen-option responses=PATH in other commands."
        )
    return {what: (root or Path()) / path for what, path in given.items() if path is not None}


def read_drugs(given: Given) -> pd.DataFrame:
    """Drugs by drug_id: name, smiles (canonical), structure_key, target, pathway ("" where not known).

    >>> read_drugs({"ethanol": "OCC"})["smiles"].to_dict()
    {'ethanol': 'CCO'}

    Raises:
        DataError: the table cannot be read, a structure is empty or unparsable, or one id has two structures.
    """
    return drug_tables.clean(drug_tables.read_raw(given), in_memory.name_table(given, DRUGS))


def read_tested_drugs(
    given: Given,
    measure: str,
    dose_unit: str | None = None,
    known: Collection[str] = (),
    notices: list[str] | None = None,
) -> pd.DataFrame:
    """Drugs as `read_drugs` has them, with `upper_limit`, the highest dose that each is to be tested at.

    It comes from a column upper_limit, in the measure's unit, or max_conc_um, in µM (or `dose_unit`); NaN where the
    file says neither. An unseen drug is predicted better where it is known. A column laboratory says whose assay each
    is to be, for a model of several laboratories.

    Args:
        given: the table, or the path of its file.
        measure: the model's measure.
        dose_unit: the unit of the doses, where it is not told.
        known: drug ids of the model: of several columns of ids, the one that joins is read.
        notices: what was converted is written here.

    Raises:
        DataError: as in `read_drugs`, or a dose is not a number above 0.
    """
    path = in_memory.name_table(given, DRUGS)
    raw = drug_tables.read_raw(given)
    key = max(columns.drug_keys(raw, path), key=lambda one: columns.count_known(raw, one, known))
    drugs = drug_tables.clean(raw, path, key)
    found = columns.find(raw, (), ("upper_limit",), path)
    limit = pd.Series(np.nan, index=raw.index)
    if found:
        limit = reading.numbers(raw, found["upper_limit"], path)
    elif measure in LN_CONCENTRATIONS:
        limit = doses.read_log_doses(raw, path, dose_unit, [] if notices is None else notices).get("upper_limit", limit)
    by_id = reading.ids(raw, key)
    limit = limit.groupby(by_id).mean()
    named = columns.find(raw, (), ("laboratory",), path)
    if named:
        drugs["laboratory"] = reading.text(raw, named["laboratory"]).groupby(by_id).first().reindex(drugs.index)
    return drugs.assign(upper_limit=limit.reindex(drugs.index).to_numpy(dtype=float))


def read_pairs(given: Given) -> pd.DataFrame:
    """The pairs to predict: cell_line_id and drug_id, in the table's order, each pair once.

    >>> read_pairs([("MCF7", "erlotinib")])
      cell_line_id    drug_id
    0         MCF7  erlotinib

    Raises:
        DataError: the table cannot be read, or an id is empty.
    """
    path = in_memory.name_table(given, PAIRS)
    raw = reading.read_table(path) if in_memory.is_path(given) else in_memory.tabulate(given, PAIRS)
    found = columns.find(raw, ("cell_line_id", "drug_id"), (), path)
    pairs = pd.DataFrame({meaning: reading.ids(raw, column) for meaning, column in found.items()})
    refuse_empty_ids(pairs, path)
    return pairs.drop_duplicates(ignore_index=True)
