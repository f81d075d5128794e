"""Lines and genes whose values are no measurement of their own: one value in every gene, copies, negated profiles."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.expression.scale import tell_scale
from bdrp.data.identifiers import listed
from bdrp.errors import BdrpWarning, DataError

Floats = npt.NDArray[np.float64]

FEWEST_GENES: Final = 10
"""Genes from which a profile is judged; chosen: two lines agree in fewer by chance."""
FEWEST_LINES: Final = 10
"""Lines from which one is held against the others; chosen."""
COPY: Final = 1e-3
"""1 less the correlation of two lines across genes below which one is a copy. In GDSC and CCLE no two lines are closer
than 0.006, and repeats of a culture differ by as much."""
SAME: Final = 0.05
"""SDs across genes by which copies differ, root mean square, if none is scaled or shifted: that of `COPY`."""
TYPICAL: Final = 0.6
"""Rank correlation with the mean profile, exceeded by a quarter of lines, from which they have levels in common."""
UNLIKE: Final = 0.3
"""Rank correlation below which a line then does not have it. In GDSC and CCLE none has less than 0.78."""
CHANCE: Final = 6.0
"""Standard errors (Fisher's z) that such a line is away from the median line as well; chosen: few genes say little."""
APART: Final = 0.2
"""Gap between the lines' slopes on the mean profile, in ln, that says two scales; in GDSC and CCLE the largest is 0.06,
and log2 beside ln are 0.37 apart."""
NEGATIVE: Final = 0.99
"""Share of values below 0 from which they are negated logarithms; chosen: z-scores have a half."""
DISTINCT: Final = 10
"""Different values from which two genes that are equal in every line are one; chosen: counts of rare genes repeat."""
FEW: Final = 20
"""Lines that equal genes are looked for in; those found are held to all lines."""
MOST_GENES: Final = 400
"""Genes by which copies are looked for; those found are held to all genes."""
MOST_LEVELS: Final = 2000
"""Genes by which the level of a line is held against others; chosen: their correlation is known to 0.02."""


def check_odd(table: pd.DataFrame, name: str) -> None:
    """Refuse or warn of what no assay gives, of expression as (lines, genes).

    Args:
        table: NaN means missing.
        name: of the table, for messages.

    Raises:
        DataError: a line has the same value in every gene.

    Warns:
        BdrpWarning: lines are copies of each other, are unlike all others, or genes are equal in every line.
    """
    values = table.to_numpy(np.float64)
    if values.shape[1] >= FEWEST_GENES:
        _refuse_flat(table.index, values, name)
        for doubt in (*_copies(table.index, values), *_unlike_others(table.index, values), *_negated(values)):
            warnings.warn(f"{name}: {doubt}", BdrpWarning, stacklevel=4)
    for doubt in _equal_genes(table.columns, values):
        warnings.warn(f"{name}: {doubt}", BdrpWarning, stacklevel=4)


def correlate_with(values: Floats, profile: Floats) -> Floats:
    """(L,) rank correlation of each line's genes with a profile (G,), by the genes that the line has.

    >>> correlate_with(np.array([[1.0, 2.0, 4.0], [3.0, 2.0, 1.0]]), np.array([0.0, 1.0, 2.0])).tolist()
    [1.0, -1.0]
    """
    step = -(-len(profile) // MOST_LEVELS)
    ranks = pd.DataFrame(values[:, ::step].T).rank().to_numpy(np.float64)
    along = pd.Series(profile[::step]).rank().to_numpy(np.float64)[:, None]
    both = np.isfinite(ranks) & np.isfinite(along)
    with np.errstate(invalid="ignore", divide="ignore"):  # a line of no gene, or of one value, has no correlation
        means = (np.where(both, each, 0.0).sum(axis=0) / both.sum(axis=0) for each in (ranks, along))
        one, other = (np.where(both, each - mean, 0.0) for each, mean in zip((ranks, along), means, strict=True))
        return np.asarray((one * other).sum(axis=0) / np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0)))


