"""Estimators by scikit-learn's interface: made anew for each fit, and refused in a sentence where they fail."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from bdrp.errors import FitError

NOISES: Final = ("drug", "constant")
QUANTILE_PARAMETERS: Final = ("quantile", "alpha")
"""What scikit-learn's quantile regressors call the level; `alpha` is that only of a quantile loss."""


def fit_clone(template: Any, table: np.ndarray, response: np.ndarray, seed: int, level: float | None = None) -> Any:
    """A fitted clone, each of its random states the seed, and for a quantile its level.

    Raises:
        FitError: it cannot be fitted.
    """
    estimator = make(template, seed, level)
    try:
        return estimator.fit(table, response)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise _failure(estimator, f"fitted to {len(table)} rows of {table.shape[1]} columns", error) from error


def predict(estimator: Any, table: np.ndarray) -> np.ndarray:
    """(N,) what a fitted one predicts.

    Raises:
        FitError: it cannot predict.
    """
    try:
        found = np.ravel(estimator.predict(table)).astype(np.float64)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise _failure(estimator, f"asked for {len(table)} predictions", error) from error
    if len(found) != len(table) or not np.isfinite(found).all():
        raise FitError(
            f"{type(estimator).__name__} predicts {len(found)} values for {len(table)} rows, or some that are not "
            "finite. One finite number a row is needed. Check the estimator."
        )
    return found


def make(template: Any, seed: int, level: float | None = None) -> Any:
    """An estimator that was not fitted: a clone, each of its random states the seed, and for a quantile its level."""
    from sklearn.base import clone

    estimator = clone(template)
    parameters = estimator.get_params(deep=True)
    states = [name for name in parameters if name == "random_state" or name.endswith("__random_state")]
    estimator.set_params(**dict.fromkeys(sorted(states), seed))
    return estimator if level is None else estimator.set_params(**{quantile_parameter(estimator): level})


def quantile_parameter(estimator: Any) -> str:
    """What an estimator of quantiles, alone or as a pipeline's last step, calls the level.

    Raises:
        FitError: it estimates no quantile.
    """
    parameters = estimator.get_params(deep=True)
    last = getattr(estimator, "steps", [("", None)])[-1][0]
    inside = f"{last}__" if last else ""
    quantile, alpha = (f"{inside}{name}" for name in QUANTILE_PARAMETERS)
    loss = parameters.get(f"{inside}loss")
    if quantile in parameters and loss in (None, "quantile"):
        return quantile
    if alpha in parameters and loss == "quantile":
        return alpha
    raise FitError(
        f"noise is {type(estimator).__name__}, which estimates no quantile: its loss is {loss!r}. Allowed: "
        f"{', '.join(NOISES)}, or a regressor of quantiles. Give HistGradientBoostingRegressor(loss='quantile', "
        "quantile=0.5), for one."
    )


def _failure(estimator: Any, when: str, error: Exception) -> FitError:
    return FitError(
        f"{type(estimator).__name__} fails when it is {when}: {str(error).strip().rstrip('.')}. A regressor that takes "
        "tables of numbers is needed. Change its parameters, or give it more responses."
    )
