"""Isotonic recalibration with a curve for each drug.

A drug with few pairs takes the curve of all pairs, and so does one that was not in the calibration part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy.typing as npt

from bdrp.calibration._grouping import by_drug
from bdrp.calibration._isotonic_by_group import fitted_curves
from bdrp.calibration._mapped import MappedByGroup
from bdrp.calibration._recalibration import checked
from bdrp.predictive import PredictiveDistribution

DESCRIPTION = "map probability levels by one curve a drug, drawn towards that of all"
PARAMETERS = 40  # chosen: more than the recalibrators without groups
AUTOMATIC = False  # see docs/decisions/0005


@final
@dataclass(frozen=True)
class IsotonicByDrug(MappedByGroup):
    """Isotonic recalibration with a curve for each drug."""

    kind: ClassVar[str] = "isotonic_by_drug"


def fit(
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    tissues: Mapping[str, str] | None = None,
) -> IsotonicByDrug:
    """Fit to the calibration part; arguments and errors as for variance scaling.

    Args:
        pred: the method's prediction for the N pairs of the calibration part.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair, counted.
        tissues: not needed.
    """
    own, values, count = checked(pred, response, groups)
    factor, overall, kept, curves = fitted_curves(own, values, by_drug(own))
    return IsotonicByDrug(own.measure, len(values), count, factor, overall, kept, curves)


def from_json(data: Mapping[str, Any]) -> IsotonicByDrug:
    """What `to_json` described."""
    return IsotonicByDrug.from_json(data)