def _refuse_flat(lines: pd.Index, values: Floats, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a line without any value is refused elsewhere
        low, high = np.nanmin(values, axis=1), np.nanmax(values, axis=1)
    flat = np.flatnonzero(low == high)
    if len(flat):
        shown = listed([f"{lines[at]}: {low[at]:g}" for at in flat], 5)
        raise DataError(
            f"{name} has {len(flat):,} of {len(lines):,} lines whose genes are all one value ({shown}). Genes of a "
            "sample differ: these were not measured. Leave these lines out."
        )


def _copies(lines: pd.Index, values: Floats) -> Iterator[str]:
    """Lines of one profile, or of one that is another's scaled or negated."""
    same, scaled = [], []
    for one, other in _close_pairs(values):
        both = np.isfinite(values[one]) & np.isfinite(values[other])
        here, there = values[one][both], values[other][both]
        if both.sum() < FEWEST_GENES or not here.std() or not there.std():
            continue
        along = float(np.corrcoef(here, there)[0, 1])
        if 1 - abs(along) > COPY:
            continue
        slope = along * there.std() / here.std()
        if along > 0 and np.sqrt(np.mean((here - there) ** 2)) <= SAME * here.std():
            same.append(f"{lines[other]} is {lines[one]}")
        else:
            scaled.append(f"{lines[other]} is {slope:.3g} times {lines[one]}")
    if same:
        yield (
            f"{len(same):,} pairs of lines have one expression under two ids ({listed(same, 5)}). Repeats of a culture "
            "differ by more: one of each is a copy, and says nothing of its line. If both are one line, give them one "
            "id; if not, leave the copy out."
        )
    if scaled:
        yield (
            f"{len(scaled):,} lines are another line's expression, scaled, shifted or negated ({listed(scaled, 5)}). "
            "Leave them out, or bring them to the scale of the others and under the line's own id."
        )


def _close_pairs(values: Floats) -> Iterator[tuple[int, int]]:
    """Pairs of lines, each with the earlier one that it is closest to by `MOST_GENES` genes."""
    if len(values) < 2:
        return
    part = values[:, :: -(-values.shape[1] // MOST_GENES)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        centred = part - np.nanmean(part, axis=1, keepdims=True)
    known = np.isfinite(centred).astype(np.float64)
    centred = np.where(known > 0, centred, 0.0)
    square = centred**2
    with np.errstate(invalid="ignore", divide="ignore"):
        along = (centred @ centred.T) / np.sqrt((square @ known.T) * (known @ square.T))
    close = np.triu(np.nan_to_num(np.abs(along)), 1)
    for other in np.flatnonzero(close.max(axis=0) > 1 - 4 * COPY):
        yield int(close[:, other].argmax()), int(other)


def _unlike_others(lines: pd.Index, values: Floats) -> Iterator[str]:
    if len(lines) < FEWEST_LINES or tell_scale(values).is_raw:  # before a logarithm a few genes are the whole slope
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # genes without any value
        profile = np.nanmean(values, axis=0)
    along = correlate_with(values, profile)
    typical = float(np.nanquantile(along, 0.75))
    if not typical > TYPICAL:
        return  # z-scores: no level in common
    yield from _other_scales(lines, values, profile)
    noise = CHANCE / np.sqrt(values.shape[1] - 3)
    off = np.flatnonzero((along < UNLIKE) & (np.arctanh(along.clip(-0.999, 0.999)) < np.arctanh(typical) - noise))
    if len(off):
        shown = listed([f"{lines[at]}: {along[at]:.2f}" for at in off], 5)
        yield (
            f"{len(off):,} of {len(lines):,} lines do not have the levels of genes that all others have (rank "
            f"correlation with the mean profile; three in four have less than {typical:.2f}; {shown}). Below 0 the "
            "values are negated, near 0 the genes are in another order. Correct these lines, or leave them out."
        )


def _other_scales(lines: pd.Index, values: Floats, profile: Floats) -> Iterator[str]:
    """Lines whose levels rise more slowly than those of the others: ln beside log2, values beside z-scores."""
    centre = np.where(np.isfinite(profile), profile - np.nanmean(profile), 0.0)
    known = np.where(np.isfinite(values), values, profile)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.log((np.nan_to_num(known) @ centre) / (centre @ centre))
    order = np.argsort(slope)
    order = order[np.isfinite(slope[order])]
    gaps = np.diff(slope[order])
    if not len(gaps) or gaps.max() < APART:
        return
    at = int(gaps.argmax()) + 1
    fewer, more = sorted((order[:at], order[at:]), key=len)
    ratio = float(np.exp(np.median(slope[fewer]) - np.median(slope[more])))
    yield (
        f"the genes of {len(fewer):,} of {len(lines):,} lines differ by {ratio:.2g} times what those of the others do, "
        f"and none lies between ({listed(lines[np.sort(fewer)], 5)}). These are two scales, such as log2 (1), ln "
        "(0.69), log10 (0.3) or z-scores (0). Bring all lines to one."
    )


def _negated(values: Floats) -> Iterator[str]:
    below = float((values < 0).sum() / max(np.isfinite(values).sum(), 1))
    if below >= NEGATIVE:
        yield f"{below:.0%} of the values are below 0, as negated logarithms are. If they are, multiply them by -1."


def _equal_genes(genes: pd.Index, values: Floats) -> Iterator[str]:
    if len(values) < DISTINCT:
        return
    few = pd.Series([column.tobytes() for column in np.ascontiguousarray(values[:FEW].T)])
    first: dict[bytes, int] = {}
    pairs = []
    for at in np.flatnonzero(few.duplicated(keep=False)).tolist():
        column = values[:, at]
        found = first.setdefault(column.tobytes(), at)
        if found != at and len(np.unique(column)) >= DISTINCT:
            pairs.append(f"{genes[at]} is {genes[found]}")
    if pairs:
        yield (
            f"{len(pairs):,} genes have another gene's value in every line ({listed(pairs, 5)}), and count twice. If a "
            "column was copied, drop the copy."
        )
