"""Signs that a table of responses holds more than one unit, direction or order: told by its values alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.identifiers import listed

THOUSAND: Final = float(np.log(1000))
"""From nM to µM, from µM to mM."""
NEAR: Final = 1.5
"""How far from a factor of a thousand a difference may be, in ln units; chosen: the noise of medians."""
TWO_CLUSTERS: Final = 0.7
"""Share of the variance within drugs that two clusters explain: 0.55 in GDSC and CCLE, 0.64 of a normal."""
FAR_LINE: Final = 5.0
"""ln units by which a line's median may lie off those of its drugs; in GDSC and CCLE none by more than 3.2."""
ABOVE: Final = float(np.log(1000))
"""ln(µM) of 1 mM, which hardly an assay reaches: medians above are another unit, or extrapolated."""
BELOW: Final = float(np.log(0.01))
"""ln(µM) of 10 nM: a table whose median is below it holds the most potent drugs alone, or another unit."""
REVERSED: Final = -0.5
"""Correlation of two laboratories' medians of drugs from which one of them counts the other way."""
FEWEST: Final = 5
"""Drugs that two laboratories share, or that a line was measured with, for their medians to tell; chosen."""
FILLED: Final = 0.05
"""Share of rows with one value, neither the highest nor the lowest, that was filled in; chosen."""
RUN: Final = 10
"""Rows in which that value follows upon itself; chosen: as many equal measurements in a row do not happen."""


def find_mixed(rows: pd.DataFrame, are_concentrations: bool) -> Iterator[str]:
    """What speaks for several units, directions or orders in one column.

    Args:
        rows: of cell_line_id, drug_id, laboratory, response and limits, in one measure.
        are_concentrations: whether responses are ln(µM), of which the size says something.
    """
    known = rows[np.isfinite(rows["response"])].reset_index(drop=True)
    if len(known) < 2 * FEWEST:
        return
    yield from _laboratories(known, are_concentrations)
    yield from _filled(known["response"].to_numpy())
    yield from _sorted_alone(known)
    if are_concentrations:
        yield from _levels(known)
        yield from _clusters(known)


def _laboratories(known: pd.DataFrame, are_concentrations: bool) -> Iterator[str]:
    medians = known.groupby(["drug_id", "laboratory"])["response"].median().unstack()
    for one, other in combinations(medians.columns, 2):
        both = medians[[one, other]].dropna()
        if len(both) < FEWEST or not both.std().all():
            continue
        if both.corr().iloc[0, 1] < REVERSED:
            yield (
                f"the drugs that laboratory {one} finds the most potent, laboratory {other} finds the least (their "
                f"medians correlate by {both.corr().iloc[0, 1]:.2f}). One of them counts the other way; turn it."
            )
        shift = float((both[other] - both[one]).median())
        if are_concentrations and _is_thousand(shift):
            yield (
                f"responses of laboratory {other} are {np.exp(abs(shift)):,.0f} times "
                f"{'above' if shift > 0 else 'below'} those of laboratory {one} in the median of {len(both):,} drugs, "
                "as nM are beside µM. Convert one of them."
            )


def _levels(known: pd.DataFrame) -> Iterator[str]:
    """Tables, drugs and lines whose responses are where no assay looks, or apart from all others."""
    overall = float(known["response"].median())
    if overall < BELOW and known["drug_id"].nunique() >= FEWEST:
        yield (
            f"the median response is {np.exp(overall) * 1000:.2g} nM: most drugs would be among the most potent there "
            "are. Is the column in µM, under a header that says nM?"
        )
    medians = known.groupby("drug_id")["response"].median()
    bare = known.groupby("drug_id")["upper_limit"].count() == 0
    high = medians[bare & (medians > ABOVE)]
    if len(high):
        shown = listed((f"{drug}: {np.exp(value) / 1000:,.3g} mM" for drug, value in high.items()), 4)
        yield (
            f"{len(high):,} of {len(medians):,} drugs have a median above 1 mM ({shown}), which hardly an assay "
            "reaches. Are they in nM beside µM, or extrapolated? Convert them, or give the doses (max_conc_um)."
        )
    off = (known["response"] - known["drug_id"].map(medians)).groupby(known["cell_line_id"]).agg(["median", "size"])
    far = off[(off["size"] >= FEWEST) & (off["median"].abs() > FAR_LINE)]
    if len(far):
        shown = listed((f"{line}: {value:+.1f}" for line, value in far["median"].items()), 4)
        yield (
            f"{len(far):,} of {len(off):,} lines are more than {FAR_LINE:g} ln units off their drugs' medians with "
            f"most drugs ({shown}). Are they in another unit? Convert them."
        )


def _clusters(known: pd.DataFrame) -> Iterator[str]:
    """Responses that fall, within their drugs, into two clusters a factor of a thousand apart."""
    centred = np.sort((known["response"] - known.groupby("drug_id")["response"].transform("median")).to_numpy())
    rows = len(centred)
    below = np.arange(1, rows)
    sums = centred.cumsum()[:-1]
    gap = (centred.sum() - sums) / (rows - below) - sums / below
    between = below * (rows - below) / rows**2 * gap**2
    at = int(between.argmax())
    if centred.var() and between[at] / centred.var() > TWO_CLUSTERS and _is_thousand(float(gap[at])):
        fewer = min(at + 1, rows - at - 1)
        yield (
            f"within their drugs the responses fall into two clusters, {rows - fewer:,} and {fewer:,} rows, "
            f"{np.exp(gap[at]):,.0f} times apart, as nM are beside µM. Convert the rows of one unit."
        )


def _filled(response: npt.NDArray[np.float64]) -> Iterator[str]:
    values, counts = np.unique(response, return_counts=True)
    inner = np.flatnonzero((values > values[0]) & (values < values[-1]) & (counts >= max(RUN, FILLED * len(response))))
    for at in inner:
        there = np.diff(np.flatnonzero(np.diff(np.r_[False, response == values[at], False])))[::2]
        if there.max() >= RUN:
            yield (
                f"{there.max():,} rows that follow upon each other have the response {values[at]:.4g}: it was filled "
                "down, or stands for what is not known. Leave these rows out."
            )


def _sorted_alone(known: pd.DataFrame) -> Iterator[str]:
    """Responses in ascending or descending order beside ids that are in order too."""
    steps = np.diff(known["response"].to_numpy())
    if not ((steps >= 0).all() or (steps <= 0).all()) or (steps != 0).sum() < 2 * FEWEST:
        return
    for column in ("cell_line_id", "drug_id"):
        ids = known[column].to_numpy()
        groups = known[column].nunique()
        if groups >= FEWEST and len(known) >= 2 * groups and (ids[1:] != ids[:-1]).sum() == groups - 1:
            yield (
                f"the responses are in order of size, and so are the ids of {column.removesuffix('_id')}s: the column "
                "was sorted without the others. Take the table from its origin."
            )
            return


def _is_thousand(gap: float) -> bool:
    return abs(abs(gap) - THOUSAND) < NEAR or abs(abs(gap) - 2 * THOUSAND) < NEAR
