"""What the numbers of an expression table are: counts, TPM, logarithms or z-scores; told by their shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.errors import DataError

Values = npt.NDArray[np.floating[Any]]
Floats = npt.NDArray[np.float64]

HIGHEST_LOG: Final = 30.0
"""No logarithm of expression is larger: log2 of a thousand million reads is 30."""
ENOUGH: Final = 100
"""Values from which whole numbers say that they are counts; chosen: rounded logarithms of a toy table are whole too."""
WHOLE_GENOME: Final = 5_000
"""Genes from which the sum of a line's TPM tells the base of their logarithm; chosen."""
A_MILLION: Final = (5e5, 1.05e6)
"""What TPM of a line sum to: a million, and somewhat less over the genes that code for proteins."""
FEWEST_LINES: Final = 5
"""Lines from which a gene's own mean and SD tell z-scores; chosen."""
MOST_LOOKED_AT: Final = 200
"""Lines whose values are looked at; chosen: more say the same and cost seconds."""


@dataclass(frozen=True)
class Scale:
    """What expression can be measured on.

    Attributes:
        name: as users type it.
        label: in words.
        to_log2: (L, G) on this scale as log2(x + 1), or as it is where it needs no conversion.
        formula: the conversion in words, "" where there is none.
        is_raw: whether a logarithm is still to be taken.
    """

    name: str
    label: str
    to_log2: Callable[[Values], Values]
    formula: str = ""
    is_raw: bool = False


def _as_it_is(values: Values) -> Values:
    return values


def _log2_of_one_more(values: Values) -> Values:
    return np.asarray(np.log2(values + 1))


def _log2_of_counts(values: Values) -> Values:
    """log2(CPM + 1), every line scaled to a million reads."""
    sizes = np.nansum(values, axis=1, keepdims=True)
    return np.asarray(np.log2(values / np.where(sizes > 0, sizes, 1) * 1e6 + 1))


SCALES: Final[Mapping[str, Scale]] = MappingProxyType(
    {
        one.name: one
        for one in (
            Scale("log2", "a binary logarithm, such as log2(TPM + 1)", _as_it_is),
            Scale("rma", "log2 intensities of arrays (RMA)", _as_it_is),
            Scale("ln", "a natural logarithm", lambda values: values / np.log(2), "x / ln(2)"),
            Scale("log10", "a decimal logarithm", lambda values: values / np.log10(2), "x / log10(2)"),
            Scale("log", "a logarithm", _as_it_is),
            Scale("z", "z-scores of each gene", _as_it_is),
            Scale("tpm", "TPM or FPKM, before a logarithm", _log2_of_one_more, "log2(x + 1)", is_raw=True),
            Scale("linear", "intensities, before a logarithm", _log2_of_one_more, "log2(x + 1)", is_raw=True),
            Scale("counts", "counts of reads", _log2_of_counts, "log2(reads per million + 1)", is_raw=True),
        )
    }
)
"""Every scale by its name; "log" is any logarithm, taken as it is."""


