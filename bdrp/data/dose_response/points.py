"""Points of dose-response curves: the viability that wells show, by curve, with the plates that they lay on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.data.identifiers import listed
from bdrp.errors import DataError

KEYS: Final = ("cell_line_id", "drug_id", "plate", "replicate")
"""What a curve is: wells of one line and drug on one plate. Curves of other plates are replicates, and stay so: how far
they differ says how noisy the assay is."""
COLUMNS: Final = (*KEYS, "dose_um", "viability")
FEWEST_DOSES: Final = 3
"""Different doses that make a curve; chosen: with fewer, midpoint and slope are the prior's."""


@dataclass(frozen=True)
class Points:
    """Wells as viabilities.

    Attributes:
        table: `COLUMNS`, a row a well: dose in µM, and viability as a fraction of the controls, NaN where it failed.
        plates: by plate, what `plates.normalise` says of it; empty where points came normalised.
        notices: what was read, converted and left out.
    """

    table: pd.DataFrame
    plates: pd.DataFrame = field(default_factory=pd.DataFrame)
    notices: tuple[str, ...] = ()


def check(points: Points, path: Path) -> Points:
    """The points of curves that can be fitted; what was left out is said in the notices.

    Raises:
        DataError: ids are empty, or no curve has `FEWEST_DOSES` doses.
    """
    table = points.table
    for column in ("cell_line_id", "drug_id"):
        empty = int((table[column] == "").sum())
        if empty:
            raise DataError(
                f"{path.name} has {empty:,} wells without {column}. Every well with a drug needs its line and its "
                "drug; fill them in, or say that these wells are controls."
            )
    notices = list(points.notices)
    undosed = ~(table["dose_um"] > 0)
    if undosed.any():
        notices.append(f"{int(undosed.sum()):,} wells at dose 0 are controls and no points of curves; left out.")
        table = table[~undosed]
    doses = table[table["viability"].notna()].groupby(list(KEYS), sort=False)["dose_um"].nunique()
    short = doses[doses < FEWEST_DOSES]
    if len(short):
        shown = listed(f"{drug} on {line}" for line, drug, *_ in short.index[:3])
        notices.append(f"{len(short):,} curves have fewer than {FEWEST_DOSES} doses and are left out ({shown}).")
    kept = doses[doses >= FEWEST_DOSES].reset_index()[list(KEYS)]
    if kept.empty:
        raise DataError(
            f"{path.name} holds no curve: none of {len(doses):,} pairs of a line and a drug on a plate has "
            f"{FEWEST_DOSES} different doses. The points of curves are needed, a row a well; is it a table of fitted "
            "responses, or are the doses of a curve on several plates? Then leave out the plate."
        )
    return replace(points, table=table.merge(kept, on=list(KEYS))[list(COLUMNS)], notices=tuple(notices))


def in_fractions(table: pd.DataFrame, path: Path, notices: list[str]) -> pd.DataFrame:
    """Points with viabilities as fractions of the controls: per cent where those of the lowest doses say so.

    Raises:
        DataError: the lowest doses leave next to nothing alive, as values of inhibition would say.
    """
    dosed = table[(table["dose_um"] > 0) & table["viability"].notna()].sort_values("dose_um", kind="stable")
    lowest = dosed.groupby(list(KEYS), sort=False)["viability"].first()
    typical = float(lowest.median())
    if UNTREATED[0] <= typical <= UNTREATED[1]:
        return table
    if UNTREATED[0] <= typical / 100 <= UNTREATED[1]:
        notices.append(f"Viabilities are read in per cent, by those of the lowest doses ({typical:.3g} in the median).")
        return table.assign(viability=table["viability"] / 100)
    raise DataError(
        f"{path.name} has viabilities of {typical:.3g} at the lowest dose of each curve, in the median of "
        f"{len(lowest):,} curves. A viability is about 1 (or 100 per cent) where a drug does nothing; are these "
        "inhibitions? Then write 1 - inhibition."
    )


UNTREATED: Final = (0.4, 2.5)
"""Median viability at the lowest doses; chosen: the lowest doses of a screen do little to most lines."""
