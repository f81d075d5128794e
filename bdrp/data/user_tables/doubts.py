"""What may be wrong in a table of responses that can be read all the same: said aloud, since no reader can know."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import quantities, reading
from bdrp.data.delimited import plain
from bdrp.data.identifiers import listed
from bdrp.data.measures import LN_CONCENTRATIONS
from bdrp.data.quantities import doses
from bdrp.data.quantities.headers import is_dose
from bdrp.data.quantities.quantity import PER_UM
from bdrp.data.screen import LIMITS
from bdrp.data.user_tables import columns
from bdrp.data.user_tables.mixed_units import find_mixed
from bdrp.errors import BdrpWarning

FEWEST: Final = 10  # chosen: fewer rows tell nothing of a table
FEWEST_AGAIN: Final = 3  # chosen: pairs that stand in several rows
CAPPED: Final = 0.05  # chosen: share of equal extreme values that no measurement shows, and a cap does
FAR: Final = 3.0  # chosen: in SDs between lines; replicates of GDSC2 differ by one
MOST_LEVELS: Final = 12  # chosen: more are wells, plates or dates, and no conditions
DOSE_RATIO: Final = 50.0  # chosen: highest over lowest dose of an assay, where ln limits of an assay differ by some 7
REPEATS: Final = frozenset(
    {"replicate", "rep", "repeat", "plate", "barcode", "batch", "date", "run", "well", "passage", "index", "row", "id"}
)
"""Columns, in plain letters, by which replicates are told from each other."""


def warn_of_doubts(
    rows: pd.DataFrame, raw: pd.DataFrame, keys: dict[str, str], chosen: quantities.Chosen, path: Path
) -> None:
    """Warn of each thing that is likely wrong.

    Args:
        rows: of cell_line_id, drug_id, response and limits, and response_sd where there is one, in the measure's unit.
        raw: the table as it stands.
        keys: the columns of ids.
        chosen: the response and its column.
        path: for messages.

    Warns:
        BdrpWarning: conditions are taken for replicates, replicates contradict each other, a cap is taken for
            measurements, units contradict each other or are mixed, or a column of doses or of SDs can hardly be what
            it is read as.
    """
    found = [
        *(_conditions(rows, raw, {*keys.values(), chosen.column}) or _contradictions(rows)),
        *find_mixed(rows, chosen.quantity.measure in LN_CONCENTRATIONS),
        *_caps(rows, chosen),
        *_units(raw, chosen),
        *_unread_doses(raw, chosen),
        *_limits(rows, raw, chosen, path),
        *_sds(rows),
    ]
    for doubt in found:
        warnings.warn(f"{path.name}: {doubt}", BdrpWarning, stacklevel=4)


def _conditions(rows: pd.DataFrame, raw: pd.DataFrame, read: set[str]) -> list[str]:
    pair = rows.groupby(["cell_line_id", "drug_id"], sort=False).ngroup().to_numpy()
    repeated = np.bincount(pair)[pair] > 1
    if repeated.sum() < FEWEST:
        return []
    found = []
    for column in map(str, raw.columns):
        name = plain(column)
        if column in read or name.rstrip("0123456789") in REPEATS or name in columns.ALIASES["laboratory"]:
            continue
        level = reading.text(raw, column)[repeated]
        if not 2 <= level.nunique() <= MOST_LEVELS or pd.to_numeric(level, errors="coerce").nunique() > MOST_LEVELS:
            continue
        apart = level.groupby(pair[repeated]).nunique() == level.groupby(pair[repeated]).size()
        if apart.mean() > 0.9 and not is_dose(column):
            found.append(
                f"{apart.sum():,} pairs stand in several rows that differ in the column {column} "
                f"({listed(sorted(level.unique()), 4)}), which is not read: all count as replicates of one experiment. "
                "If these are conditions, such as times, assays or a second drug, keep the rows of one; if they are "
                "replicates, call the column replicate."
            )
    return found


def _contradictions(rows: pd.DataFrame) -> Iterator[str]:
    assay = ["cell_line_id", "drug_id", "laboratory"]
    if rows.duplicated(assay).sum() < FEWEST_AGAIN:
        return
    table = rows[np.isfinite(rows["response"])].groupby(assay)["response"].agg(["mean", "size", "min", "max"])
    table = table.reset_index()
    table["apart"] = table["max"] - table["min"]
    again = table[table["size"] > 1]
    if len(again) < FEWEST_AGAIN or len(table) < FEWEST:
        return
    between = float((table["mean"] - table.groupby("drug_id")["mean"].transform("mean")).std())
    far = again[again["apart"] > FAR * between]
    if len(far) > 0.1 * len(again):
        shown = listed((f"{one.cell_line_id} with {one.drug_id}" for one in far.itertuples()), 3)
        yield (
            f"{len(far):,} of {len(again):,} pairs that stand in several rows differ in them by more than {FAR:g} "
            f"times the SD between lines ({shown}). Are they replicates? Keep the rows of one condition and unit."
        )


def _caps(rows: pd.DataFrame, chosen: quantities.Chosen) -> Iterator[str]:
    """Many responses at the very highest or lowest value, which no limit explains."""
    if chosen.quantity.measure not in LN_CONCENTRATIONS:
        return  # fractions end at 0 and 1
    response = rows["response"].to_numpy()
    ends = ("lowest", "min", np.nanmin(response)), ("highest", "max", np.nanmax(response))
    for limit, (word, end, extreme) in zip(LIMITS, ends, strict=True):
        there = (response == extreme) & rows[limit].isna().to_numpy()
        others = len(np.unique(response[np.isfinite(response)]))
        if there.sum() >= max(FEWEST, CAPPED * len(rows)) and others >= FEWEST:
            yield (
                f"{there.sum():,} of {len(rows):,} responses are the very {word} value, {extreme:.4g}: this looks like "
                "the end of the tested doses, and they count as measured there. If they lie beyond it, give a column "
                f"{end}_conc_um or {limit}, or write these cells as >10."
            )


def _units(raw: pd.DataFrame, chosen: quantities.Chosen) -> Iterator[str]:
    """A column of units that are not the one that the response is read in."""
    taken = chosen.quantity.name.rpartition("_")[2]
    if chosen.quantity.measure not in LN_CONCENTRATIONS or taken not in PER_UM:
        return
    for column in map(str, raw.columns):
        if plain(column) not in ("unit", "units", "concunit", "concentrationunit", "ic50unit", "ic50units"):
            continue
        said = {one for one in map(plain, reading.text(raw, column).unique()) if one in PER_UM}
        if said - {taken}:
            yield (
                f"the column {column} says {' and '.join(sorted(said))}, and {chosen.column} is read as "
                f"{chosen.quantity.label}. One of them is wrong; convert the rows, or drop the column {column}."
            )


def _unread_doses(raw: pd.DataFrame, chosen: quantities.Chosen) -> Iterator[str]:
    found = doses.columns(raw)
    named = [one for one in map(str, raw.columns) if doses.is_limit_of_unknown_unit(one)]
    if chosen.quantity.measure in LN_CONCENTRATIONS and named and not found:
        yield (
            f"{listed(named)} looks like doses in a unit that is not known, and is not read, so that no response "
            "counts as beyond the tested doses. Doses in µM, nM, mM or M are read; convert them."
        )


def _limits(rows: pd.DataFrame, raw: pd.DataFrame, chosen: quantities.Chosen, path: Path) -> Iterator[str]:
    found = columns.find(raw, (), LIMITS, path)
    if chosen.quantity.measure not in LN_CONCENTRATIONS or len(found) < len(LIMITS):
        return
    low, high = (rows[limit].to_numpy() for limit in LIMITS)
    both = np.isfinite(low) & np.isfinite(high)
    if both.sum() >= FEWEST and (low[both] > 0).all() and np.median(high[both] / low[both]) >= DOSE_RATIO:
        yield (
            f"{' and '.join(found.values())} are read in the unit of the response, ln(µM): {np.median(low[both]):.4g} "
            f"and {np.median(high[both]):.4g} look like doses. If so, call them min_conc_um and max_conc_um."
        )


def _sds(rows: pd.DataFrame) -> Iterator[str]:
    if "response_sd" not in rows:
        return
    known, spread = rows["response_sd"].dropna(), float(rows["response"].std())
    if len(known) >= FEWEST and known.median() > spread:
        yield (
            f"response_sd is {known.median():.4g} in the median, more than the SD of all responses, {spread:.4g}: such "
            "measurements tell nothing. It is needed in the unit of the response column, and not in percent."
        )
