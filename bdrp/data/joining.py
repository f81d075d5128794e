"""Raw tables become a screen: structures read, ids joined, and whatever is dropped is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bdrp.data import identifiers
from bdrp.data.identifiers import listed
from bdrp.data.profiles import EXPRESSION, Profiles, column_noun
from bdrp.data.screen import MEASURES, Measure, Screen
from bdrp.errors import DataError

DRUG_COLUMNS = ("name", "smiles", "structure_key", "target", "pathway")
LINE_COLUMNS = ("name", "tissue", "patient_id")
RESPONSE_COLUMNS = ("cell_line_id", "drug_id", "response", "lower_limit", "upper_limit", "laboratory")
KNOWN_WHERE_MEASURED = ("response_sd",)  # columns that a table of responses may lack


@dataclass
class Notices:
    """What was dropped or mended on the way, in sentences."""

    lines: list[str] = field(default_factory=list)

    def dropped(self, count: int, what: str, why: str, which: Iterable[object] = ()) -> None:
        """Say that `count` things are gone, and why."""
        if count:
            shown = listed(which)
            self.lines.append(f"{count:,} {what} dropped: {why}{f' ({shown})' if shown else ''}.")


def clean_drugs(raw: pd.DataFrame, where: str) -> pd.DataFrame:
    """Drugs by id, with canonical structures, from rows of drug_id, smiles and, if known, name, target, pathway.

    Equal rows of one id are merged. Two ids may share a structure.

    Raises:
        DataError: an id is empty or has two structures, or a structure is empty or cannot be read (all are listed).
    """
    empty = raw.index[raw["drug_id"] == ""]
    if len(empty):
        raise DataError(
            f"{where} has {len(empty):,} rows without drug_id (row {listed(empty + 1)}). Give every drug an id."
        )
    table = raw.copy()
    table["smiles"], table["structure_key"] = _structures(raw, where)
    _refuse_two_structures(table, where)
    table = table.drop_duplicates("drug_id").set_index("drug_id")
    for column in ("name", "target", "pathway"):
        table[column] = table.get(column, "")
    table["name"] = table["name"].where(table["name"] != "", table.index.to_series())
    return table[list(DRUG_COLUMNS)].astype("str")


def _structures(raw: pd.DataFrame, where: str) -> tuple[list[str], list[str]]:
    """Canonical SMILES and structure keys."""
    named = identifiers.name_structures(raw["smiles"].tolist())
    failed = [(drug, str(one)) for drug, one in zip(raw["drug_id"], named, strict=True) if isinstance(one, DataError)]
    if failed:
        raise DataError(
            f"{where} has {len(failed):,} drugs whose structure cannot be used (drug_id "
            f"{listed(drug_id for drug_id, _ in failed)}). The first: {failed[0][1]}"
        )
    pairs = [one for one in named if not isinstance(one, DataError)]
    return [smiles for smiles, _ in pairs], [key for _, key in pairs]


def _refuse_two_structures(table: pd.DataFrame, where: str) -> None:
    keys = table.groupby("drug_id")["structure_key"].nunique()
    several = keys.index[keys > 1]
    if len(several):
        shown = table.loc[table["drug_id"] == several[0], "smiles"].unique()
        raise DataError(
            f"{where} gives {len(several):,} drug ids two or more structures (drug_id {listed(several)}; {several[0]} "
            "is "
            f"{listed(shown, 3)}). One id is one structure; keep the right row, or give the forms ids of their own."
        )


def clean_lines(ids: pd.Index, described: pd.DataFrame) -> pd.DataFrame:
    """A row for every id: as `described` (by id) has it, else of "unknown" tissue and its own patient."""
    own = ids.to_series(index=ids).astype("str")
    table = pd.DataFrame(index=pd.Index(ids, dtype="str", name="cell_line_id"))
    for column in LINE_COLUMNS:
        values = (
            described[column].reindex(ids).fillna("") if column in described else pd.Series("", index=ids, dtype="str")
        )
        table[column] = values.where(values != "", "unknown" if column == "tissue" else own).astype("str")
    return table


@dataclass(frozen=True)
class RawTables:
    """What a source has read; ids are clean, `profiles` are (lines, features), `lines` describes some of the lines."""

    responses: pd.DataFrame
    drugs: pd.DataFrame
    lines: pd.DataFrame
    profiles: Profiles
    checksums: Mapping[str, str]


def join_screen(name: str, measure: str | Measure, parts: RawTables, notices: Notices) -> Screen:
    """Join the parts on their ids; responses of unknown lines or drugs are dropped, counted and listed.

    Raises:
        DataError: a response is not finite, or no response is left.
    """
    rows, measure = parts.responses, MEASURES[measure] if isinstance(measure, str) else measure
    refuse_non_finite(rows, measure.name, name)
    rows = _keep_known(
        rows, "cell_line_id", parts.profiles[EXPRESSION].index, f"cell lines have no {EXPRESSION}", notices
    )
    rows = _keep_known(rows, "drug_id", parts.drugs.index, "drugs have no structure", notices)
    if rows.empty:
        raise _nothing_left(name, parts)
    lines = pd.Index(sorted(rows["cell_line_id"].unique(), key=by_number), name="cell_line_id", dtype="str")
    drugs = pd.Index(sorted(rows["drug_id"].unique(), key=by_number), name="drug_id", dtype="str")
    described = clean_lines(lines, parts.lines)
    bare = described.index[described["tissue"] == "unknown"]
    if len(bare):
        notices.lines.append(f"{len(bare):,} cell lines have no known tissue ({listed(bare)}): it is 'unknown'.")
    return Screen(
        name=name,
        measure=measure,
        responses=rows[[*RESPONSE_COLUMNS, *rows.columns.intersection(KNOWN_WHERE_MEASURED)]].reset_index(drop=True),
        drugs=parts.drugs.loc[drugs],
        cell_lines=described,
        profiles={name: keep_lines(table, lines, name, notices) for name, table in parts.profiles.items()},
        checksums=parts.checksums,
        notices=tuple(notices.lines),
    )


def keep_lines(profile: pd.DataFrame, lines: pd.Index, name: str, notices: Notices) -> pd.DataFrame:
    """A profile of these lines, as far as it has them, without what none of them has a value of.

    Raises:
        DataError: it has none of them.
    """
    held = lines.isin(profile.index)
    if not held.any():
        raise DataError(
            f"None of the {len(lines):,} cell lines has {name}: its lines are like {listed(profile.index, 3)}, the "
            f"screen's like {listed(lines, 3)}. The same ids are needed; check that the files belong together, or "
            f"leave {name} out."
        )
    if not held.all():
        notices.lines.append(f"{(~held).sum():,} cell lines have no {name} ({listed(lines[~held])}): they stay.")
    profile = profile.loc[lines[held]]
    empty = profile.columns[profile.isna().all().to_numpy()]
    notices.dropped(len(empty), f"{column_noun(name)}s", "no line of the screen has a value", empty)
    return profile.drop(columns=empty) if len(empty) else profile


def _keep_known(rows: pd.DataFrame, column: str, known: pd.Index, lack: str, notices: Notices) -> pd.DataFrame:
    held = rows[column].isin(known)
    lost = rows.loc[~held, column]
    ids = lost.unique()
    notices.dropped(len(lost), "responses", f"{len(ids):,} {lack}", ids)
    return rows[held]


def refuse_non_finite(rows: pd.DataFrame, measure: str, name: str) -> None:
    """Refuse responses that are no finite number.

    Raises:
        DataError: naming their rows.
    """
    wrong = np.flatnonzero(~np.isfinite(rows["response"].to_numpy(dtype=float)))
    if len(wrong):
        raise DataError(
            f"{measure} has {len(wrong):,} non-finite values (empty, NaN or infinite) in the responses of {name} "
            f"(row {listed(wrong + 1)}, the first below the header being 1). Every response must be a number; drop "
            "these "
            "rows, or impute them before."
        )


def _nothing_left(name: str, parts: RawTables) -> DataError:
    pairs, held = parts.responses[["cell_line_id", "drug_id"]], parts.profiles[EXPRESSION].index
    return DataError(
        f"No response of {name} has both a line with expression and a drug with a structure. Responses have lines like "
        f"{listed(pairs['cell_line_id'].unique(), 3)} and drugs like {listed(pairs['drug_id'].unique(), 3)}; "
        f"expression has lines like {listed(held, 3)}; structures are of drugs like {listed(parts.drugs.index, 3)}. "
        "The same ids are needed in all tables; check that the files belong together."
    )


def by_number(text: str) -> tuple[int, str]:
    """The key by which ids are sorted: numbers by value, then the rest as text."""
    return (int(text), "") if text.isdecimal() and len(text) < 18 else (10**18, text)
