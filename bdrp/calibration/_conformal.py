"""Curves whose knots are conformal: at their levels the intervals hold in finite samples, whatever the model.

The score of a response is its normal score z = Phi^-1(F(y)) under the prediction. Each knot bounds one tail: the lower
bound at p lies below a new score with probability at least 1 - p, the upper bound above it, so that the central
interval between two of them holds with at least its level. They are the quantiles of the scores with the new pair's own
mass put at infinity (Vovk, Gammerman and Shafer 2005, doi:10.1007/b106715; Vovk et al. 2019,
doi:10.1007/s10994-018-5755-8). Between knots, levels are interpolated.

A factor on all SDs comes first. For a normal it cancels at the knots; for a Student-t the guarantee holds as for a
factor that was known before, which one number fitted to the whole part hardly violates.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from bdrp.calibration._mapped import Curve, MappedLevels
from bdrp.calibration._recalibration import Floats
from bdrp.calibration.by import Grouping
from bdrp.errors import BdrpWarning

LOWER = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25)  # chosen: central intervals of 99 % down to 50 %
WIDEST_LEVEL = 0.95  # chosen: the widest interval that a report scores
LEAST_PAIRS = 39  # a tail of 2.5 % needs 1 / (n + 1) <= 0.025
_GAP = 1e-4  # chosen: the least distance of two knots, in normal scores; ties are spread outwards, to the safe side
_FAR = 7.0  # chosen: beyond, a level as a double no longer tells scores apart


def pooled_bounds(scores: Floats) -> Floats:
    """Lower and upper bounds at each of LOWER, (2, Q), computed by crepes; +-inf where none holds.

    Args:
        scores: normal scores of the calibration part, (N,), exchangeable with a new pair's.
    """
    from crepes import ConformalPredictiveSystem

    percent = 100 * np.array(LOWER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are too few is said once, by `warn_if_short`
        bounds = (
            ConformalPredictiveSystem()
            .fit(scores)
            .predict_percentiles(
                np.zeros(1), lower_percentiles=percent.tolist(), higher_percentiles=(100 - percent).tolist()
            )
        )
    return np.asarray(bounds, dtype=np.float64).reshape(2, len(LOWER))


def clustered_bounds(scores: Floats, clusters: npt.NDArray[np.intp]) -> Floats:
    """Lower and upper bounds at each of LOWER for a pair of a cluster never seen, (2, Q); +-inf where none holds.

    Each of K clusters has the mass 1 / (K + 1), shared evenly among its pairs, and the new cluster's own lies at
    infinity (hierarchical conformal prediction: Lee, Barber and Willett 2023, arXiv:2306.06342; the pooled distribution
    of Dunn, Wasserman and Ramdas 2023, doi:10.1080/01621459.2022.2060112). Clusters must be exchangeable, not pairs.
    """
    sizes = np.bincount(clusters)
    mass = 1 / ((np.count_nonzero(sizes) + 1) * sizes[clusters])
    return np.array([-_upper(-scores, mass), _upper(scores, mass)])


def _upper(scores: Floats, mass: Floats) -> Floats:
    """The smallest score that has at least 1 - p of the mass at or below it, for each p of LOWER."""
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(mass[order]) + 1e-12  # rounding must not push a bound that is just reached to the next score
    at = np.searchsorted(reached, 1 - np.array(LOWER))
    return np.append(scores[order], np.inf)[at]


@dataclass(frozen=True, repr=False)
class GuaranteedCurve(MappedLevels):
    """A curve whose intervals hold in finite samples."""

    guarantee_is_for_one_fit: ClassVar[bool] = True

    def parameters(self) -> dict[str, Any]:
        """The factor on the SD, the knots of the curve, and the groups that a file always names: none."""
        return {"factor": self.factor, **self.curve.to_json(), "grouping": Grouping().to_json(), "curves": []}


def fit_pooled_curve(scores: Floats) -> Curve:
    """The curve of pairs together; a warning if they are too few."""
    bounds = pooled_bounds(scores)
    warn_if_short(bounds, f"{len(scores)} pairs")
    return curve_through(bounds, float(np.median(scores)))


def curve_through(bounds: Floats, median: float) -> Curve:
    """The curve through the median and those of the bounds (2, Q) that are finite.

    Beyond the outermost bound nothing is guaranteed and the family's own tail goes on; without any, it is straight.
    """
    low, high = _outwards(median - bounds[0], median), _outwards(bounds[1] - median, median)
    if not low.size or not high.size:
        return Curve((0.25, 0.75), (0.25, 0.75))
    inner_first = np.array(LOWER[::-1])
    z = np.concatenate([median - low[::-1], [median], median + high])
    remapped = np.concatenate([inner_first[: len(low)][::-1], [0.5], 1 - inner_first[: len(high)]])
    return Curve(tuple(ndtr(z).tolist()), tuple(remapped.tolist()))


def guaranteed_level(bounds: Floats) -> float:
    """The widest central interval that these bounds (2, Q) guarantee; 0 if none."""
    finite = np.isfinite(bounds[0]) & np.isfinite(bounds[1])
    return 1 - 2 * float(np.array(LOWER)[finite].min()) if finite.any() else 0.0


def warn_if_short(bounds: Floats, what: str) -> None:
    """Say so if the bounds guarantee less than the widest interval that a report scores."""
    level = guaranteed_level(bounds)
    if level < WIDEST_LEVEL - 1e-9:
        warnings.warn(
            f"The calibration part is too small to guarantee {WIDEST_LEVEL:.0%} intervals: {what} can guarantee "
            f"{f'up to {level:.0%}' if level else 'none'}. Wider intervals follow the model's own tails, without a "
            f"guarantee. Enough: {LEAST_PAIRS}. Give the calibration part a larger share of the split.",
            BdrpWarning,
            stacklevel=4,
        )


def _outwards(distances: Floats, median: float) -> Floats:
    """Usable distances from the median, the innermost first, strictly increasing."""
    inner_first, steps = distances[::-1], _GAP * np.arange(len(distances))
    apart = np.maximum.accumulate(np.maximum(inner_first, _GAP) - steps) + steps
    return np.asarray(apart[apart <= _FAR - abs(median)])
