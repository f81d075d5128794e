"""Affine recalibration: an offset and a slope of the mean, and one factor on every standard deviation.

For responses of a target screen, whose level and scale may differ: mean -> offset + slope * mean, SD -> factor * SD.
The three have the highest likelihood under the prediction's own family, the slope with a prior, slope ~ Normal(1,
`SLOPE_SD`^2), not below 0: of twenty pairs an outlier alone would tilt it. For a normal and many pairs that is least
squares weighted by the predicted precisions, and the root mean square of the standardised residuals. The slope stays 1
where fewer than `FEWEST` pairs or equal means would decide it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Self, final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from bdrp.calibration._recalibration import Floats, check_inputs, read_number, read_parameters, require_scalable
from bdrp.calibration.by import Groupable, Grouping
from bdrp.calibration.variance_scaling import LARGEST, LEAST_PAIRS, SMALLEST, fit_factor, fit_group_factors
from bdrp.predictive import PredictiveDistribution, Scalable

DESCRIPTION = "shift and stretch the mean, and multiply every SD by one factor"
PARAMETERS = 3
AUTOMATIC = False  # on rows of the source screen the mean needs no correction
FEWEST: Final = 10  # chosen: of fewer pairs a slope says nothing
PRIOR_PAIRS: Final = 10  # chosen: for a group's level, that of all counts as much as this many of its pairs
SLOPE_SD: Final = 0.2  # chosen: scales of GDSC1, CCLE and CTRPv2 differ from GDSC2's by a tenth to a third
CAPPED_PRIOR_PAIRS: Final = 1  # chosen: responses that are all caps say neither how far up the level lies
FACTOR_SD: Final = 0.5  # nor how wide the noise is; chosen: of the log factor then, to a third or threefold
LARGEST_OFFSET: Final = 1e6  # no measure has responses of such a size


@final
@dataclass(frozen=True)
class Affine(Groupable):
    """Mean -> offset + slope * mean, SD -> factor * SD; joint deviations are stretched with the SD."""

    kind: ClassVar[str] = "affine"
    guarantee_is_for_one_fit: ClassVar[bool] = False
    group_parameters: ClassVar[str] = "affine_maps"

    offset: float
    slope: float
    factor: float

    def apply(self, pred: PredictiveDistribution) -> Scalable:
        """The prediction shifted and stretched."""
        return _moved(require_scalable(pred), self.offset, self.slope).scale(self.factor)

    def apply_by_group(self, pred: PredictiveDistribution, grouping: Grouping, each: Sequence[Self]) -> Scalable:
        """The prediction shifted and stretched by its group's own numbers."""
        numbers = {name: [getattr(one, name) for one in each] for name in ("offset", "slope", "factor")}
        offset, slope, scale = (
            grouping.value_per_pair(pred.keys, of_groups, getattr(self, name)) for name, of_groups in numbers.items()
        )
        return _moved(require_scalable(pred), offset, slope).scale(scale)

    def parameters(self) -> dict[str, Any]:
        """Offset in the measure's unit, slope, and the factor on the SD."""
        return {"offset": self.offset, "slope": self.slope, "factor": self.factor}

    def group_parameter(self) -> dict[str, Any]:
        """Offset, slope and factor."""
        return self.parameters()

    def with_group_parameter(self, stored: Any) -> Self:
        """The same with another offset, slope and factor."""
        return replace(self, **_numbers(stored if isinstance(stored, Mapping) else {}))


def fit(
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    side: Floats | None = None,
) -> Affine:
    """Fit offset, slope and factor to labelled pairs.

    Args:
        pred: the method's prediction for the N labelled pairs.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair; counted, to tell how much independent evidence there was.
        side: (N,) 1 where a response is a cap that the true one lies above, -1 where below, 0 where it was measured;
            of a capped one the probability of lying there counts (Tobin 1958). With capped ones the level as predicted
            counts as one pair more, and log factor ~ Normal(0, `FACTOR_SD`^2).

    Raises:
        DataError: the responses do not line up with the prediction.
        FitError: the factor is out of all bounds.
    """
    own, values, count = check_inputs(pred, response, groups)
    sides = np.zeros(len(values)) if side is None else side
    offset, slope, scale = _line(own, values, sides)
    if not sides.any():
        scale = fit_factor(_moved(own, offset, slope), values)
    return Affine(own.measure, len(values), count, offset, slope, scale)


