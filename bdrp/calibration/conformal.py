"""Split conformal prediction: intervals that hold for new pairs of the same kind, in finite samples.

The unit of exchange is the pair. That is right where pairs were held out; where whole lines or drugs were, pairs of one
cluster err together, there is less evidence than it seems, and `conformal_by_unit` is the honest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy.typing as npt

from bdrp.calibration import variance_scaling
from bdrp.calibration._conformal import LEAST_PAIRS, GuaranteedCurve, fit_pooled_curve
from bdrp.calibration._recalibration import Floats, check_inputs
from bdrp.calibration.by import Grouping
from bdrp.predictive import PredictiveDistribution, Scalable

DESCRIPTION = "map levels so that intervals hold in finite samples, for pairs like these"
PARAMETERS = 60  # chosen: more than isotonic, whose curve the data decide less freely
AUTOMATIC = False  # see docs/decisions/0005


@final
@dataclass(frozen=True, repr=False)
class Conformal(GuaranteedCurve):
    """Intervals that hold for new pairs of the same kind."""

    kind: ClassVar[str] = "conformal"


def fit(pred: PredictiveDistribution, response: npt.ArrayLike, *, groups: Sequence[str] | None = None) -> Conformal:
    """Fit to the calibration part; arguments and errors as for variance scaling.

    Warns:
        BdrpWarning: there are too few pairs to guarantee 95 % intervals.
    """
    own, values, count = check_inputs(pred, response, groups)
    factor = variance_scaling.fit_factor(own, values)
    curve = fit_pooled_curve(own.scale(factor).probit(values))
    return Conformal(own.measure, len(values), count, factor, curve)


def fit_groups(
    overall: Conformal, pred: Scalable, response: Floats, grouping: Grouping
) -> tuple[Grouping, tuple[Conformal, ...]]:
    """Mondrian conformal prediction: a curve for each group, so that intervals hold within it.

    The guarantee is for a new pair of a group whose pairs are exchangeable with it (Vovk 2012,
    proceedings.mlr.press/v25/vovk12). Groups with fewer than `LEAST_PAIRS` pairs share one curve. A pair of a group
    that was not calibrated takes the curve of all pairs, without a guarantee of its own: for unseen lines or drugs
    there is `conformal_by_unit`.
    """
    kept = grouping.merge_small(pred.keys, LEAST_PAIRS, rest="all others")
    scores, positions = pred.scale(overall.factor).probit(response), kept.positions(pred.keys)
    curves = [fit_pooled_curve(scores[positions == group]) for group in range(len(kept.labels))]
    return kept, tuple(replace(overall, curve=curve) for curve in curves)


from_json = Conformal.from_json
