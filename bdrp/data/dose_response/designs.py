"""Curves gathered by the doses that they were measured at, which share every number that depends on doses alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.dose_response.curve import Floats
from bdrp.data.dose_response.likelihood import Design
from bdrp.data.dose_response.points import KEYS, Points

STEP: Final = 0.02
"""Doses are told apart from here on, ln units; chosen: pipetting is no better than 2 %."""
SPREADS: Final = (0.5, 3.0)
"""Least and most noise of a plate over that of the screen; chosen: a CV of few controls is itself not sure."""


@dataclass(frozen=True)
class Group:
    """Curves of one design.

    Attributes:
        rows: of the curves in the table of curves, (B,).
        highest: ln of each curve's highest dose in µM, (B,); the design's doses are relative to it.
        design: their wells.
    """

    rows: npt.NDArray[np.int64]
    highest: Floats
    design: Design


def curves_of(points: Points) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row a curve (`KEYS`, min_conc_um, max_conc_um, wells, spread), and the wells with their curve and ln dose.

    Curves are in the order of their keys; wells by curve, lowest dose first. `spread` is the plate's control CV over
    the median plate's.
    """
    wells = points.table.sort_values([*KEYS, "dose_um"], kind="stable", ignore_index=True)
    by = wells.groupby(list(KEYS), sort=False)
    wells = wells.assign(curve=by.ngroup(), ln_dose=np.log(wells["dose_um"].to_numpy()))
    curves = by.agg(
        min_conc_um=("dose_um", "min"), max_conc_um=("dose_um", "max"), wells=("viability", "count")
    ).reset_index()
    return curves.assign(spread=_spread(curves, points.plates)), wells


def group(curves: pd.DataFrame, wells: pd.DataFrame) -> list[Group]:
    """The curves by design, in the order of their first curve."""
    highest = np.log(curves["max_conc_um"].to_numpy())
    relative = wells["ln_dose"].to_numpy() - highest[wells["curve"].to_numpy()]
    steps = np.round(relative / STEP).astype(np.int64)
    starts = np.flatnonzero(np.diff(wells["curve"].to_numpy(), prepend=-1))
    members: dict[bytes, list[int]] = {}
    ends = np.append(starts[1:], len(wells))
    for curve, (start, end) in enumerate(zip(starts, ends, strict=True)):
        members.setdefault(steps[start:end].tobytes(), []).append(curve)
    signal, spread = wells["viability"].to_numpy(), curves["spread"].to_numpy()
    found = []
    for rows in map(np.array, members.values()):
        at = starts[rows][:, None] + np.arange(ends[rows[0]] - starts[rows[0]])
        found.append(Group(rows, highest[rows], Design(relative[at].mean(0), signal[at], spread[rows])))
    return found


def _spread(curves: pd.DataFrame, plates: pd.DataFrame) -> Floats:
    if plates.empty:
        return np.ones(len(curves))
    cv = plates["cv"] / plates["cv"].median()
    return curves["plate"].map(cv).fillna(1.0).clip(*SPREADS).to_numpy(dtype=float)