def tell_scale(values: Values) -> Scale:
    """The scale that values (L, G) are on, NaN where missing; "log" where a logarithm's base is not told."""
    some = values[:: max(1, len(values) // MOST_LOOKED_AT)]
    seen = some[np.isfinite(some)]
    if not len(seen):
        return SCALES["log"]
    low, high = float(seen.min()), float(seen.max())
    whole = len(seen) >= ENOUGH and bool((seen == np.round(seen)).all())
    if low >= 0 and whole and high > 2:
        return SCALES["counts"]
    if high > HIGHEST_LOG:
        return SCALES["tpm" if low < 1 else "linear"]
    if _is_standardised(some, seen):
        return SCALES["z"]
    return SCALES[_name_logarithm(some, low, high)]


def describe_values(values: Values) -> str:
    """The evidence: the range and the median of values, and how many are above every logarithm."""
    seen = values[np.isfinite(values)]
    if not len(seen):
        return "no values"
    above = float((seen > HIGHEST_LOG).mean())
    told = f", {above:.1%} of them above {HIGHEST_LOG:g}" if above else ""
    return f"values from {seen.min():.4g} to {seen.max():.4g}, median {np.median(seen):.3g}{told}"


def find_scale(name: str) -> Scale:
    """A scale by its name.

    Raises:
        DataError: there is none.
    """
    if name not in SCALES:
        choices = "; ".join(f"{one.name}: {one.label}" for one in SCALES.values())
        raise DataError(f"There is no expression scale {name!r}. Known are {choices}. Choose one of them.")
    return SCALES[name]


def convert(table: pd.DataFrame, scale: Scale, where: str, notices: list[str]) -> pd.DataFrame:
    """A table (lines, genes) that is stated to be on a scale, as logarithms to the base 2; z-scores stay.

    Raises:
        DataError: a logarithm is to be taken of negative values.
    """
    values = table.to_numpy()
    if scale.is_raw and np.nanmin(values) < 0:
        below = int((values < 0).sum())
        raise DataError(
            f"{where} has {below:,} values below 0 ({describe_values(values)}), and is stated to be {scale.label}. "
            "These are never negative; state another scale, or correct the values."
        )
    if not scale.formula:
        return table
    notices.append(f"{where} is stated to be {scale.label}; converted to a binary logarithm: {scale.formula}.")
    return pd.DataFrame(scale.to_log2(values).astype(np.float32), index=table.index, columns=table.columns)


def refuse_raw(table: pd.DataFrame, where: str) -> None:
    """Refuse counts, TPM and intensities, which a model of logarithms cannot learn from.

    Raises:
        DataError: the evidence, and the flag that converts them.
    """
    told = tell_scale(table.to_numpy())
    if told.is_raw:
        raise DataError(
            f"{where} looks like {told.label}: {describe_values(table.to_numpy())}. A logarithm is needed, for a few "
            f"highly expressed genes would outweigh all others. Say --expression-scale {told.name}, which takes "
            f"{told.formula}, or take it first; if they are logarithms already, say --expression-scale log."
        )


def _is_standardised(some: Values, seen: Values) -> bool:
    """Whether genes have a mean near 0 and an SD near 1, or, of few lines, all values together have.

    In logarithms genes differ far more from each other than lines do within a gene.
    """
    if not 0.25 < float((seen < 0).mean()) < 0.75 or abs(float(np.median(seen))) > 0.35:
        return False
    if len(some) < FEWEST_LINES:
        return 0.5 < float(seen.std()) < 2.0
    centre, spread = column_moments(some)
    return float(np.nanstd(centre)) < 0.6 and 0.5 < float(np.nanmedian(spread)) < 2.0


def _name_logarithm(some: Values, low: float, high: float) -> str:
    """rma, log2 or ln where a floor or the sum of a line tells it, else log."""
    if some.shape[1] >= WHOLE_GENOME and low >= 0:
        for name, base in (("log2", 2.0), ("ln", np.e)):
            sums = np.nansum(np.power(base, some.astype(np.float64)) - 1, axis=1)
            if A_MILLION[0] < np.median(sums) < A_MILLION[1]:
                return name
    return "rma" if low > 1 and 8 < high < 17 else "log"


def column_moments(values: Values) -> tuple[Floats, Floats]:
    """Mean and SD (G,) of each gene over the lines that have it; NaN where none has."""
    held = np.isfinite(values)
    count = held.sum(axis=0).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        filled = np.where(held, values, 0.0).astype(np.float64)
        mean = filled.sum(axis=0) / np.where(count > 0, count, np.nan)
        square = np.where(held, (filled - mean) ** 2, 0.0).sum(axis=0) / np.where(count > 0, count, np.nan)
    return np.asarray(mean, np.float64), np.asarray(np.sqrt(square), np.float64)
