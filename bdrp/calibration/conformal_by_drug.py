"""Mondrian conformal prediction: intervals that hold within each drug.

The guarantee is for a new pair of a drug whose pairs are exchangeable with it (Vovk 2012,
proceedings.mlr.press/v25/vovk12). Drugs with fewer than 39 pairs share one curve. A drug that was not in
the calibration part takes the curve of all pairs, without a promise of its own: for unseen lines or drugs there is
`conformal_by_unit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy.typing as npt

from bdrp.calibration._conformal import mondrian
from bdrp.calibration._grouping import by_drug
from bdrp.calibration._mapped import MappedByGroup
from bdrp.calibration._recalibration import checked
from bdrp.predictive import PredictiveDistribution

DESCRIPTION = "map levels so that intervals hold within each drug, in finite samples, for pairs like these"
PARAMETERS = 70  # chosen: more than the recalibrators without groups
AUTOMATIC = False  # see docs/decisions/0005


@final
@dataclass(frozen=True)
class ConformalByDrug(MappedByGroup):
    """Mondrian conformal prediction: intervals that hold within each drug."""

    kind: ClassVar[str] = "conformal_by_drug"


def fit(
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    tissues: Mapping[str, str] | None = None,
) -> ConformalByDrug:
    """Fit to the calibration part; arguments and errors as for variance scaling.

    Args:
        pred: the method's prediction for the N pairs of the calibration part.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair, counted.
        tissues: not needed.
    """
    own, values, count = checked(pred, response, groups)
    factor, overall, kept, curves = mondrian(own, values, by_drug(own))
    return ConformalByDrug(own.measure, len(values), count, factor, overall, kept, curves)


def from_json(data: Mapping[str, Any]) -> ConformalByDrug:
    """What `to_json` described."""
    return ConformalByDrug.from_json(data)
