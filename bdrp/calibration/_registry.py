"""Finding recalibrators by listing this folder."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy.typing as npt

from bdrp.calibration._recalibration import VERSION, Recalibration
from bdrp.errors import DataError
from bdrp.predictive import PredictiveDistribution


def names() -> list[str]:
    """The recalibrators there are, the simplest first."""
    found = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    public = sorted(name for name in found if not name.startswith("_"))
    return sorted(public, key=lambda name: recalibrator(name).PARAMETERS)


def automatic() -> list[str]:
    """Those of them that `choose` chooses from; the others are fitted only when they are named."""
    return [name for name in names() if recalibrator(name).AUTOMATIC]


def recalibrator(name: str) -> ModuleType:
    """The module of one recalibrator: DESCRIPTION, PARAMETERS, AUTOMATIC, fit, from_json."""
    return import_module(f"bdrp.calibration.{name}")


def fit(
    name: str,
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    tissues: Mapping[str, str] | None = None,
) -> Recalibration:
    """Fit the recalibrator of that name to the calibration part.

    Args:
        name: one of `names()`.
        pred: the method's prediction for the N pairs of the calibration part.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair: the unit of which there will be new ones.
        tissues: cell_line_id -> tissue, for those that group by tissue.

    Raises:
        DataError: there is no such recalibrator, or the responses do not line up with the prediction.
        FitError: no usable recalibration comes out of these responses.
    """
    return cast(Recalibration, recalibrator(known(name)).fit(pred, response, groups=groups, tissues=tissues))


def from_json(data: Mapping[str, Any]) -> Recalibration:
    """The recalibration that `Recalibration.to_json` described.

    Raises:
        DataError: the kind or version is unknown, or a number is missing, not finite or out of bounds.
    """
    if not isinstance(data, Mapping) or data.get("version") != VERSION:
        seen = data.get("version") if isinstance(data, Mapping) else type(data).__name__
        raise DataError(
            f"The stored recalibration has version {seen!r}. Allowed: {VERSION}. "
            "Use the version of bdrp that fitted the model, or fit the model's calibration again."
        )
    return cast(Recalibration, recalibrator(known(data.get("kind"))).from_json(data))


def known(name: object) -> str:
    """`name` itself, or a DataError that lists the recalibrators there are."""
    allowed = names()
    if name not in allowed:
        raise DataError(
            f"There is no recalibrator called {name!r}. Allowed: {', '.join(allowed)}. "
            "Choose one of these, or fit again."
        )
    return str(name)
