"""Isotonic recalibration of quantiles, after variance scaling.

Kuleshov, Fenner and Ermon (2018, proceedings.mlr.press/v80/kuleshov18a): if a fraction g(p) of the calibration part
lies below the p-quantile, then F'(y) = g(F(y)) is calibrated. netcal fits g by isotonic regression, to normal scores
z = Phi^-1(F(y)), in which every family looks alike. A step function
has no density and a few pairs decide its tails, so g is read off where it reaches a fixed grid of levels, drawn towards
the identity with the weight of a few pairs, and joined smoothly (`bdrp.predictive.Remapped`). Scaling comes first, so
that beyond the outermost level the tails have the right width.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from bdrp.calibration import variance_scaling
from bdrp.calibration._mapped import Curve, MappedLevels
from bdrp.calibration._recalibration import Floats, check_inputs
from bdrp.calibration.by import Grouping
from bdrp.predictive import LevelMap, PredictiveDistribution, Scalable

LEVELS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)
DESCRIPTION = "multiply every SD by one factor, then map probability levels by a monotone curve"
PARAMETERS = 1 + len(LEVELS)
AUTOMATIC = True
OUTSIDE = 10  # chosen: a level is used only if about this many pairs are expected beyond it
_GRID = np.linspace(-6, 6, 2401)  # chosen: in normal scores; after scaling nearly all responses lie within
PRIOR_PAIRS = 10  # chosen: the identity counts as much as this many pairs, so that g increases strictly
PRIOR_OF_ALL = 100  # chosen: the curve of all counts as much as this many pairs of the group
LEAST_PAIRS = 50  # chosen: enough for a curve of a group, from a level of 20 % to one of 80 %


@final
@dataclass(frozen=True, repr=False)
class Isotonic(MappedLevels):
    """F -> g(F scaled), g drawn towards the identity."""

    kind: ClassVar[str] = "isotonic"
    guarantee_is_for_one_fit: ClassVar[bool] = False

    def parameters(self) -> dict[str, Any]:
        """The factor on the SD, and the knots of the curve."""
        return {"factor": self.factor, **self.curve.to_json()}


def fit(pred: PredictiveDistribution, response: npt.ArrayLike, *, groups: Sequence[str] | None = None) -> Isotonic:
    """Fit factor and curve to the calibration part; arguments and errors as for variance scaling."""
    own, values, count = check_inputs(pred, response, groups)
    factor = variance_scaling.fit_factor(own, values)
    curve = _curve(own.scale(factor).probit(values), lambda z: z, PRIOR_PAIRS)
    return Isotonic(own.measure, len(values), count, factor, curve)


def fit_groups(
    overall: Isotonic, pred: Scalable, response: Floats, grouping: Grouping
) -> tuple[Grouping, tuple[Isotonic, ...]]:
    """A curve for each group that has enough pairs, drawn towards the curve of all."""
    kept = grouping.merge_small(pred.keys, LEAST_PAIRS)
    scores, positions = pred.scale(overall.factor).probit(response), kept.positions(pred.keys)
    of_all = LevelMap(overall.curve.levels, overall.curve.remapped).from_probit
    curves = [_curve(scores[positions == group], of_all, PRIOR_OF_ALL) for group in range(len(kept.labels))]
    return kept, tuple(replace(overall, curve=curve) for curve in curves)


def _curve(scores: Floats, prior: Callable[[Floats], Floats], weight: float) -> Curve:
    """The isotonic curve of the scores, drawn towards where the prior reaches each level, as if by `weight` pairs."""
    remapped = usable_levels(len(scores))
    reached = levels_reached(scores, remapped)
    z = (len(scores) * reached + weight * prior(np.asarray(ndtri(remapped)))) / (len(scores) + weight)
    return Curve(tuple(ndtr(z).tolist()), tuple(remapped.tolist()))


def usable_levels(pairs: int) -> Floats:
    """Those of LEVELS that enough pairs lie beyond; quartiles if there are very few pairs."""
    levels = np.array(LEVELS)
    inside = levels[np.minimum(levels, 1 - levels) * pairs >= OUTSIDE * (1 - 1e-9)]
    return inside if inside.size >= 3 else np.array([0.25, 0.5, 0.75])


def levels_reached(scores: Floats, levels: Floats) -> Floats:
    """The normal score at which the isotonic fit of the share of responses reaches each level, (Q,)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from netcal.regression import IsotonicRegression as Fitter

        fitter = Fitter().fit((np.zeros_like(scores), np.ones_like(scores)), scores)
        _, _, cdf = fitter.transform((np.zeros(1), np.ones(1)), t=_GRID)
    return np.asarray(np.interp(levels, cdf.reshape(-1), _GRID))


from_json = Isotonic.from_json
