"""Finding a recalibrator by its name, alone (`isotonic`) or by group (`isotonic_by_drug`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

import numpy.typing as npt

from bdrp.calibration import by
from bdrp.calibration._names import groupings, names
from bdrp.calibration._recalibration import VERSION, Recalibration
from bdrp.errors import DataError
from bdrp.predictive import PredictiveDistribution


class Recalibrator(Protocol):
    """What a file of this folder holds; see `by.FitsGroups` for what it may hold too."""

    DESCRIPTION: str
    PARAMETERS: int
    AUTOMATIC: bool

    def fit(
        self, pred: PredictiveDistribution, response: npt.ArrayLike, *, groups: Sequence[str] | None = None
    ) -> Recalibration:
        """Fit to the calibration part."""
        ...

    def from_json(self, data: Mapping[str, Any]) -> Recalibration:
        """What `Recalibration.to_json` described."""
        ...


def fit(
    name: str,
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Recalibration:
    """Fit the recalibrator of that name to the calibration part.

    Args:
        name: one of `names()`, alone or as NAME_by_GROUPING with one of `groupings()`.
        pred: the method's prediction for the N pairs of the calibration part.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair: the unit of which there will be new ones.
        labels: for a grouping, the group of each drug_id or cell_line_id of the screen; not needed by drug or by line.

    Raises:
        DataError: there is no such recalibrator, or the responses do not line up with the prediction.
        FitError: no usable recalibration comes out of these responses.

    Example:
        >>> import numpy as np, pandas as pd
        >>> from bdrp.predictive import Normal
        >>> keys = pd.DataFrame({"cell_line_id": [f"L{i}" for i in range(40)], "drug_id": ["D0", "D1"] * 20})
        >>> pred = Normal(keys, "ln_ic50_um", np.zeros(40), np.ones(40), np.zeros(40))
        >>> fit("variance_scaling_by_drug", pred, np.tile([1, 3, -1, -3], 10)).kind
        'variance_scaling_by_drug'
    """
    base, grouping = _base_and_grouping(known(name))
    chosen = recalibrator(base)
    overall = chosen.fit(pred, response, groups=groups)
    if grouping is None:
        return overall
    return by.fit(cast(by.FitsGroups, chosen), cast(by.Groupable, overall), grouping, pred, response, labels)


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
    base, grouping = _base_and_grouping(known(data.get("kind")))
    overall = recalibrator(base).from_json(data)
    return overall if grouping is None else by.from_json(cast(by.Groupable, overall), grouping, data)


def automatic() -> list[str]:
    """Those of them that `choose` chooses from, the simplest first; others are fitted only when they are named."""
    found = [name for name in names() if recalibrator(name).AUTOMATIC]
    return sorted(found, key=lambda name: recalibrator(name).PARAMETERS)


def grouping_of(name: str) -> str | None:
    """What the recalibrator of that name groups by, one of `groupings()`; None if it treats all pairs alike."""
    return _base_and_grouping(name)[1]


def known(name: object) -> str:
    """`name` itself, or a DataError that lists the recalibrators there are."""
    base, grouping = _base_and_grouping(str(name))
    grouped = [one for one in names() if isinstance(recalibrator(one), by.FitsGroups)]
    if isinstance(name, str) and (base in names() if grouping is None else base in grouped):
        return name
    raise DataError(
        f"There is no recalibrator called {name!r}. Allowed: {', '.join(names())}; and {', '.join(grouped)} also with "
        f"{', '.join(f'_by_{one}' for one in groupings())} behind the name. Choose one of these, or fit again."
    )


def recalibrator(name: str) -> Recalibrator:
    """The file of one recalibrator."""
    return cast(Recalibrator, import_module(f"bdrp.calibration.{name}"))


def _base_and_grouping(name: str) -> tuple[str, str | None]:
    """`isotonic_by_drug` as ("isotonic", "drug"); a name that is no recalibrator's by group as it is."""
    base, _, grouping = name.rpartition("_by_")
    return (base, grouping) if base and grouping in groupings() and name not in names() else (name, None)
