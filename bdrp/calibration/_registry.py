"""Finding a recalibrator by its name, alone (`isotonic`) or by group (`isotonic_by_drug`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import numpy.typing as npt

from bdrp.calibration import by
from bdrp.calibration._names import RECALIBRATORS, groupings, names
from bdrp.calibration._recalibration import VERSION, Recalibration
from bdrp.errors import DataError, did_you_mean
from bdrp.plugins import load_recorded
from bdrp.predictive import PredictiveDistribution


class Recalibrator(Protocol):
    """What a file of this folder holds; see `by.FitsGroups` for what it may hold too.

    PARAMETERS and AUTOMATIC are of bdrp's own alone, of which `choose` chooses.
    """

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
    if overall.kind != base:  # it could not be read back
        raise DataError(
            f"The recalibrator {base} gave one of kind {overall.kind!r}. Its name is needed. Mend its `kind`."
        )
    if grouping is None:
        return overall
    return by.fit(cast(by.FitsGroups, chosen), cast(by.Groupable, overall), grouping, pred, response, labels)


def from_json(data: Mapping[str, Any], origin: Mapping[str, str] | None = None) -> Recalibration:
    """The recalibration that `Recalibration.to_json` described.

    Args:
        data: as it was stored.
        origin: where its recalibrator came from, as a model folder keeps it; None takes whichever has its name.

    Raises:
        DataError: the kind or version is unknown, or a number is missing, not finite or out of bounds.
        ModelFolderError: the recalibrator is of a package that is not here.
    """
    if not isinstance(data, Mapping) or data.get("version") != VERSION:
        seen = data.get("version") if isinstance(data, Mapping) else type(data).__name__
        raise DataError(
            f"The stored recalibration has version {seen!r}. Allowed: {VERSION}. "
            "Use the version of bdrp that fitted the model, or fit the model's calibration again."
        )
    name = data.get("kind") if origin else known(data.get("kind"))
    base, grouping = _base_and_grouping(str(name))
    stored_by = recalibrator(base) if origin is None else load_recorded(RECALIBRATORS, base, origin)
    overall = stored_by.from_json(data)
    return overall if grouping is None else by.from_json(cast(by.Groupable, overall), grouping, data)


def origin(recalibration: Recalibration) -> dict[str, dict[str, str]]:
    """What records say of where a recalibration comes from, as `recalibrator_from`: package and version.

    Nothing is said of bdrp's own.
    """
    found = RECALIBRATORS.named(_base_and_grouping(recalibration.kind)[0])
    record = found[0].origin.record() if found else {}
    return {"recalibrator_from": record} if record else {}


def automatic() -> list[str]:
    """Those that `choose` chooses from, the simplest first; others are fitted only when they are named.

    All are bdrp's own, so that installing a package changes no result.
    """
    found = [name for name in RECALIBRATORS.own() if recalibrator(name).AUTOMATIC]
    return sorted(found, key=lambda name: recalibrator(name).PARAMETERS)


def grouping_of(name: str) -> str | None:
    """What the recalibrator of that name groups by, one of `groupings()`; None if it treats all pairs alike."""
    return _base_and_grouping(name)[1]


def known(name: object) -> str:
    """`name` itself, or a DataError that lists the recalibrators there are."""
    base, grouping = _base_and_grouping(str(name))
    there = isinstance(name, str) and base in names()
    if there and (grouping is None or isinstance(recalibrator(base), by.FitsGroups)):
        return str(name)
    grouped = [one for one in RECALIBRATORS.own() if isinstance(recalibrator(one), by.FitsGroups)]
    raise DataError(
        f"There is no recalibrator called {name!r}.{did_you_mean(name, names())} Allowed: {', '.join(names())}; and "
        f"{', '.join(grouped)} also with {', '.join(f'_by_{one}' for one in groupings())} behind the "
        "name. Choose one of these, or fit again."
    )


def recalibrator(name: str) -> Recalibrator:
    """The module of one recalibrator."""
    return cast(Recalibrator, RECALIBRATORS.load(name))


def _base_and_grouping(name: str) -> tuple[str, str | None]:
    """`isotonic_by_drug` as ("isotonic", "drug"); a name that is no recalibrator's by group as it is."""
    base, _, grouping = name.rpartition("_by_")
    return (base, grouping) if base and grouping in groupings() and name not in names() else (name, None)