def fit_groups(
    overall: Affine, pred: Scalable, response: Floats, grouping: Grouping
) -> tuple[Grouping, tuple[Affine, ...]]:
    """A line for each group that has enough pairs, drawn towards that of all; factors as in variance scaling."""
    kept, of_all = grouping.merge_small(pred.keys, LEAST_PAIRS), overall.apply(pred)
    positions = kept.positions(pred.keys)
    each = []
    for group in range(len(kept.labels)):
        mine = positions == group
        offset, slope, _ = _line(of_all[mine], response[mine], np.zeros(int(mine.sum())), PRIOR_PAIRS)
        each.append(replace(overall, offset=offset + slope * overall.offset, slope=slope * overall.slope))
    along = overall.apply_by_group(pred, kept, each)
    factors = fit_group_factors(fit_factor(along, response), along, response, positions)
    return kept, tuple(replace(one, factor=one.factor * own) for one, own in zip(each, factors, strict=True))


def _line(pred: Scalable, response: Floats, side: Floats, prior_pairs: float = 0.0) -> tuple[float, float, float]:
    """Offset, slope and factor of highest likelihood together; the factor may be found better once the two are known.

    The level as predicted counts as much as `prior_pairs` pairs.
    """
    centre, width, capped = float(pred.mean.mean()), float(np.ptp(pred.mean)), bool(side.any())
    per_shift = (prior_pairs + CAPPED_PRIOR_PAIRS * capped) / float(np.mean(pred.variance))
    free = len(response) >= FEWEST and width > 0
    start = _least_squares(pred, response, centre) if free else (float(np.mean(response - pred.mean)), 1.0)

    def loss(given: Floats) -> float:
        slope = given[1] if free else 1.0
        moved = _moved(pred, centre + given[0] - slope * centre, slope).scale(np.exp(given[2]))
        prior = 0.5 * ((slope - 1) / SLOPE_SD) ** 2 + 0.5 * per_shift * given[0] ** 2
        prior += 0.5 * capped * (given[2] / FACTOR_SD) ** 2
        return (prior - float(np.sum(_log_likelihood(moved, response, side)))) / len(response)

    bounds = [(None, None), (0.0, None), (np.log(SMALLEST), np.log(LARGEST))]
    begin = np.array([*start, np.log(_root_mean_square(pred, response, centre, *start))])
    found = minimize(loss, begin, method="L-BFGS-B", bounds=bounds).x
    slope = float(found[1]) if free else 1.0
    return centre + float(found[0]) - slope * centre, slope, float(np.exp(found[2]))


def _log_likelihood(pred: Scalable, response: Floats, side: Floats) -> Floats:
    """(N,) log densities of measured responses, and log probabilities of lying beyond their caps of the others."""
    density = pred.log_prob(response)
    if not side.any():
        return density
    tail = np.where(side > 0, pred.survival(response), pred.cdf(response))
    return np.where(side == 0, density, np.log(np.maximum(tail, np.finfo(np.float64).tiny)))


def _least_squares(pred: Scalable, response: Floats, centre: float) -> tuple[float, float]:
    """What weighted least squares finds, as (shift at the centre, slope)."""
    weight = 1 / pred.std
    design = np.stack([np.ones(len(response)), pred.mean - centre], axis=1)
    found = np.linalg.lstsq(weight[:, None] * design, weight * (response - centre), rcond=None)[0]
    return float(found[0]), max(float(found[1]), 0.0)


def _root_mean_square(pred: Scalable, response: Floats, centre: float, shift: float, slope: float) -> float:
    left = (response - _moved(pred, centre + shift - slope * centre, slope).mean) / pred.std
    return float(np.clip(np.sqrt(np.mean(np.square(left))), 2 * SMALLEST, LARGEST / 2))


def _moved(pred: Scalable, offset: float | Floats, slope: float | Floats) -> Scalable:
    return pred.with_moments(offset + slope * pred.mean, pred.aleatoric_std, pred.epistemic_std)


def from_json(data: Mapping[str, Any]) -> Affine:
    """What `to_json` described."""
    return Affine(**read_parameters(data), **_numbers(data))


def _numbers(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "offset": read_number(data, "offset", -LARGEST_OFFSET, LARGEST_OFFSET),
        "slope": read_number(data, "slope", 0.0, LARGEST_OFFSET),
        "factor": read_number(data, "factor", SMALLEST, LARGEST),
    }
