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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from bdrp.calibration import variance_scaling
from bdrp.calibration._mapped import Curve
from bdrp.calibration._recalibration import Floats, Recalibration, checked, fitted_to, number, require_scalable
from bdrp.predictive import PredictiveDistribution, Remapped

LEVELS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)
DESCRIPTION = "multiply every SD by one factor, then map probability levels by a monotone curve"
PARAMETERS = 1 + len(LEVELS)
AUTOMATIC = True
OUTSIDE = 10  # chosen: a level is used only if about this many pairs are expected beyond it
_GRID = np.linspace(-6, 6, 2401)  # chosen: in normal scores; after scaling nearly all responses lie within
PRIOR_PAIRS = 10  # chosen: the identity counts as much as this many pairs, so that g increases strictly


@final
@dataclass(frozen=True)
class Isotonic(Recalibration):
    """F -> g(F scaled); place, width and skewness may change, aleatoric and epistemic keep their proportion."""

    kind: ClassVar[str] = "isotonic"

    factor: float
    levels: tuple[float, ...]
    remapped: tuple[float, ...]

    def apply(self, pred: PredictiveDistribution) -> Remapped:
        """The prediction scaled, then remapped."""
        return Remapped(require_scalable(pred).scaled(self.factor), self.levels, self.remapped)

    def parameters(self) -> dict[str, Any]:
        """The factor on the SD, and the knots of the curve."""
        return {"factor": self.factor, "levels": list(self.levels), "remapped": list(self.remapped)}


def fit(
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    tissues: Mapping[str, str] | None = None,
) -> Isotonic:
    """Fit factor and curve to the calibration part; arguments and errors as for variance scaling."""
    own, values, count = checked(pred, response, groups)
    factor = variance_scaling.factor(own, values)
    remapped = usable_levels(len(values))
    reached = reached_at(own.scaled(factor).probit(values), remapped)
    z = (len(values) * reached + PRIOR_PAIRS * ndtri(remapped)) / (len(values) + PRIOR_PAIRS)
    return Isotonic(own.measure, len(values), count, factor, tuple(ndtr(z).tolist()), tuple(remapped.tolist()))


def usable_levels(pairs: int) -> Floats:
    """Those of LEVELS that enough pairs lie beyond; quartiles if there are very few pairs."""
    levels = np.array(LEVELS)
    inside = levels[np.minimum(levels, 1 - levels) * pairs >= OUTSIDE * (1 - 1e-9)]
    return inside if inside.size >= 3 else np.array([0.25, 0.5, 0.75])


def reached_at(scores: Floats, levels: Floats) -> Floats:
    """The normal score at which the isotonic fit of the share of responses reaches each level, (Q,)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from netcal.regression import IsotonicRegression as Fitter

        fitter = Fitter().fit((np.zeros_like(scores), np.ones_like(scores)), scores)
        _, _, cdf = fitter.transform((np.zeros(1), np.ones(1)), t=_GRID)
    return np.asarray(np.interp(levels, cdf.reshape(-1), _GRID))


def from_json(data: Mapping[str, Any]) -> Isotonic:
    """What `to_json` described."""
    factor, curve = number(data, "factor", variance_scaling.SMALLEST, variance_scaling.LARGEST), Curve.from_json(data)
    return Isotonic(**fitted_to(data), factor=factor, levels=curve.levels, remapped=curve.remapped)
