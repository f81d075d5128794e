"""Conformal prediction for unseen cell lines or drugs: the unit of exchange is the line or the drug, not the pair.

With K lines in the calibration part, 90 % intervals are guaranteed for a line never seen if K is at least 19, however
many pairs each has (hierarchical conformal prediction: Lee, Barber and Willett 2023, arXiv:2306.06342; Dunn, Wasserman
and Ramdas 2023, doi:10.1080/01621459.2022.2060112). The guarantee is on average over lines: it is kept for a random
pair of a random new line, not for each line by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from bdrp.calibration import variance_scaling
from bdrp.calibration._conformal import GuaranteedCurve, clustered_bounds, curve_through, warn_if_short
from bdrp.calibration._recalibration import check_inputs
from bdrp.predictive import PredictiveDistribution

DESCRIPTION = "map levels so that intervals hold for unseen lines or drugs, in finite samples"
PARAMETERS = 61  # chosen: as conformal, and it counts clusters
AUTOMATIC = False  # see docs/decisions/0005


@final
@dataclass(frozen=True, repr=False)
class ConformalByUnit(GuaranteedCurve):
    """Intervals that hold for new lines or drugs."""

    kind: ClassVar[str] = "conformal_by_unit"


def fit(
    pred: PredictiveDistribution, response: npt.ArrayLike, *, groups: Sequence[str] | None = None
) -> ConformalByUnit:
    """Fit to the calibration part; errors as for variance scaling.

    Args:
        pred: the method's prediction for the N pairs of the calibration part.
        response: what was measured, (N,).
        groups: the unit of each pair, its cell line or its drug; each pair is a unit of its own if None.

    Warns:
        BdrpWarning: there are too few clusters to guarantee 95 % intervals.
    """
    own, values, count = check_inputs(pred, response, groups)
    factor = variance_scaling.fit_factor(own, values)
    scores = own.scale(factor).probit(values)
    clusters = np.arange(len(values)) if groups is None else np.unique(np.asarray(groups, str), return_inverse=True)[1]
    bounds = clustered_bounds(scores, clusters)
    warn_if_short(bounds, f"{count} clusters")
    through = curve_through(bounds, float(np.median(scores)))
    return ConformalByUnit(own.measure, len(values), count, factor, through)


from_json = ConformalByUnit.from_json
