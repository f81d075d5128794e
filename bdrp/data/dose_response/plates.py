"""Plates: what their controls say of them, and wells as fractions of the controls' signal.

viability = (signal - blank) / (control - blank)           of the plate's means, failed control wells left out

Z' = 1 - 3 (sd_control + sd_blank) / |control - blank|      Zhang, Chung and Oldenburg 1999, doi 10.1177/108705719900400206
CV = sd_control / (control - blank)
"""  # noqa: E501 - a formula with its source

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.dose_response import growth
from bdrp.data.dose_response.points import COLUMNS, KEYS, Points
from bdrp.data.identifiers import listed
from bdrp.errors import DataError

FEWEST_CONTROLS: Final = 3
FAILED: Final = 4.0
"""Robust SDs from the median beyond which a control well has failed; chosen: one in 16,000 normal wells."""
LEAST_Z_PRIME: Final = 0.3
"""Below it a plate is doubtful; GDSC's own bound. An excellent assay has 0.5 or more."""
MOST_CV: Final = 0.18
"""Above it a plate is doubtful; GDSC's own bound."""
MOST_EDGE: Final = 0.15
"""Difference between controls near the rim and the others above which a plate is doubtful; chosen."""
RIM: Final = 2
"""Rows and columns of used wells that are near the rim; chosen."""
FEWEST_A_SIDE: Final = 3
"""Control wells that each side of an edge effect needs."""
_PER_MAD: Final = 1.4826


def normalise(wells: pd.DataFrame, notices: list[str], path: Path) -> Points:
    """Viabilities of wells with a drug, and what is said of each plate.

    Wells without a finite signal, and those that are said to have failed, are NaN.

    Args:
        wells: as `layouts.tidy.COLUMNS`.
        notices: what was left out is written here.
        path: for messages.

    Raises:
        DataError: no plate has controls and wells with a drug.
    """
    plates = assess(wells)
    usable = plates.index[plates["signal_window"] > 0]
    samples = wells[wells["role"] == "sample"]
    lost = samples[~samples["plate"].isin(usable)]
    if len(lost) == len(samples):
        roles = ", ".join(f"{count:,} {role}" for role, count in wells["role"].value_counts().items())
        raise DataError(
            f"{path.name} has no plate that can be normalised: {roles} wells on {len(plates):,} plates. A plate needs "
            f"{FEWEST_CONTROLS} control wells whose signal lies above that of the blanks; say in `role` which wells "
            "are control, blank and sample, or give viabilities that are normalised already."
        )
    if len(lost):
        notices.append(
            f"{lost['plate'].nunique():,} plates have fewer than {FEWEST_CONTROLS} controls, or controls no brighter "
            f"than blanks, and are left out with {len(lost):,} wells ({listed(lost['plate'].unique(), 3)})."
        )
    kept = samples[samples["plate"].isin(usable)]
    of_plate = plates.loc[kept["plate"]]
    viability = (kept["signal"].to_numpy() - of_plate["blank"].to_numpy()) / of_plate["signal_window"].to_numpy()
    table = kept[list(KEYS)].assign(
        dose_um=kept["dose_um"], viability=np.where(np.isfinite(viability), viability, np.nan)
    )
    return Points(table[list(COLUMNS)].reset_index(drop=True), plates)


def assess(wells: pd.DataFrame) -> pd.DataFrame:
    """By plate: controls, blanks, failed_wells, control, blank, signal_window, cv, z_prime, and more.

    `doublings` of the controls and `edge_effect` are NaN where they are not known; `doubts` is empty for a plate that
    passes. Without blanks, a blank is 0, and Z' rests on the controls alone.
    """
    codes, names = pd.factorize(wells["plate"], sort=True)
    order = np.argsort(codes, kind="stable")
    columns = [wells[name].to_numpy()[order] for name in ("role", "signal", "row", "column")]
    parts = np.split(np.arange(len(order)), np.searchsorted(codes[order], np.arange(1, len(names))))
    told = [_assess_plate(*(column[part] for column in columns)) for part in parts]
    table = pd.DataFrame(told, index=pd.Index(names, dtype="str", name="plate"))
    return table.assign(doubts=list(map(_doubts, told))).astype({"doubts": "str"})


def _assess_plate(role: np.ndarray, signal: np.ndarray, row: np.ndarray, column: np.ndarray) -> dict[str, float]:
    control, blank = (_without_failed(signal[(role == name) & np.isfinite(signal)]) for name in ("control", "blank"))
    middle = float(control.mean()) if len(control) >= FEWEST_CONTROLS else np.nan
    low = float(blank.mean()) if len(blank) else 0.0
    window = middle - low
    sd, sd_blank = float(control.std(ddof=1)) if len(control) > 1 else np.nan, _sd(blank)
    failed = (role == "failed") | ((role == "sample") & ~np.isfinite(signal))
    dropped = int((role == "control").sum()) - len(control) + int((role == "blank").sum()) - len(blank)
    early = signal[(role == "time_zero") & np.isfinite(signal)]
    grown = float(early.mean()) - low if len(early) else np.nan
    sound = (role == "control") & (signal >= control.min()) & (signal <= control.max()) if len(control) else role == ""
    return {
        "controls": len(control),
        "blanks": len(blank),
        "failed_wells": int(failed.sum()) + dropped,
        "control": middle,
        "blank": low,
        "signal_window": window,
        "doublings": float(growth.doublings(np.array(window), np.array(grown))),
        "cv": sd / window if window > 0 else np.nan,
        "z_prime": 1 - 3 * (sd + sd_blank) / abs(window) if window else np.nan,
        "edge_effect": _edge_effect(signal - low, sound, np.column_stack([row, column])),
    }


def _without_failed(signal: np.ndarray) -> np.ndarray:
    """Control wells within `FAILED` robust SDs of their median."""
    if len(signal) < FEWEST_CONTROLS:
        return signal
    away = np.abs(signal - np.median(signal))
    robust = _PER_MAD * float(np.median(away))
    return signal[away <= FAILED * robust] if robust > 0 else signal


def _sd(signal: np.ndarray) -> float:
    return float(signal.std(ddof=1)) if len(signal) > 1 else 0.0


def _edge_effect(signal: np.ndarray, sound: np.ndarray, place: np.ndarray) -> float:
    """Sound controls near the rim of the used wells over the others, less one; NaN where places are not known."""
    if np.isnan(place).any():
        return float("nan")
    rim = ((place < place.min(0) + RIM) | (place > place.max(0) - RIM)).any(1)
    near, far = signal[sound & rim], signal[sound & ~rim]
    if min(len(near), len(far)) < FEWEST_A_SIDE or far.mean() <= 0:
        return float("nan")
    return float(near.mean() / far.mean() - 1)


def _doubts(plate: dict[str, float]) -> str:
    """Why a plate is doubtful, in words; "" where it is not."""
    if not plate["signal_window"] > 0:
        return "no signal above blanks, or too few controls"
    found = {
        f"Z' below {LEAST_Z_PRIME}": plate["z_prime"] < LEAST_Z_PRIME,
        f"control CV above {MOST_CV}": plate["cv"] > MOST_CV,
        f"edge effect above {MOST_EDGE:.0%}": abs(plate["edge_effect"]) > MOST_EDGE,
    }
    return "; ".join(words for words, wrong in found.items() if wrong)
