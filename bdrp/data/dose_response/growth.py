"""Growth rate inhibition, where plates were also counted when the drug was added.

    GR = 2^(log2(x / x0) / log2(c / x0)) - 1 = 2 v^(1 / d) - 1            d = log2(c / x0), doublings of the controls

with x of the well, c of the controls and x0 at time zero (Hafner et al. 2016, doi 10.1038/nmeth.3853): a function
of the viability v = x / c, so that the posterior of a curve's viability is that of its GR. GR is 1 where the drug
does nothing, 0 where nothing grows, below 0 where cells die; GR50 is where it is one half.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.dose_response.curve import Curves, Floats
from bdrp.data.dose_response.summary import DECADE, moments

MEASURES: Final = ("ln_gr50_um", "gr_aoc")
FEWEST_DOUBLINGS: Final = 0.5
"""Of the controls; below, GR divides by noise. Chosen."""
STEPS: Final = 33
"""Doses at which GR is taken for its mean; chosen: the mean is then right to 0.001."""


def doublings(control: Floats, time_zero: Floats) -> Floats:
    """Doublings since time zero, from signals above the blank; NaN where they are fewer than `FEWEST_DOUBLINGS`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.log2(control / time_zero)
        return np.where((time_zero > 0) & (found >= FEWEST_DOUBLINGS), found, np.nan)


def gr_value(viability: Floats, doubled: Floats) -> Floats:
    """GR of a viability, for controls that doubled so often."""
    return 2 * np.maximum(viability, 0) ** (1 / doubled) - 1


def summarise(curves: Curves, doubled: Floats, highest: Floats, lowest: float) -> pd.DataFrame:
    """Mean, SD and quantiles of ln GR50, GR_AOC (mean of 1 - GR over ln dose) and GRmax, a row a curve.

    Args:
        curves: draws, (B, draws); doses relative to the highest.
        doubled: doublings of each curve's controls, (B,); NaN where GR is not known, as then all is.
        highest: ln of each curve's highest dose in µM, (B,).
        lowest: ln of the lowest dose, relative to the highest.
    """
    d = doubled[:, None]
    grid = np.linspace(lowest, 0.0, STEPS)
    mean = np.trapezoid([gr_value(curves.viability(float(dose)), d) for dose in grid], grid, axis=0) / -lowest
    draws = {
        "ln_gr50_um": np.clip(curves.ln_dose_at(0.75**d), lowest - DECADE, DECADE) + highest[:, None],
        "gr_aoc": 1 - mean,
        "gr_max": gr_value(curves.viability(0.0), d),
    }
    columns = {name: values for measure, drawn in draws.items() for name, values in moments(measure, drawn).items()}
    table = pd.DataFrame(columns)
    table[~np.isfinite(doubled)] = np.nan
    return table
