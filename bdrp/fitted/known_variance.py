"""Known variances of measurements: what a prediction of a measured row holds of them, and what is said of them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.features.batch import Inputs, Pairs
from bdrp.inference.method import Fitted, Method
from bdrp.predictive import Scalable

KNOWN_VARIANCES: Final = "known_variances"
"""The manifest's entry: of how many responses of the screen the variance was known to the likelihood."""


def predict_as_measured(method: Method, fitted: Fitted, inputs: Inputs, pairs: Pairs) -> Scalable:
    """The predictive distribution of rows as they were measured, for recalibration and for scores.

    A method that reads `response_sd` predicts responses without the error of their measurement. To be held against a
    measured row, the row's own known variance is added to the aleatoric one; where none is known, nothing is.
    """
    pred = fitted.predict(inputs, pairs)
    return add_known_variance(pred, pairs.response_sd.cpu().numpy()) if method.reads_response_sd else pred


def add_known_variance(pred: Scalable, response_sd: npt.NDArray[np.float64]) -> Scalable:
    """The same prediction of rows (N,) that are measured with these SDs, NaN where not known."""
    if np.isnan(response_sd).all():
        return pred
    aleatoric = np.hypot(pred.aleatoric_std, np.nan_to_num(response_sd))
    return pred.with_moments(pred.mean, aleatoric, pred.epistemic_std)


def count(responses: pd.DataFrame) -> int:
    """Of how many responses the SD is known."""
    return int(responses["response_sd"].notna().sum()) if "response_sd" in responses else 0


def record(method: Method, responses: pd.DataFrame) -> dict[str, int]:
    """The manifest's entry; nothing where a method reads no SDs, or there are none."""
    known = count(responses) if method.reads_response_sd else 0
    return {KNOWN_VARIANCES: known} if known else {}


def tell(method: Method, responses: pd.DataFrame) -> list[str]:
    """What becomes of the known SDs of a screen, in sentences; nothing where it has none."""
    known = count(responses)
    if not known:
        return []
    counted = f"{known:,} of {len(responses):,} responses have a response_sd"
    if not method.reads_response_sd:
        return [f"{counted}, which {method.name} does not read: its noise holds the variance of the measurements."]
    return [
        f"{counted}: that variance is known to the likelihood. Predictions are of responses without it; it is added "
        "where held-out rows are scored."
    ]
