"""Dose-response curves: the Hill curve, its fit to noisy wells, and the area under it.

    v(x) = 1 / (1 + exp(h (x - t)))                  viability at ln dose x; t = ln IC50 in ln(µM), h = Hill slope

The fit is the maximum a posteriori estimate of (t, ln h) that minimises

    sum_j (y_j - v(x_j))^2 / s^2 + (t - m)^2 / T^2 + (ln h)^2 / H^2

over the wells j of one curve. Like the mixed-effects fit of the GDSC (Vis et al. 2016, Pharmacogenomics 17:691), it holds
the two ends of the curve at 1 and 0 and shrinks position and slope to a population, which is why it extrapolates beyond
the top dose and why the extrapolation stays bounded; unlike it, the population is fixed beforehand by the dose range,
so that curves are fitted one by one and a curve does not depend on its neighbours. Solved by damped Gauss-Newton.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CENTRE_ABOVE_TOP: Final = 1.0
"""m - ln(top dose), ln units; chosen: in real screens most drugs leave most lines alive at the top dose."""
POSITION_SPREAD: Final = 2.2
"""T, ln units; chosen: ln IC50 of GDSC have an SD near 2.7 overall, part of it from the dose ranges."""
SLOPE_SPREAD: Final = 0.35
"""H, of ln h; chosen: most published Hill slopes lie within a factor of two of 1."""
NOMINAL_NOISE: Final = 0.08
"""s, fraction of viability; chosen: the usual residual of fitted screening curves (GDSC's median RMSE is 0.08)."""
STEPS: Final = 9
"""Gauss-Newton steps; chosen: all curves are within 1e-3 ln units of their optimum (a test asks for it)."""
LONGEST_STEP: Final = (1.5, 0.5)
"""Longest step in t and in ln h; chosen: keeps the first steps on the curve."""
CHUNK: Final = 4096
"""Curves fitted at a time; chosen: their wells stay in the processor's cache."""


@dataclass(frozen=True)
class Fits:
    """Fitted curves, (N,) each: position in ln(µM) and natural logarithm of the slope."""

    ln_ic50: Floats
    ln_slope: Floats


def viability(ln_dose: Floats, ln_ic50: Floats, slope: Floats) -> Floats:
    """The Hill curve at doses (J,) of curves (N,): fractions (N, J)."""
    scaled = slope[:, None] * (ln_dose[None, :] - ln_ic50[:, None])
    return 1.0 / (1.0 + np.exp(scaled))


def fit(ln_dose: Floats, wells: Floats) -> Fits:
    """The maximum a posteriori curve through each row of wells (N, J) measured at doses (J,), low dose first."""
    parts = [_fit_chunk(ln_dose, wells[at : at + CHUNK]) for at in range(0, len(wells), CHUNK)]
    ln_ic50, ln_slope = (np.concatenate(values) for values in zip(*parts, strict=True))
    return Fits(ln_ic50, ln_slope)


def area(fits: Fits, lowest: float, highest: float) -> Floats:
    """Mean of each fitted curve over ln doses from lowest to highest: (N,), 1 where the drug does nothing.

    The integral of v is x - ln(1 + exp(h (x - t))) / h, taken between the two ends and divided by their distance.
    """
    slope = np.exp(fits.ln_slope)
    above = np.logaddexp(0.0, slope * (highest - fits.ln_ic50))
    below = np.logaddexp(0.0, slope * (lowest - fits.ln_ic50))
    return np.asarray(np.clip(1.0 - (above - below) / slope / (highest - lowest), 0.0, 1.0), dtype=float)


def _fit_chunk(ln_dose: Floats, wells: Floats) -> tuple[Floats, Floats]:
    centre = ln_dose[-1] + CENTRE_ABOVE_TOP
    weight = (NOMINAL_NOISE / POSITION_SPREAD) ** 2, (NOMINAL_NOISE / SLOPE_SPREAD) ** 2
    span = ln_dose[-1] - ln_dose[0]
    position = ln_dose[0] + span * np.clip(wells.mean(1), 0.0, 1.2)  # the mean viability is where a steep curve would fall
    log_slope = np.zeros(len(wells))
    for _ in range(STEPS):
        slope = np.exp(log_slope)
        scaled = slope[:, None] * (ln_dose[None, :] - position[:, None])
        curve = 1.0 / (1.0 + np.exp(scaled))
        steep = curve * (1.0 - curve)
        residual = wells - curve
        along = -steep * scaled  # d curve / d ln slope; d curve / d position is steep * slope
        a = slope**2 * np.einsum("nj,nj->n", steep, steep) + weight[0]
        b = slope * np.einsum("nj,nj->n", steep, along)
        c = np.einsum("nj,nj->n", along, along) + weight[1]
        u = slope * np.einsum("nj,nj->n", steep, residual) - weight[0] * (position - centre)
        w = np.einsum("nj,nj->n", along, residual) - weight[1] * log_slope
        determinant = a * c - b * b
        position += np.clip((c * u - b * w) / determinant, -LONGEST_STEP[0], LONGEST_STEP[0])
        log_slope += np.clip((a * w - b * u) / determinant, -LONGEST_STEP[1], LONGEST_STEP[1])
    return position, log_slope
