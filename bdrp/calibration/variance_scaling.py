"""Variance scaling: one factor on every standard deviation.

The factor is the one that maximises the likelihood of the calibration part under the prediction's own family. For a
normal that is the root mean square of the standardised residuals, s^2 = mean_i (y_i - mean_i)^2 / variance_i (Levi et
al. 2022, doi:10.3390/s22155540; Laves et al. 2020, proceedings.mlr.press/v121/laves20a); netcal fits it. For a
Student-t it is not: below four degrees of freedom a squared residual has no variance, so its mean is decided by the few
outliers that the family was chosen to forgive. There the likelihood is maximised by a bounded search.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from bdrp.calibration._recalibration import Floats, check_inputs, read_number, read_parameters, require_scalable
from bdrp.calibration.by import Groupable, Grouping
from bdrp.calibration.by.grouping import Ints
from bdrp.errors import FitError
from bdrp.predictive import Normal, PredictiveDistribution, Scalable

DESCRIPTION = "multiply every SD by one factor"
PARAMETERS = 1
AUTOMATIC = True
SMALLEST, LARGEST = 1e-3, 1e3  # chosen: a model off by a factor of a thousand is broken, not miscalibrated
LEAST_PAIRS = 20  # chosen: with fewer, the SD of a group's residuals is known to no better than 16 %
_ROUNDS = 4  # chosen: a normal needs one, a t settles to 0.1 % in four


@final
@dataclass(frozen=True)
class VarianceScaling(Groupable):
    """SD -> factor * SD, for aleatoric, epistemic and joint draws alike; the mean stays."""

    kind: ClassVar[str] = "variance_scaling"
    guarantee_is_for_one_fit: ClassVar[bool] = False
    group_parameters: ClassVar[str] = "factors"

    factor: float

    def apply(self, pred: PredictiveDistribution) -> Scalable:
        """The prediction with every SD multiplied."""
        return require_scalable(pred).scale(self.factor)

    def apply_by_group(self, pred: PredictiveDistribution, grouping: Grouping, each: Sequence[Self]) -> Scalable:
        """The prediction with every SD multiplied by its group's factor."""
        factors = grouping.value_per_pair(pred.keys, [version.factor for version in each], self.factor)
        return require_scalable(pred).scale(factors)

    def parameters(self) -> dict[str, Any]:
        """The factor on the SD."""
        return {"factor": self.factor}

    def group_parameter(self) -> float:
        """The factor on the SD."""
        return self.factor

    def with_group_parameter(self, stored: Any) -> Self:
        """The same with another factor."""
        return replace(self, factor=read_number({"factor": stored}, "factor", SMALLEST, LARGEST))


def fit(
    pred: PredictiveDistribution, response: npt.ArrayLike, *, groups: Sequence[str] | None = None
) -> VarianceScaling:
    """Fit the factor to the calibration part.

    Args:
        pred: the method's prediction for the N pairs of the calibration part.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair; counted, to tell how much independent evidence there was.

    Raises:
        DataError: the responses do not line up with the prediction.
        FitError: the factor is out of all bounds.
    """
    own, values, count = check_inputs(pred, response, groups)
    return VarianceScaling(own.measure, len(values), count, fit_factor(own, values))


def fit_factor(pred: Scalable, response: Floats) -> float:
    """The maximum-likelihood factor on the SD."""
    found = _of_normal(pred, response) if isinstance(pred, Normal) else _of_any(pred, response)
    if not SMALLEST <= found <= LARGEST:
        raise FitError(
            f"Recalibration found that every SD should be multiplied by {found:.3g} ({len(response)} pairs). "
            f"Allowed: {SMALLEST:g} to {LARGEST:g}. Check the unit of the responses and whether the fit collapsed."
        )
    return found


def fit_groups(
    overall: VarianceScaling, pred: Scalable, response: Floats, grouping: Grouping
) -> tuple[Grouping, tuple[VarianceScaling, ...]]:
    """A factor for each group that has enough pairs, drawn towards the factor of all."""
    kept = grouping.merge_small(pred.keys, LEAST_PAIRS)
    factors = fit_group_factors(overall.factor, pred, response, kept.positions(pred.keys))
    return kept, tuple(replace(overall, factor=one) for one in factors)


def fit_group_factors(overall: float, pred: Scalable, response: Floats, positions: Ints) -> list[float]:
    """The factors of G groups, for pairs of the groups 0 to G - 1, or of none (-1).

    A group's factor is the root mean square of its normal scores, which is the maximum-likelihood factor for a normal.
    Its log is drawn towards the factor of all as far as the groups differ no more than chance would make them: an
    empirical Bayes estimate with the variance between groups found by the method of moments (DerSimonian and Laird
    1986, doi:10.1016/0197-2456(86)90046-2).
    """
    member = positions >= 0
    sizes = np.bincount(positions[member])
    if not sizes.size:
        return []
    log_factors = np.full(len(sizes), np.log(overall))
    for _ in range(_ROUNDS):
        each = np.append(np.exp(log_factors), overall)[positions]  # -1, no group, takes the last
        squares = np.square(pred.scale(each).probit(response))[member]
        means = np.bincount(positions[member], weights=squares) / sizes
        log_factors += np.log(np.maximum(means, 1e-12)) / 2
    shrunk = np.log(overall) + _shrunk(log_factors - np.log(overall), squares, sizes)
    return list(np.clip(np.exp(shrunk), SMALLEST, LARGEST).tolist())


def _shrunk(apart: Floats, squares: Floats, sizes: Ints) -> Floats:
    """Deviations from the overall log factor, each drawn to 0 by what chance explains of it, (G,)."""
    # d log s = d(s^2) / (2 s^2), and the mean of n squares has the variance Var(z^2) / n.
    chance = np.var(squares) / (4 * sizes)
    between = max(0.0, float(np.mean(np.square(apart) - chance)))
    return apart * between / (between + chance)


def _of_normal(pred: Normal, response: Floats) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from netcal.regression import VarianceScaling as Fitter

        fitter = Fitter().fit((pred.mean, pred.std), response)
        return float(fitter.transform((np.zeros(1), np.ones(1))).item())


def _of_any(pred: Scalable, response: Floats) -> float:
    def loss(log_factor: float) -> float:
        return -float(np.mean(pred.scale(np.exp(log_factor)).log_prob(response)))

    # An optimum at a bound means that there is none within: a step outside lets the check of the bounds tell.
    bounds = np.log(SMALLEST) - 1, np.log(LARGEST) + 1
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-7}).x))


def from_json(data: Mapping[str, Any]) -> VarianceScaling:
    """What `to_json` described."""
    return VarianceScaling(**read_parameters(data), factor=read_number(data, "factor", SMALLEST, LARGEST))
