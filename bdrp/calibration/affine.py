"""Affine recalibration: an offset and a slope of the mean, and one factor on every standard deviation.

For responses of another laboratory, whose level and scale may differ: mean -> offset + slope * mean, SD -> factor * SD.
The three have the highest likelihood under the prediction's own family, the slope with a prior, slope ~ Normal(1,
`SLOPE_SD`^2), not below 0: of twenty pairs an outlier alone would tilt it. For a normal and many pairs that is least
squares weighted by the predicted precisions, and the root mean square of the standardised residuals. The slope stays 1
where fewer than `FEWEST` pairs or equal means would decide it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from bdrp.calibration._recalibration import Floats, Recalibration, checked, fitted_to, number, require_scalable
from bdrp.calibration.variance_scaling import LARGEST, SMALLEST, factor
from bdrp.predictive import PredictiveDistribution, Scalable

DESCRIPTION = "shift and stretch the mean, and multiply every SD by one factor"
PARAMETERS = 3
AUTOMATIC = False  # on rows of the model's own laboratory the mean needs no correction
FEWEST: Final = 10  # chosen: of fewer pairs a slope says nothing
SLOPE_SD: Final = 0.2  # chosen: scales of GDSC1, CCLE and CTRPv2 differ from GDSC2's by a tenth to a third
LARGEST_OFFSET: Final = 1e6  # no measure has responses of such a size


@final
@dataclass(frozen=True)
class Affine(Recalibration):
    """Mean -> offset + slope * mean, SD -> factor * SD; joint deviations are stretched with the SD."""

    kind: ClassVar[str] = "affine"

    offset: float
    slope: float
    factor: float

    def apply(self, pred: PredictiveDistribution) -> Scalable:
        """The prediction shifted and stretched."""
        return _moved(require_scalable(pred), self.offset, self.slope).scaled(self.factor)

    def parameters(self) -> dict[str, Any]:
        """Offset in the measure's unit, slope, and the factor on the SD."""
        return {"offset": self.offset, "slope": self.slope, "factor": self.factor}


def fit(
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    tissues: Mapping[str, str] | None = None,
) -> Affine:
    """Fit offset, slope and factor to labelled pairs.

    Args:
        pred: the method's prediction for the N labelled pairs.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair; counted, to tell how much independent evidence there was.
        tissues: not needed.

    Raises:
        DataError: the responses do not line up with the prediction.
        FitError: the factor is out of all bounds.
    """
    own, values, count = checked(pred, response, groups)
    offset, slope = _line(own, values)
    scale = factor(_moved(own, offset, slope), values)
    return Affine(own.measure, len(values), count, offset, slope, scale)


def _line(pred: Scalable, response: Floats) -> tuple[float, float]:
    """Offset and slope of highest likelihood, together with a factor that is estimated anew later."""
    centre, spread = float(pred.mean.mean()), float(np.ptp(pred.mean))
    free = len(response) >= FEWEST and spread > 0
    start = _least_squares(pred, response, centre) if free else (float(np.mean(response - pred.mean)), 1.0)

    def loss(given: Floats) -> float:
        slope = given[1] if free else 1.0
        moved = _moved(pred, centre + given[0] - slope * centre, slope).scaled(np.exp(given[2]))
        prior = 0.5 * ((slope - 1) / SLOPE_SD) ** 2
        return (prior - float(np.sum(moved.log_prob(response)))) / len(response)

    bounds = [(None, None), (0.0, None), (np.log(SMALLEST), np.log(LARGEST))]
    begin = np.array([*start, np.log(_root_mean_square(pred, response, centre, *start))])
    found = minimize(loss, begin, method="L-BFGS-B", bounds=bounds).x
    slope = float(found[1]) if free else 1.0
    return centre + float(found[0]) - slope * centre, slope


def _least_squares(pred: Scalable, response: Floats, centre: float) -> tuple[float, float]:
    """What weighted least squares finds, as (shift at the centre, slope)."""
    weight = 1 / pred.std
    design = np.stack([np.ones(len(response)), pred.mean - centre], axis=1)
    found = np.linalg.lstsq(weight[:, None] * design, weight * (response - centre), rcond=None)[0]
    return float(found[0]), max(float(found[1]), 0.0)


def _root_mean_square(pred: Scalable, response: Floats, centre: float, shift: float, slope: float) -> float:
    left = (response - _moved(pred, centre + shift - slope * centre, slope).mean) / pred.std
    return float(np.clip(np.sqrt(np.mean(np.square(left))), 2 * SMALLEST, LARGEST / 2))


def _moved(pred: Scalable, offset: float, slope: float) -> Scalable:
    return pred.moved(offset + slope * pred.mean, pred.aleatoric_std, pred.epistemic_std)


def from_json(data: Mapping[str, Any]) -> Affine:
    """What `to_json` described."""
    return Affine(
        **fitted_to(data),
        offset=number(data, "offset", -LARGEST_OFFSET, LARGEST_OFFSET),
        slope=number(data, "slope", 0.0, LARGEST_OFFSET),
        factor=number(data, "factor", SMALLEST, LARGEST),
    )
