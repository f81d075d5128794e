"""Split conformal prediction: intervals that hold for new pairs of the same kind, in finite samples.

The unit of exchange is the pair. That is right where pairs were held out; where whole lines or drugs were, pairs of one
unit err together, there is less evidence than it seems, and `conformal_by_unit` is the honest one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy.typing as npt

from bdrp.calibration import variance_scaling
from bdrp.calibration._conformal import pooled
from bdrp.calibration._grouping import Grouping
from bdrp.calibration._mapped import MappedByGroup
from bdrp.calibration._recalibration import checked
from bdrp.predictive import PredictiveDistribution

DESCRIPTION = "map levels so that intervals hold in finite samples, for pairs like these"
PARAMETERS = 60  # chosen: more than isotonic, whose curve the data decide less freely
AUTOMATIC = False  # see docs/decisions/0005


@final
@dataclass(frozen=True)
class Conformal(MappedByGroup):
    """Intervals that hold for new pairs of the same kind."""

    kind: ClassVar[str] = "conformal"


def fit(
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    tissues: Mapping[str, str] | None = None,
) -> Conformal:
    """Fit to the calibration part; arguments and errors as for variance scaling.

    Warns:
        BdrpWarning: there are too few pairs to promise 95 % intervals.
    """
    own, values, count = checked(pred, response, groups)
    factor = variance_scaling.factor(own, values)
    curve = pooled(own.scaled(factor).probit(values))
    return Conformal(own.measure, len(values), count, factor, curve, Grouping(), ())


def from_json(data: Mapping[str, Any]) -> Conformal:
    """What `to_json` described."""
    return Conformal.from_json(data)
