"""Scores of pairs of which some stand at a cap: of these it is known that the response lies there or beyond."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bdrp.data.screen import find_caps, replace_capped
from bdrp.evaluation import significance
from bdrp.evaluation.censoring_aware import crps_inside, log_score, share_held
from bdrp.evaluation.curves import LEVELS, percent
from bdrp.evaluation.observed import Floats, check_observed
from bdrp.predictive import PredictiveDistribution


def sides_of(observed: pd.DataFrame, *, beyond: bool) -> Floats:
    """(N,) 1 where a response stands at its upper limit, -1 at its lower one, 0 elsewhere; see `find_caps`."""
    return find_caps(*_columns(observed), beyond=beyond)


def caps_for_capped(observed: pd.DataFrame, side: Floats) -> Floats:
    """(N,) responses, of capped ones the cap."""
    return replace_capped(*_columns(observed), side)


def _columns(observed: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    response, lower, upper = (
        observed[name].to_numpy(np.float64) for name in ("response", "lower_limit", "upper_limit")
    )
    return response, lower, upper


def one_sided(error: Floats, side: Floats) -> Floats:
    """(N,) predicted less observed, where a mean beyond the cap of a capped response errs by nothing that was seen."""
    return np.where(side > 0, np.minimum(error, 0.0), np.where(side < 0, np.maximum(error, 0.0), error))


def score_rows(pred: PredictiveDistribution, observed: pd.DataFrame, side: Floats) -> pd.DataFrame:
    """`significance.pair_rows`, capped responses by what is known of them.

    Their density is the probability of lying beyond the cap (Tobin 1958), their CRPS that inside the limits (Gneiting
    and Ranjan 2011), their coverage the share of the mass beyond the cap that lies in the interval, and their error
    one-sided: a calibrated prediction covers at its level, and none is the better for naming the cap itself.

    Args:
        pred: N distributions.
        observed: as in `bdrp.evaluation.score`.
        side: of `sides_of`.
    """
    rows, capped = significance.pair_rows(pred, observed), np.flatnonzero(side)
    if not len(capped):
        return rows
    some, at = pred[capped], observed.iloc[capped].reset_index(drop=True)
    limit = caps_for_capped(at, side[capped])
    seen = check_observed(some, at.assign(response=limit))
    error = one_sided(some.mean - limit, side[capped])
    replaced = {
        "bias": error,
        "squared_error": error**2,
        "nll": -log_score(some, seen),
        "crps": crps_inside(some, seen),
    }
    held = {f"coverage_{percent(level)}": share_held(some, seen, level) for level in LEVELS}
    for name, values in {**replaced, **held}.items():
        rows.loc[capped, name] = values
    return rows
