"""Variance scaling with a factor for each drug.

A drug with few pairs hardly moves from the factor of all pairs; one that was not in the calibration part takes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy.typing as npt

from bdrp.calibration._grouping import by_drug
from bdrp.calibration._recalibration import checked
from bdrp.calibration._scaling_by_group import ScalingByGroup, fitted_factors
from bdrp.predictive import PredictiveDistribution

DESCRIPTION = "multiply every SD by one factor a drug, drawn towards that of all"
PARAMETERS = 20  # chosen: more than the recalibrators without groups
AUTOMATIC = False  # see docs/decisions/0005


@final
@dataclass(frozen=True)
class ScalingByDrug(ScalingByGroup):
    """Variance scaling with a factor for each drug."""

    kind: ClassVar[str] = "variance_scaling_by_drug"


def fit(
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    tissues: Mapping[str, str] | None = None,
) -> ScalingByDrug:
    """Fit to the calibration part; arguments and errors as for variance scaling.

    Args:
        pred: the method's prediction for the N pairs of the calibration part.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair, counted.
        tissues: not needed.
    """
    own, values, count = checked(pred, response, groups)
    factor, kept, factors = fitted_factors(own, values, by_drug(own))
    return ScalingByDrug(own.measure, len(values), count, factor, kept, factors)


def from_json(data: Mapping[str, Any]) -> ScalingByDrug:
    """What `to_json` described."""
    return ScalingByDrug.from_json(data)
