"""A user's tables, each read as far as it goes without the others, so that one look names everything to change.

`tables.load` stops at the first thing that it refuses. Here the same steps go on where one is refused, and where none
is, the tables are joined as `tables.load` joins them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bdrp.data import joining, reading
from bdrp.data.expression import read_expression, refuse_raw, tell_scale
from bdrp.data.identifiers import listed
from bdrp.data.inspection.findings import Findings
from bdrp.data.measures import LN_CONCENTRATIONS
from bdrp.data.quantities import Chosen, Stated, choose_response, doses
from bdrp.data.quantities.choice import DEFAULT
from bdrp.data.sources import tables
from bdrp.data.user_tables import columns, responses
from bdrp.data.user_tables import drugs as drug_tables
from bdrp.data.user_tables import lines as line_tables
from bdrp.data.user_tables.profiles import parse_profiles, read_profile
from bdrp.errors import DataError

NEEDED: Final = ("responses", "drugs", "expression")
TABLES: Final = (*NEEDED, "cell_lines", "mutations")


def inspect_tables(root: Path | None, measure: str | None, options: Mapping[str, Any]) -> Findings:
    """What a fit would read of a user's tables.

    Args:
        root: the folder that relative paths start from.
        measure: what to model; None where nothing is said.
        options: the others of `tables.load`.
    """
    found = Findings()
    paths = {what: (root or Path()) / options[what] for what in TABLES if what in options}
    said = {name: value for name, value in options.items() if name not in (*TABLES, "profiles")}
    further = found.attempt(lambda: parse_profiles(options.get("profiles", {}))) or {}
    further = {what: (root or Path()) / path for what, path in further.items()}
    scale = said.pop("expression_scale", None)
    stated = found.attempt(lambda: Stated(measure, **said))
    lacking = [what for what in NEEDED if what not in paths]
    if lacking:
        flags = " ".join(f"--{what} PATH" for what in lacking)
        found.to_change.append(f"No table of {' and none of '.join(lacking)} is given. A fit needs it; add {flags}.")
    raw = found.attempt(lambda: reading.read_table(paths["responses"])) if "responses" in paths else None
    drugs = found.attempt(lambda: drug_tables.read_raw(paths["drugs"])) if "drugs" in paths else None
    asked = set[str]() if raw is None else columns.all_line_ids(raw)
    expressed = _look_at_expression(found, paths, asked, scale)
    _look_at_other_tables(found, paths, drugs, asked, expressed)
    _look_at_profiles(found, further | {what: paths[what] for what in paths if what == "mutations"}, expressed)
    if raw is not None and drugs is not None:
        _look_at_pairs(found, paths, (raw, drugs), expressed, stated)
    elif raw is not None:
        _look_at_response(found, raw, stated, paths["responses"])
    return found


def _look_at_expression(
    found: Findings, paths: Mapping[str, Path], asked: Collection[str], scale: str | None
) -> pd.DataFrame | None:
    """The expression, where it can be read; raw values are refused and handed on, for their lines still join."""
    if "expression" not in paths:
        return None
    path = paths["expression"]
    table = found.attempt(lambda: read_expression(path, lines=asked, scale=scale, notices=found.notices))
    if table is None:
        return None
    if scale is None:
        found.attempt(lambda: refuse_raw(table, path.name))
    found.understood["expression"] = (
        f"{table.shape[0]:,} lines (such as {listed(table.index, 2)}) by {table.shape[1]:,} genes (such as "
        f"{listed(table.columns, 2)}), {tell_scale(table.to_numpy()).label}"
    )
    return table


def _look_at_other_tables(
    found: Findings,
    paths: Mapping[str, Path],
    drugs: pd.DataFrame | None,
    asked: Collection[str],
    expressed: pd.DataFrame | None,
) -> None:
    """Structures and cell lines, as far as they can be looked at alone."""
    if drugs is not None:
        found.attempt(lambda: drug_tables.clean(drugs, paths["drugs"]))
    if "cell_lines" in paths:
        _look_at_lines(
            found, paths["cell_lines"], dict.fromkeys([*sorted(asked), *line_tables.held_ids(_lines(expressed))])
        )


def _look_at_profiles(found: Findings, paths: Mapping[str, Path], expressed: pd.DataFrame | None) -> None:
    """Further profiles, and which of the lines with expression have them."""
    lines = _lines(expressed)
    for name, path in paths.items():
        profile = found.attempt(partial(read_profile, path, name, lines, found.notices))
        if profile is None:
            continue
        found.understood[name] = f"{profile.shape[0]:,} lines by {profile.shape[1]:,} features"
        if len(lines):
            found.meet(f"lines with expression that have {name}", lines, profile.index)
            found.attempt(partial(joining.keep_lines, profile, lines, name, joining.Notices()))


def _look_at_lines(found: Findings, path: Path, known: Collection[str]) -> None:
    raw = found.attempt(lambda: reading.read_table(path))
    if raw is None or not known:
        return
    table = found.attempt(lambda: line_tables.read_lines(raw, known, path))
    if table is not None:
        told = [column for column in joining.LINE_COLUMNS if column in table]
        found.understood["cell lines"] = (
            f"{len(table):,} (such as {listed(table.index, 2)}), with {listed(told) or 'nothing but ids'}"
        )


def _look_at_pairs(
    found: Findings,
    paths: Mapping[str, Path],
    raw: tuple[pd.DataFrame, pd.DataFrame],
    expressed: pd.DataFrame | None,
    stated: Stated | None,
) -> None:
    """Responses with drugs: what the response is, and which ids meet; the screen, where nothing is refused."""
    path, told = paths["responses"], list[str]()
    keys = found.attempt(lambda: tables.find_keys(paths, *raw, _lines(expressed), told))
    if keys is None:
        _look_at_response(found, raw[0], stated, path)
        return
    ids = pd.DataFrame({meaning: reading.ids(keys.rows, column) for meaning, column in keys.columns.items()})
    drugs = found.attempt(lambda: drug_tables.clean(raw[1], paths["drugs"], keys.of_drugs))
    _tell_meetings(found, ids, reading.ids(raw[1], keys.of_drugs), expressed, paths)
    found.understood["drugs"] = f"{raw[1].shape[0]:,} rows, by {keys.of_drugs} ({listed(ids['drug_id'].unique(), 2)})"
    found.attempt(lambda: responses.refuse_empty_ids(ids, path))
    found.attempt(lambda: responses.refuse_points(keys.rows, ids, path))
    chosen = _look_at_response(found, keys.rows, stated, path)
    if chosen is None or stated is None:
        return
    found.understood["responses"] = (
        f"{len(ids):,} rows; {chosen.column} is {chosen.quantity.label}; lines by {keys.columns['cell_line_id']} (such "
        f"as {listed(ids['cell_line_id'].unique(), 2)}), drugs by {keys.columns['drug_id']}"
    )
    read = found.attempt(lambda: responses.read_responses(keys.rows, keys.columns, stated, path, told))
    if read is None:
        return
    found.attempt(lambda: joining.refuse_non_finite(read.rows, read.measure.name, path.name))
    if found.fits and drugs is not None and expressed is not None:
        screen = found.attempt(lambda: tables.join(paths, read, drugs, expressed, found.notices))
        if screen is not None:
            found.describe_screen(screen)
    else:
        found.notices += read.notices


def _look_at_response(found: Findings, raw: pd.DataFrame, stated: Stated | None, path: Path) -> Chosen | None:
    """What the response is; where that is not told, what the doses lack too, should it be a concentration."""
    if stated is None:
        return None
    chosen = found.attempt(lambda: choose_response(raw, stated, path))
    if chosen is None and (stated.measure or DEFAULT) in LN_CONCENTRATIONS:
        try:
            doses.read_log_doses(raw, path, stated.dose_unit, [])
        except DataError as refusal:
            found.doubtful.append(f"If the response is a concentration, then also: {refusal}")
    return chosen


def _tell_meetings(
    found: Findings, ids: pd.DataFrame, drugs: pd.Series, expressed: pd.DataFrame | None, paths: Mapping[str, Path]
) -> None:
    """Which lines and drugs of the responses the other tables have; that none is there, a fit refuses."""
    found.meet("drugs of the responses with a structure", ids["drug_id"], drugs)
    if expressed is None:
        return
    path = paths["cell_lines"] if "cell lines" in found.understood else None
    joined = found.attempt(lambda: line_tables.join_lines(ids, path, expressed.index, list[str]())[0])
    measured = (ids if joined is None else joined)["cell_line_id"]
    found.meet("lines of the responses with expression", measured, expressed.index)


def _lines(expressed: pd.DataFrame | None) -> pd.Index:
    return pd.Index([], dtype="str") if expressed is None else expressed.index
