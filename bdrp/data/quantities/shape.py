"""What numbers can be by their range and spread, and the evidence in words.

The bounds are chosen: wide enough for GDSC1, GDSC2, CCLE and CTRPv2 as published, in every unit, narrow enough that a
wrong power of ten, base or direction is mostly seen. Tables of a single weak drug may have to be stated: of 72 of the
240 drugs of GDSC2 no line has an IC50 below 1 µM, so that its logarithms look like a p-scale.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from bdrp.data.quantities.quantity import QUANTITIES, Quantity, Values

ENOUGH: Final = 20
"""Values from which the shape of a distribution is judged; fewer say too little."""
LOWEST_MEDIAN: Final = float(np.log(1e-4))
HIGHEST_MEDIAN: Final = float(np.log(1e3))
"""ln(µM) that the median of a screen's IC50 lies between: 100 pM to 1 mM."""
LOWEST_UNTOLD_MEDIAN: Final = float(np.log(0.05))
"""The same bound for logarithms whose header names no unit: 50 nM. Below it, log10 M and mM pass for µM."""
HIGHEST_UNTOLD_MOLAR: Final = float(np.log(100))
"""The upper bound of a median that no header says to be in M: 100 µM. Above it, mM pass for M."""
LEAST_SPREAD: Final = 0.4
"""SD of ln(x) from which positive numbers can be concentrations: p-scales and fractions vary less."""
FEWEST_NEAR_NO_EFFECT: Final = 0.4
"""Median AUC below which a table is more likely of the area above the curve: most drugs leave most lines alone."""
NOISE: Final = (-0.5, 2.5)
"""Range of an AUC fraction with the noise of its controls; outside of it, it is in percent or an area."""
SMALL_SHARE: Final = 0.1
"""Share of values below a tenth of the largest that gives raw IC50 away, none being negative and spanning `DECADES`;
chosen: 20 % of the raw IC50 of GDSC2 and CCLE lie so low, and true ln values that near zero go on below it."""
DECADES: Final = 1_000.0
"""Largest over smallest; chosen as above."""
CAPPED_DECADES: Final = 100.0
"""The same ratio where a fifth of the values equals the largest: a dose that IC50 were capped at, as in CCLE."""
COMMON: Final = (
    *("auc_fraction", "aac", "auc_percent", "aac_percent", "pic50", "log10_m", "ln_um", "log10_um", "log2_um"),
    *("ic50_um", "ic50_nm", "ic50_m", "ln_nm"),
)
"""What numbers under no telling name are compared with, the likely first."""


def doubt(quantity: Quantity, values: Values, stated: bool = True) -> str:
    """Why finite values (N,) can hardly be the quantity; "" where they can.

    Args:
        quantity: what they are taken for.
        values: as they stand in the table.
        stated: whether the header names the unit.
    """
    if not len(values):
        return ""
    if quantity.kind in ("ic50", "ec50", "gi50", "gr50"):
        return _doubt_concentration(quantity, values, stated)
    if quantity.kind == "area":
        return _doubt_area(quantity, values)
    if quantity.kind in ("emax", "gr_aoc", "dss"):
        return _doubt_range(quantity, values)
    return ""


def looks_like(values: Values) -> tuple[Quantity, ...]:
    """The common quantities that finite values (N,) can be, the likely first."""
    if len(values) < ENOUGH:
        return ()
    options = [QUANTITIES[name] for name in COMMON if not doubt(QUANTITIES[name], values, stated=False)]
    return tuple(one for one in options if _is_likely(one, values))


def describe(values: Values) -> str:
    """The evidence: how many values, in which range.

    >>> describe(np.array([0.04, 0.5, 0.96]))
    'all 3 values between 0.04 and 0.96 (median 0.5)'
    """
    return (
        f"all {len(values):,} values between {values.min():.4g} and {values.max():.4g} (median {np.median(values):.4g})"
    )


def spans_decades(values: Values) -> bool:
    """Whether positive numbers spread as concentrations do and their logarithms do not."""
    low, high = float(values.min()), float(values.max())
    if len(values) < ENOUGH or low <= 0 or np.mean(values < high / 10) < SMALL_SHARE:
        return False
    capped = float(np.mean(values == high)) >= 0.2
    return high / low >= (CAPPED_DECADES if capped else DECADES)


