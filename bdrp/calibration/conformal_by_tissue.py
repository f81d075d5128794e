"""Mondrian conformal prediction: intervals that hold within each tissue.

The guarantee is for a new pair of a tissue whose pairs are exchangeable with it (Vovk 2012,
proceedings.mlr.press/v25/vovk12). Tissues with fewer than 39 pairs share one curve. A tissue that was not in
the calibration part takes the curve of all pairs, without a promise of its own: for unseen lines or drugs there is
`conformal_by_unit`.

Tissues are handed over at the fit, as a mapping of cell lines; it is kept, so that a line of the screen that was
not in the calibration part is known later. A line that is not in the mapping is treated as one of no known tissue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy.typing as npt

from bdrp.calibration._conformal import mondrian
from bdrp.calibration._grouping import by_tissue
from bdrp.calibration._mapped import MappedByGroup
from bdrp.calibration._recalibration import checked
from bdrp.predictive import PredictiveDistribution

DESCRIPTION = "map levels so that intervals hold within each tissue, in finite samples, for pairs like these"
PARAMETERS = 70  # chosen: more than the recalibrators without groups
AUTOMATIC = False  # see docs/decisions/0005


@final
@dataclass(frozen=True)
class ConformalByTissue(MappedByGroup):
    """Mondrian conformal prediction: intervals that hold within each tissue."""

    kind: ClassVar[str] = "conformal_by_tissue"


def fit(
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    tissues: Mapping[str, str] | None = None,
) -> ConformalByTissue:
    """Fit to the calibration part; arguments and errors as for variance scaling.

    Args:
        pred: the method's prediction for the N pairs of the calibration part.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair, counted.
        tissues: cell_line_id -> tissue, for all lines of the screen.
    """
    own, values, count = checked(pred, response, groups)
    factor, overall, kept, curves = mondrian(own, values, by_tissue(own, tissues))
    return ConformalByTissue(own.measure, len(values), count, factor, overall, kept, curves)


def from_json(data: Mapping[str, Any]) -> ConformalByTissue:
    """What `to_json` described."""
    return ConformalByTissue.from_json(data)
