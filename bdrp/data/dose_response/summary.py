"""What is said of each curve: mean, SD and quantiles of ln IC50, AUC and Emax, limits, and flags."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.dose_response.curve import Curves, Floats
from bdrp.data.dose_response.designs import Group
from bdrp.data.dose_response.noise import Noise
from bdrp.data.dose_response.posterior import ENOUGH, Posterior

MEASURES: Final = ("ln_ic50_um", "auc_fraction", "emax_fraction")
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
DECADE: Final = float(np.log(10))
"""How far beyond the doses a draw of ln IC50 counts: one that is farther, or never reaches one half, is set there.
Chosen: of 0, 1, 2.3, 4.6 and 7 ln units, means at 2.3 come closest to GDSC2's published values."""
FLAT: Final = 0.8
"""Viability at the highest dose that the posterior median of a flat curve does not fall below; chosen."""
OUTLYING: Final = 6.0
"""Scales from its curve beyond which a well is an outlier; 4 in 1,000 of Student-t wells are."""
RISING: Final = 3.0
"""Scales by which two adjacent doses must both exceed two lower ones for a curve to rise again; chosen."""


def summarise(group: Group, found: Posterior, noise: Noise) -> pd.DataFrame:
    """A row a curve of a group, in its order.

    Columns: of each measure its name (the posterior mean), `_sd`, `_q05` to `_q95`; `limit` ("above" or "below" where
    the median of ln IC50 lies beyond the doses), `p_beyond_highest`, `p_never_half`, ln_ec50_um, slope, plateau, top
    and noise_scale (means), outlier_wells, effective_draws, ln_evidence and `flags` with semicolons between.
    """
    doses, highest = group.design.ln_dose, group.highest[:, None]
    lowest = float(doses.min())
    ic50 = found.curves.ln_ic50()
    draws = {
        "ln_ic50_um": np.clip(ic50, lowest - DECADE, DECADE) + highest,
        "auc_fraction": found.curves.area(lowest, 0.0),
        "emax_fraction": found.curves.viability(0.0),
    }
    columns: dict[str, Floats | list[str]] = {}
    for measure in MEASURES:
        columns |= moments(measure, draws[measure])
    median = np.median(ic50, axis=1)
    limit = np.select([median >= 0, median <= lowest], ["above", "below"], "")
    columns |= {
        "limit": limit.tolist(),
        "p_beyond_highest": (ic50 >= 0).mean(1),
        "p_never_half": np.isinf(ic50).mean(1),
        "ln_ec50_um": found.curves.midpoint.mean(1) + group.highest,
        "slope": found.curves.slope.mean(1),
        "plateau": found.curves.plateau.mean(1),
        "top": found.curves.top.mean(1),
        "noise_scale": found.curves.scale.mean(1),
        "outlier_wells": outlying(group, found.curves, noise).sum(1),
        "effective_draws": found.effective,
        "ln_evidence": found.ln_evidence,
    }
    table = pd.DataFrame(columns, index=pd.Index(group.rows, name="curve"))
    rising = _rises_again(group, found.curves, noise)
    return table.assign(flags=_flags(table, rising)).astype({"limit": "str", "flags": "str"})


def outlying(group: Group, curves: Curves, noise: Noise) -> np.ndarray:
    """Which wells (B, K) lie more than `OUTLYING` scales from the posterior mean of their curve."""
    fitted, scale = _fitted(group, curves, noise)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(group.design.signal - fitted) > OUTLYING * scale)


def moments(name: str, draws: Floats) -> dict[str, Floats]:
    """Mean, SD and quantiles of draws (B, draws), by the names that their columns have."""
    quantiles = np.quantile(draws, QUANTILES, axis=1)
    named = {f"{name}_q{round(100 * level):02d}": values for level, values in zip(QUANTILES, quantiles, strict=True)}
    return {name: draws.mean(1), f"{name}_sd": draws.std(1, ddof=1), **named}


def _fitted(group: Group, curves: Curves, noise: Noise) -> tuple[Floats, Floats]:
    """Posterior mean of the signal at each dose (B, K), and the scale of wells about it."""
    fitted = np.stack([curves.signal(float(dose)).mean(1) for dose in group.design.ln_dose], axis=1)
    scale = (curves.scale.mean(1) * group.design.spread)[:, None]
    return fitted, scale * noise.sd(fitted)


def _rises_again(group: Group, curves: Curves, noise: Noise) -> np.ndarray:
    """Whether two adjacent doses both show more than each of two adjacent lower ones, by `RISING` scales: (B,).

    Two of each, for one well that went wrong is an outlier and no rise.
    """
    fitted, scale = _fitted(group, curves, noise)
    signal = np.where(np.isnan(group.design.signal), fitted, group.design.signal)
    if signal.shape[1] < 4:
        return np.zeros(len(signal), dtype=bool)
    low = np.maximum(signal[:, :-1], signal[:, 1:])  # of a pair, what both lie below
    high = np.minimum(signal[:, :-1], signal[:, 1:])
    lowest_yet = np.minimum.accumulate(low, axis=1)
    rise = high[:, 2:] - lowest_yet[:, :-2]
    return np.asarray((rise > RISING * scale[:, 2:-1]).any(1))


def _flags(table: pd.DataFrame, rising: np.ndarray) -> list[str]:
    raised = {
        "flat": (table["emax_fraction_q50"] > FLAT).to_numpy(),
        "non_monotone": rising,
        "outlier_wells": (table["outlier_wells"] > 0).to_numpy(),
        "extrapolated": (table["limit"] != "").to_numpy(),
        "few_draws": (table["effective_draws"] < ENOUGH / 3).to_numpy(),
    }
    return [";".join(name for name in raised if raised[name][row]) for row in range(len(table))]
