"""Isotonic recalibration with a curve for each tissue.

A tissue with few pairs takes the curve of all pairs, and so does one that was not in the calibration part.

Tissues are handed over at the fit, as a mapping of cell lines; it is kept, so that a line of the screen that was
not in the calibration part is known later. A line that is not in the mapping is treated as one of no known tissue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy.typing as npt

from bdrp.calibration._grouping import by_tissue
from bdrp.calibration._isotonic_by_group import fitted_curves
from bdrp.calibration._mapped import MappedByGroup
from bdrp.calibration._recalibration import checked
from bdrp.predictive import PredictiveDistribution

DESCRIPTION = "map probability levels by one curve a tissue, drawn towards that of all"
PARAMETERS = 40  # chosen: more than the recalibrators without groups
AUTOMATIC = False  # see docs/decisions/0005


@final
@dataclass(frozen=True)
class IsotonicByTissue(MappedByGroup):
    """Isotonic recalibration with a curve for each tissue."""

    kind: ClassVar[str] = "isotonic_by_tissue"


def fit(
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    tissues: Mapping[str, str] | None = None,
) -> IsotonicByTissue:
    """Fit to the calibration part; arguments and errors as for variance scaling.

    Args:
        pred: the method's prediction for the N pairs of the calibration part.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair, counted.
        tissues: cell_line_id -> tissue, for all lines of the screen.
    """
    own, values, count = checked(pred, response, groups)
    factor, overall, kept, curves = fitted_curves(own, values, by_tissue(own, tissues))
    return IsotonicByTissue(own.measure, len(values), count, factor, overall, kept, curves)


def from_json(data: Mapping[str, Any]) -> IsotonicByTissue:
    """What `to_json` described."""
    return IsotonicByTissue.from_json(data)
