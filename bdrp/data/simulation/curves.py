"""Dose-response curves: the Hill curve, its fit to noisy wells, and the area under it.

    v(x) = 1 / (1 + exp(h (x - t)))                  viability at ln dose x; t = ln IC50 in ln(µM), h = Hill slope

The fit is the maximum a posteriori estimate of (t, ln h) that minimises

    sum_j (y_j - v(x_j))^2 / s^2 + (t - m)^2 / T^2 + (ln h)^2 / H^2

over the wells j of one curve. Like the mixed-effects fit of the GDSC (Vis et al. 2016, Pharmacogenomics 17:691), it
holds the two ends of the curve at 1 and 0 and shrinks position and slope to a population, which is why it extrapolates
beyond the top dose and why the extrapolation stays bounded; unlike it, the population is fixed beforehand by the dose
range, so that a curve does not depend on its neighbours. Solved by Newton steps of limited length.
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
"""s, fraction of viability; chosen: GDSC2's median RMSE of fitted curves is 0.076."""
STEPS: Final = 9
"""Newton steps; chosen: 99.9 % of curves are then within 0.01 ln units of their optimum."""
LONGEST_STEP: Final = 1.5
"""Longest first step in t, ln units; chosen: keeps the first steps on the curve."""
SHRINKING: Final = 0.88
"""Factor from one longest step to the next; chosen: ends what little goes to and fro, and still reaches 8 ln units."""
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


def area(fits: Fits, lowest: Floats, highest: Floats) -> Floats:
    """Mean of each fitted curve over ln doses from lowest to highest, (N,) each; 1 where the drug does nothing.

    The integral of v is x - ln(1 + exp(h (x - t))) / h, taken between the two ends and divided by their distance.
    """
    slope = np.exp(fits.ln_slope)
    above = np.logaddexp(0.0, slope * (highest - fits.ln_ic50))
    below = np.logaddexp(0.0, slope * (lowest - fits.ln_ic50))
    return np.asarray(np.clip(1.0 - (above - below) / slope / (highest - lowest), 0.0, 1.0), dtype=float)


def _fit_chunk(ln_dose: Floats, wells: Floats) -> tuple[Floats, Floats]:
    span = ln_dose[-1] - ln_dose[0]
    position = ln_dose[0] + span * np.clip(wells.mean(1), 0.0, 1.2)  # where a steep curve of this mean would fall
    ln_slope = np.zeros(len(wells))
    for step in range(STEPS):
        move_position, move_slope = _newton(ln_dose, wells, position, ln_slope)
        longest = LONGEST_STEP * SHRINKING**step
        position += np.clip(move_position, -longest, longest)
        ln_slope += np.clip(move_slope, -longest / 3, longest / 3)  # ln h spans about a third of what t spans
    return position, ln_slope


def _newton(ln_dose: Floats, wells: Floats, position: Floats, ln_slope: Floats) -> tuple[Floats, Floats]:
    """Newton's step in t and in ln h, (N,) each; Gauss-Newton's where the objective is not convex.

    With z = h (x - t), s = v (1 - v), r = y - v: dv/dt = h s, dv/dln h = -s z, ds/dz = s (2 v - 1).
    """
    weight_position, weight_slope = (NOMINAL_NOISE / POSITION_SPREAD) ** 2, (NOMINAL_NOISE / SLOPE_SPREAD) ** 2
    slope = np.exp(ln_slope)
    z = slope[:, None] * (ln_dose - position[:, None])
    v = 1.0 / (1.0 + np.exp(z))
    s = v * (1.0 - v)
    r = wells - v
    sz, bend = s * z, s * (2.0 * v - 1.0) * r
    pull = _dot(s, r)
    down_position = slope * pull - weight_position * (position - ln_dose[-1] - CENTRE_ABOVE_TOP)
    twist = _dot(sz, r)
    down_slope = -twist - weight_slope * ln_slope
    a = slope**2 * _dot(s, s) + weight_position
    b = -slope * _dot(s, sz)
    c = _dot(sz, sz) + weight_slope
    bend_z = bend * z
    exact_a = a + slope**2 * bend.sum(1)
    exact_b = b - slope * (pull + bend_z.sum(1))
    exact_c = c + _dot(bend_z, z) + twist
    convex = (exact_a > 0.3 * a) & (exact_c > 0.3 * c) & (exact_a * exact_c - exact_b**2 > 0.1 * a * c)
    a, b, c = np.where(convex, exact_a, a), np.where(convex, exact_b, b), np.where(convex, exact_c, c)
    determinant = a * c - b * b
    return (c * down_position - b * down_slope) / determinant, (a * down_slope - b * down_position) / determinant


def _dot(left: Floats, right: Floats) -> Floats:
    return np.asarray(np.einsum("nj,nj->n", left, right), dtype=float)