def _is_likely(quantity: Quantity, values: Values) -> bool:
    """What nothing speaks against is not yet worth naming: percentages go up to 100, concentrations above 1."""
    if quantity.name.endswith("percent"):
        return float(np.quantile(np.abs(values), 0.95)) > 50
    return not quantity.raw or quantity.name.endswith("_m") or float(values.max()) > 1


def _doubt_concentration(quantity: Quantity, values: Values, stated: bool) -> str:
    found = quantity.convert(values)
    if not np.isfinite(found).all():
        return f"{np.sum(~np.isfinite(found)):,} values are not above 0"
    if len(values) < ENOUGH:
        return ""
    if quantity.raw and np.std(np.log(values)) < LEAST_SPREAD:
        return "they vary too little for concentrations"
    if not quantity.raw and (wrong := _doubt_logarithm(quantity, values, stated)):
        return wrong
    lowest = LOWEST_MEDIAN if stated or quantity.raw else LOWEST_UNTOLD_MEDIAN
    highest = HIGHEST_UNTOLD_MOLAR if quantity.name.endswith("_m") and not stated else HIGHEST_MEDIAN
    if not lowest <= np.median(found) <= highest:
        return f"the median would be {_concentration(float(np.median(found)))}"
    return "" if np.abs(found).max() <= 25 else "some lie beyond all concentrations"


def _doubt_logarithm(quantity: Quantity, values: Values, stated: bool) -> str:
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return "they are fractions"
    if low >= 0 and spans_decades(values):
        return "none is negative and they span decades, as raw concentrations do"
    if quantity.slope < 0 or quantity.name.endswith("_m"):
        return ""
    if low >= 0 and not quantity.name.endswith("nm") and (not stated or _is_p_scale(values)):
        return "none is negative, so that not one would be below 1 µM"
    if high <= 0 and quantity.name.endswith("um"):
        return "none is positive, so that not one would be above 1 µM"
    return ""


def _is_p_scale(values: Values) -> bool:
    return bool(values.max() <= 14 and np.median(values) >= 3)


def _doubt_area(quantity: Quantity, values: Values) -> str:
    low, high = float(values.min()), float(values.max())
    found = quantity.convert(values)
    if quantity.name.endswith("percent") and high <= NOISE[1]:
        return f"none is above {high:.3g}, so that they are fractions"
    if found.min() < NOISE[0] or found.max() > NOISE[1] or np.mean((found >= 0) & (found <= 1)) < 0.5:
        areas = " (areas over log dose, as CTRPv2 gives, are divided by that of an untouched curve)"
        return (
            f"as fractions they would run from {found.min():.3g} to {found.max():.3g}"
            f"{areas if quantity.slope == 1 and NOISE[1] < high < 35 else ''}"
        )
    if len(values) >= ENOUGH and low >= NOISE[0] and np.median(found) < FEWEST_NEAR_NO_EFFECT:
        return f"the median line would have lost {1 - np.median(found):.0%} of its viability to the median drug"
    return ""


def _doubt_range(quantity: Quantity, values: Values) -> str:
    low, high = float(values.min()), float(values.max())
    percent = quantity.name.endswith("percent") or quantity.kind == "dss"
    if percent and len(values) >= ENOUGH and high <= NOISE[1]:
        return f"none is above {high:.3g}, so that they are fractions"
    bounds = (-100.0, 200.0) if percent else (-1.0, 2.0)
    if quantity.kind == "dss":
        bounds = (0.0, 100.0)
    return "" if bounds[0] <= low and high <= bounds[1] else f"they run from {low:.4g} to {high:.4g}"


def _concentration(ln_um: float) -> str:
    """A concentration in the unit that suits it."""
    um = float(np.exp(np.clip(ln_um, -60, 60)))
    for unit, per_um in (("M", 1e6), ("mM", 1e3), ("µM", 1.0), ("nM", 1e-3)):
        if um >= per_um:
            return f"{um / per_um:.3g} {unit}"
    return f"{um * 1e6:.3g} pM"
