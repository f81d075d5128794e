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
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from bdrp.calibration._recalibration import Floats, Recalibration, checked, fitted_to, number, require_scalable
from bdrp.errors import FitError
from bdrp.predictive import Normal, PredictiveDistribution, Scalable

DESCRIPTION = "multiply every SD by one factor"
PARAMETERS = 1
AUTOMATIC = True
SMALLEST, LARGEST = 1e-3, 1e3  # chosen: a model off by a factor of a thousand is broken, not miscalibrated


@final
@dataclass(frozen=True)
class VarianceScaling(Recalibration):
    """SD -> factor * SD, for aleatoric, epistemic and joint draws alike; the mean stays."""

    kind: ClassVar[str] = "variance_scaling"

    factor: float

    def apply(self, pred: PredictiveDistribution) -> Scalable:
        """The prediction with every SD multiplied."""
        return require_scalable(pred).scaled(self.factor)

    def parameters(self) -> dict[str, Any]:
        """The factor on the SD."""
        return {"factor": self.factor}


def fit(
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    *,
    groups: Sequence[str] | None = None,
    tissues: Mapping[str, str] | None = None,
) -> VarianceScaling:
    """Fit the factor to the calibration part.

    Args:
        pred: the method's prediction for the N pairs of the calibration part.
        response: what was measured, (N,).
        groups: the cell line (or drug) of each pair; counted, to tell how much independent evidence there was.
        tissues: not needed.

    Raises:
        DataError: the responses do not line up with the prediction.
        FitError: the factor is out of all bounds.
    """
    own, values, count = checked(pred, response, groups)
    return VarianceScaling(own.measure, len(values), count, factor(own, values))


def factor(pred: Scalable, response: Floats) -> float:
    """The maximum-likelihood factor on the SD."""
    found = _of_normal(pred, response) if isinstance(pred, Normal) else _of_any(pred, response)
    if not SMALLEST <= found <= LARGEST:
        raise FitError(
            f"Recalibration found that every SD should be multiplied by {found:.3g} ({len(response)} pairs). "
            f"Allowed: {SMALLEST:g} to {LARGEST:g}. Check the unit of the responses and whether the fit collapsed."
        )
    return found


def _of_normal(pred: Normal, response: Floats) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from netcal.regression import VarianceScaling as Fitter

        fitter = Fitter().fit((pred.mean, pred.std), response)
        return float(fitter.transform((np.zeros(1), np.ones(1))).item())


def _of_any(pred: Scalable, response: Floats) -> float:
    def loss(log_factor: float) -> float:
        return -float(np.mean(pred.scaled(np.exp(log_factor)).log_prob(response)))

    # An optimum at a bound means that there is none within: a step outside lets the check of the bounds tell.
    bounds = np.log(SMALLEST) - 1, np.log(LARGEST) + 1
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-7}).x))


def from_json(data: Mapping[str, Any]) -> VarianceScaling:
    """What `to_json` described."""
    return VarianceScaling(**fitted_to(data), factor=number(data, "factor", SMALLEST, LARGEST))
