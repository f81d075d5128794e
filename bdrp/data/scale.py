"""Whether numbers can be what their measure says: value ranges give raw IC50 and percentages away."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bdrp.data.measures import Measure
from bdrp.data.quantities.shape import ENOUGH, spans_decades
from bdrp.errors import BdrpWarning, DataError

LN_MILLIMOLAR: Final = float(np.log(1_000.0))
"""ln of 1 mM in µM: no screen doses that high, so a median above it is another unit."""

Values = npt.NDArray[np.floating[Any]]


def check(values: Values, measure: Measure) -> None:
    """Refuse responses (N,) that cannot be the measure, or that are all the same; they are finite already.

    Raises:
        DataError: what the values look like, and how to convert them.
    """
    if measure.name == "ln_ic50_um":
        _check_ln_ic50(values, measure)
    elif measure.name == "auc_fraction":
        _check_auc(values)
    if float(values.min()) < measure.lowest or float(values.max()) > measure.highest:
        raise DataError(
            f"{measure.name} {_seen(values)}. {measure.label} in {measure.unit} lies between {measure.lowest:g} and "
            f"{measure.highest:g}; check the column and its unit."
        )
    if float(values.min()) == float(values.max()):
        raise DataError(
            f"{measure.name} is {values[0]:g} in all {len(values):,} rows: there is nothing to learn. Responses that "
            "differ "
            "are needed; check that the right column was read."
        )


def _check_ln_ic50(values: Values, measure: Measure) -> None:
    low, high = float(values.min()), float(values.max())
    if spans_decades(values) or (low >= 0 and high > measure.highest):
        unit, formula = ("nM", "ln(IC50 / 1000)") if np.median(values) > 100 else ("µM", "ln(IC50)")
        raise DataError(
            f"ln_ic50_um {_seen(values)} and none is negative: this looks like raw IC50 in {unit}, not its logarithm. "
            f"The natural logarithm of IC50 in µM is needed, between {measure.lowest:g} and {measure.highest:g}; "
            f"take {formula} first, and check the unit."
        )
    if len(values) >= ENOUGH and measure.highest >= np.median(values) > LN_MILLIMOLAR:
        warnings.warn(
            f"ln_ic50_um has the median {np.median(values):.3g}, an IC50 above 1 mM. Is it the logarithm of nM? "
            "Then subtract ln(1000) = 6.908 first.",
            BdrpWarning,
            stacklevel=6,
        )


def _check_auc(values: Values) -> None:
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return
    outside = int(np.sum((values < 0) | (values > 1)))
    if low >= 0 and high > 2:
        guess = (
            "percentages (0 to 100): divide by 100"
            if high > 35
            else "areas over log dose (0 to about 30, as CTRPv2 gives): divide by the area of an untouched curve"
        )
        remedy = f"They look like {guess}."
    else:
        remedy = "Values a little outside come from viabilities above 100 % or below 0 %: clip them to 0 and 1."
    raise DataError(
        f"auc_fraction has {outside:,} of {len(values):,} values outside 0 to 1; it {_seen(values)}. A fraction of "
        "full "
        f"viability is needed, 1 = no effect. {remedy}"
    )


def _seen(values: Values) -> str:
    return f"runs from {values.min():.4g} to {values.max():.4g} (median {np.median(values):.4g})"
