"""Censoring-aware scores: of a response beyond the assay's limits, no more is known than that it lies there."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from bdrp.evaluation.curves import LEVELS, percent, resampled_interval
from bdrp.evaluation.observed import Bools, Floats, Observed
from bdrp.predictive import Normal, PredictiveDistribution, StudentT

# chosen: with 8 nodes between neighbours a normal's score is right to 1e-12 SD, one remapped at five knots to 3e-6.
_BREAKS = ndtr(np.concatenate([[-7, -4.5], np.arange(-6, 7) / 2, [4.5, 7]]))
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_ROWS = 4096  # chosen: about 3 MB a temporary array, which stays in the processor's cache


def censoring_aware_metrics(pred: PredictiveDistribution, seen: Observed, seed: int) -> dict[str, Any]:
    """The scores of all responses, and of those inside and beyond the limits apart, and coverage by level in percent.

    A published value beyond a limit is an extrapolation; the conventional metrics take it for a measurement. Here it
    counts as censored. A pair without limits counts as observed.
    """
    beyond = seen.is_censored
    scores = {"nll": -log_score(pred, seen), "crps": crps_inside(pred, seen)}
    parts = {"": np.ones_like(beyond), "_inside": ~beyond, "_beyond": beyond}
    means = {f"{name}{part}": _mean(values[rows]) for name, values in scores.items() for part, rows in parts.items()}
    counts = {"above": int(seen.above.sum()), "below": int(seen.below.sum())}
    return {**counts, **means, "coverage": coverage(pred, seen, seed)}


def log_score(pred: PredictiveDistribution, seen: Observed) -> Floats:
    """The log density of a response inside its limits, the log probability of "beyond" outside, (N,); high is good.

    The likelihood of a censored observation (Tobin 1958, doi:10.2307/1907382), which is also a proper score (Diks,
    Panchenko and van Dijk 2011, doi:10.1016/j.jeconom.2011.04.001). A probability below the smallest double counts as
    that double, 708 nats.
    """
    above, below = pred.survival(_at(seen.above, seen.upper_limit)), pred.cdf(_at(seen.below, seen.lower_limit))
    tail = np.log(np.maximum(np.where(seen.above, above, below), np.finfo(np.float64).tiny))
    return np.where(seen.is_censored, tail, pred.log_prob(seen.response))


def crps_inside(pred: PredictiveDistribution, seen: Observed) -> Floats:
    """The threshold-weighted CRPS with weight 1 inside the limits, (N,), in the unit of the response; low is good.

    Integral from lower to upper limit of (F(t) - 1{t >= y})^2 dt (Gneiting and Ranjan 2011,
    doi:10.1198/jbes.2010.08110). It is the CRPS after all mass beyond a limit, and a response beyond it, were moved to
    the limit (Allen, Ginsbourger and Ziegel 2023, doi:10.1137/22M1532184), so where beyond a limit the mass lies does
    not count. Normals and their mixtures have a closed form (not that of scoringrules, which is 0 / 0 for an infinite
    limit, and for limits that enclose next to no mass); any other family's is integrated.
    """
    lower, upper = _limits(seen)
    if isinstance(pred, Normal | StudentT):
        return _closed(pred, seen.response, lower, upper)
    return integrated(pred, seen.response, lower, upper)


def integrated(pred: PredictiveDistribution, y: Floats, lower: Floats, upper: Floats) -> Floats:
    """`crps_inside` of any family from its cdf and quantiles; limits may be infinite; all arguments (N,)."""
    starts = range(0, len(pred), _ROWS)
    chunks = [slice(start, start + _ROWS) for start in starts]
    return np.concatenate([_integrated(pred[rows], y[rows], lower[rows], upper[rows]) for rows in chunks])


def pit_bounds(pred: PredictiveDistribution, seen: Observed) -> tuple[Floats, Floats]:
    """Between which predicted probabilities each response lies, (N,) each: one value inside the limits, a tail beyond.

    If the predictions are calibrated, a value drawn evenly between the two is even over all pairs (Czado, Gneiting and
    Held 2009, doi:10.1111/j.1541-0420.2009.01191.x).
    """
    pit = pred.cdf(np.clip(seen.response, *_limits(seen)))
    return np.where(seen.below, 0.0, pit), np.where(seen.above, 1.0, pit)


def share_held(pred: PredictiveDistribution, seen: Observed, level: float) -> Floats:
    """(N,) 1 where the central interval holds a response, 0 where not, and for one beyond a limit as in `coverage`."""
    return _share_held(*pit_bounds(pred, seen), level)


def coverage(pred: PredictiveDistribution, seen: Observed, seed: int) -> dict[str, dict[str, float]]:
    """Coverage of central intervals, by level in percent, a response beyond a limit being known only to be beyond.

    `coverage` counts such a response with the share of the mass beyond its limit that lies inside the interval. That is
    the mean of the randomised answer (draw the response from the prediction's own tail, then look), so it equals the
    level if the prediction is calibrated, without the draw's noise. `compatible` counts it as covered whenever the
    interval reaches beyond the limit: what was observed does not contradict the interval, but even a calibrated model
    exceeds the level, so it can show intervals that are too narrow and never any that are too wide. `lower` and
    `upper` bound `coverage` (95 %, lines and drugs resampled).
    """
    low, high = pit_bounds(pred, seen)
    held = np.stack([_share_held(low, high, level) for level in LEVELS], axis=1)
    from_, to = resampled_interval(held, seen, seed)
    return {
        percent(level): {
            "coverage": float(held[:, k].mean()),
            "lower": float(from_[k]),
            "upper": float(to[k]),
            "compatible": float(_compatible(low, high, level).mean()),
        }
        for k, level in enumerate(LEVELS)
    }


def _share_held(low: Floats, high: Floats, level: float) -> Floats:
    edges = (1 - level) / 2, (1 + level) / 2
    width = high - low
    part = (np.clip(high, *edges) - np.clip(low, *edges)) / np.where(width > 0, width, 1)
    return np.where(width > 0, part, _compatible(low, high, level))


def _compatible(low: Floats, high: Floats, level: float) -> Bools:
    return np.asarray((low <= (1 + level) / 2) & (high >= (1 - level) / 2))


def _closed(pred: Normal | StudentT, y: Floats, lower: Floats, upper: Floats) -> Floats:
    """Both families are symmetric: of what lies above y, the mirror image is asked."""
    low, at, high = ((value - pred.mean) / pred.std for value in (lower, np.clip(y, lower, upper), upper))
    return pred.std * (_squared_between(pred, low, at) + _squared_between(pred, -high, -at))


def _squared_between(pred: Normal | StudentT, low: Floats, high: Floats) -> Floats:
    rows, between = low < high, np.zeros_like(low)
    some = pred[rows]
    between[rows] = some.squared_up_to(high[rows]) - some.squared_up_to(low[rows])
    return between


def _integrated(pred: PredictiveDistribution, y: Floats, lower: Floats, upper: Floats) -> Floats:
    quantiles, at = pred.quantile(_BREAKS), np.clip(y, lower, upper)
    first, last = quantiles[:, 0], quantiles[:, -1]
    start = np.maximum(lower, first)
    stop = np.maximum(np.minimum(upper, last), start)
    # Panels end at quantiles, so that F is smooth on each, and at the response, where the integrand jumps.
    ends = np.sort(np.clip(np.column_stack([quantiles, at]), start[:, None], stop[:, None]), axis=1)
    half = np.diff(ends, axis=1)[:, :, None] / 2
    nodes = ends[:, :-1, None] + half * (1 + _NODES)
    below = _below(pred, nodes, half[:, :, 0] > 0)
    gap = np.where(nodes < at[:, None, None], below, 1 - below)
    # Outside the outermost quantiles F is 0 or 1: the integrand is 1 where the response lies on the other side.
    outside = np.maximum(np.minimum(first, upper) - at, 0) + np.maximum(at - np.maximum(last, lower), 0)
    return np.asarray(np.sum(half * _WEIGHTS * np.square(gap), axis=(1, 2)) + outside)


def _below(pred: PredictiveDistribution, nodes: Floats, wide: Bools) -> Floats:
    """The cdf at nodes (n, P, Q) of the panels that are wide (n, P), 0 at others, which add nothing to an integral.

    Narrow limits leave most panels without width. The wide ones of a row come first, so that rows of as many are asked
    for together.
    """
    below, order = np.zeros_like(nodes), np.argsort(~wide, axis=1, kind="stable")
    counts = wide.sum(axis=1)
    for count in np.unique(counts[counts > 0]):
        rows = np.flatnonzero(counts == count)
        panels = rows[:, None], order[rows, :count]
        below[panels] = pred[rows].cdf(nodes[panels].reshape(len(rows), -1)).reshape(len(rows), count, -1)
    return below


def _limits(seen: Observed) -> tuple[Floats, Floats]:
    """Both limits, infinite where they are unknown."""
    lower, upper = seen.lower_limit, seen.upper_limit
    return np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper)


def _at(rows: Bools, limit: Floats) -> Floats:
    """The limit where it matters; 0, which any distribution can be asked about, elsewhere."""
    return np.where(rows, limit, 0.0)


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")
