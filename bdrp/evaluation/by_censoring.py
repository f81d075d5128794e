"""The error where the assay could see the response, and where it is censored: extrapolated beyond the doses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bdrp.evaluation.observed import Observed


def metrics_by_censoring(rows: pd.DataFrame, observed: Observed) -> dict[str, Any]:
    """Shares, and the metrics of observed and of censored responses separately.

    A response beyond its own dose range is a fitted curve's continuation, not a measurement. A pair without limits
    counts as observed; `unknown_limits_share` says how many those are.
    """
    censored = observed.is_censored
    unknown = np.isnan(observed.lower_limit) & np.isnan(observed.upper_limit)
    known = bool(np.any(~unknown))
    return {
        "share": float(censored.mean()) if known else float("nan"),
        "unknown_limits_share": float(unknown.mean()),
        "observed": _metrics(rows[~censored]),
        "extrapolated": _metrics(rows[censored]),
    }


def _metrics(rows: pd.DataFrame) -> dict[str, float]:
    means = ("bias", "nll", "crps", "coverage_90", "width_90", "interval_score_90")
    if rows.empty:
        return {"n": 0, "rmse": float("nan"), "mae": float("nan"), **dict.fromkeys(means, float("nan"))}
    return {
        "n": len(rows),
        "rmse": float(np.sqrt(rows["squared_error"].mean())),
        "mae": float(rows["bias"].abs().mean()),
        **{name: float(rows[name].mean()) for name in means},
    }
