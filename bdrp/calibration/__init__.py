"""Recalibration: what a model reports, corrected by what was observed on data that it was not fitted to.

A recalibrator is one file of this folder, found by its name; a file whose name starts with `_` is none. It holds

- DESCRIPTION, PARAMETERS (how many numbers it fits: its simplicity) and AUTOMATIC (whether `choose` may take it);
- `fit(pred, response, *, groups=None) -> Recalibration`, a frozen map between predictive distributions;
- `from_json(data) -> Recalibration`, for it is stored as JSON beside the model;
- `fit_groups`, where it can be fitted `by` group: `isotonic_by_drug` is `isotonic` with a curve for each drug.

Recalibrators also come from installed packages, as entry points of `bdrp.recalibrators`. Nothing is imported before it
is asked for, so that a help page can list the names.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from bdrp.calibration._names import RECALIBRATORS, groupings, names

if TYPE_CHECKING:
    from bdrp.calibration._choice import choose
    from bdrp.calibration._recalibration import Recalibration
    from bdrp.calibration._registry import automatic, fit, from_json, grouping_of, known, origin

__all__ = [
    "RECALIBRATORS",
    "Recalibration",
    "automatic",
    "choose",
    "fit",
    "from_json",
    "grouping_of",
    "groupings",
    "known",
    "names",
    "origin",
]

_HOMES = {"Recalibration": "_recalibration", "choose": "_choice"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"bdrp.calibration has no attribute {name!r}; its names are {', '.join(__all__)}.")
    return getattr(importlib.import_module(f"bdrp.calibration.{_HOMES.get(name, '_registry')}"), name)
