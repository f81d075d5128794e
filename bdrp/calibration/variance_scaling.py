"""Variance scaling: one factor on every standard deviation.

The factor that maximises the normal likelihood of the calibration part is the root mean square of the standardised
residuals, s^2 = mean_i (y_i - mean_i)^2 / variance_i (Levi et al. 2022, doi:10.3390/s22155540; Laves et al. 2020,
proceedings.mlr.press/v121/laves20a). netcal fits it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from bdrp.calibration._recalibration import Floats, Recalibration, checked, fitted_to, number, require_normal
from bdrp.errors import FitError
from bdrp.predictive import Normal, PredictiveDistribution

DESCRIPTION = "multiply every SD by one factor"
PARAMETERS = 1
SMALLEST, LARGEST = 1e-3, 1e3  # chosen: a model off by a factor of a thousand is broken, not miscalibrated


@final
@dataclass(frozen=True)
class VarianceScaling(Recalibration):
    """SD -> factor * SD, for aleatoric, epistemic and joint draws alike; the mean stays."""

    kind: ClassVar[str] = "variance_scaling"

    factor: float

    def apply(self, pred: PredictiveDistribution) -> Normal:
        """The prediction with every SD multiplied."""
        return require_normal(pred).scaled(self.factor)

    def parameters(self) -> dict[str, Any]:
        """The factor on the SD."""
        return {"factor": self.factor}


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
    normal, values, count = checked(pred, response, groups)
    return VarianceScaling(normal.measure, len(values), count, factor(normal, values))


def factor(pred: Normal, response: Floats) -> float:
    """The maximum-likelihood factor on the SD."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from netcal.regression import VarianceScaling as Fitter

        fitter = Fitter().fit((pred.mean, pred.std), response)
        found = float(fitter.transform((np.zeros(1), np.ones(1))).item())
    if not SMALLEST <= found <= LARGEST:
        raise FitError(
            f"Recalibration found that every SD should be multiplied by {found:.3g} ({len(response)} pairs). "
            f"Allowed: {SMALLEST:g} to {LARGEST:g}. Check the unit of the responses and whether the fit collapsed."
        )
    return found


def from_json(data: Mapping[str, Any]) -> VarianceScaling:
    """What `to_json` described."""
    return VarianceScaling(**fitted_to(data), factor=number(data, "factor", SMALLEST, LARGEST))
