"""Variance scaling with a factor for each tissue.

A tissue with few pairs hardly moves from the factor of all pairs; one that was not in the calibration part takes it.

Tissues are handed over at the fit, as a mapping of cell lines; it is kept, so that a line of the screen that was
not in the calibration part is known later. A line that is not in the mapping is treated as one of no known tissue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy.typing as npt

from bdrp.calibration._grouping import by_tissue
from bdrp.calibration._recalibration import checked
from bdrp.calibration._scaling_by_group import ScalingByGroup, fitted_factors
from bdrp.predictive import PredictiveDistribution

DESCRIPTION = "multiply every SD by one factor a tissue, drawn towards that of all"
PARAMETERS = 20  # chosen: more than the recalibrators without groups
AUTOMATIC = False  # see docs/decisions/0005


@final
@dataclass(frozen=True)
class ScalingByTissue(ScalingByGroup):
    """Variance scaling with a factor for each tissue."""

    kind: ClassVar[str] = "variance_scaling_by_tissue"


def fit(
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    tissues: Mapping[str, str] | None = None,
) -> ScalingByTissue:
    """Fit to the calibration part; arguments and errors as for variance scaling.

    Args:
        pred: the method's prediction for the N pairs of the calibration part.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair, counted.
        tissues: cell_line_id -> tissue, for all lines of the screen.
    """
    own, values, count = checked(pred, response, groups)
    factor, kept, factors = fitted_factors(own, values, by_tissue(own, tissues))
    return ScalingByTissue(own.measure, len(values), count, factor, kept, factors)


def from_json(data: Mapping[str, Any]) -> ScalingByTissue:
    """What `to_json` described."""
    return ScalingByTissue.from_json(data)
