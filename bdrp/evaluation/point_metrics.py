"""Metrics of point predictions, overall and within drugs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bdrp.evaluation.observed import Floats, Ints, Observed
from bdrp.evaluation.ordering import Order

MIN_WITHIN = 10  # chosen: fewer pairs of one drug give a correlation that says nothing


def compute_point_metrics(mean: Floats, observed: Observed) -> dict[str, float]:
    """RMSE, MAE, bias, R2, correlations; overall, within drugs, and beyond the mean-effects baseline.

    `within_drug_*` average each drug's own correlation over drugs with at least 10 pairs: pairs of different drugs
    differ so much that an overall correlation proves little. `normalised_*` score what is left of response and
    prediction when that of the mean-effects baseline is taken from both (DrEval; Bernett et al. 2025,
    doi:10.1101/2025.05.26.655288; its effects are not shrunken, `mean_effects` are, which on pairs of GDSC2 leaves
    residuals that correlate by 0.997); they are nan for the mean effects themselves, of which nothing is left.
    """
    y, drug = observed.response, observed.drug_codes
    error = mean - y
    within = within_group_pearson(mean, y, drug, MIN_WITHIN)
    ranked = within_group_pearson(ranks(mean, drug), ranks(y, drug), drug, MIN_WITHIN)
    baseline = observed.mean_effects
    return {
        "rmse": root_mean_square(error),
        "mae": float(np.mean(np.abs(error))),
        "bias": float(np.mean(error)),
        "r2": r_squared(mean, y),
        "pearson": pearson(mean, y),
        "spearman": spearman(mean, y),
        "within_drug_pearson": nan_mean(within),
        "within_drug_spearman": nan_mean(ranked),
        "within_drug_count": int(np.sum(np.isfinite(within))),
        **_normalised(mean - baseline, y - baseline),
    }


def root_mean_square(error: Floats) -> float:
    """The root of the mean squared error; nan without pairs."""
    return float(np.sqrt(np.mean(np.square(error)))) if len(error) else float("nan")


def r_squared(mean: Floats, y: Floats) -> float:
    """The share of the responses' variance that is explained; nan if they are constant."""
    total = float(np.sum(np.square(y - y.mean())))
    return 1 - float(np.sum(np.square(y - mean))) / total if _varies(y) else float("nan")


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's correlation; nan if either is constant, missing, or a single value."""
    if not (_varies(x) and _varies(y)):
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def spearman(x: Floats, y: Floats) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; nan as for Pearson's."""
    return spearman_of(Order.of(x), Order.of(y))


def spearman_of(x: Order, y: Order) -> float:
    """`spearman` of values whose orders are known."""
    finite = all(np.all(np.isfinite(order.keys[0])) for order in (x, y))
    return pearson(x.ranks, y.ranks) if finite else float("nan")


def ranks(x: Floats, group: Ints) -> Floats:
    """Each value's rank among those of its group, ties sharing their mean rank, (N,); nan for nan."""
    return np.where(np.isnan(x), np.nan, Order.of(x, group).ranks)


def within_group_pearson(x: Floats, y: Floats, group: Ints, fewest: int) -> Floats:
    """Pearson's correlation inside each group, (groups,); nan for small or constant groups."""
    n = np.bincount(group)
    dx, dy = _centred(x, group, n), _centred(y, group, n)
    xx, yy, xy = (np.bincount(group, weights=product) for product in (dx * dx, dy * dy, dx * dy))
    tiny = 1e-20 * np.maximum(1, np.bincount(group, weights=x * x + y * y))
    usable = (n >= max(fewest, 2)) & (xx > tiny) & (yy > tiny)
    return np.where(usable, xy / np.sqrt(np.where(usable, xx * yy, 1)), np.nan)


def nan_mean(values: Floats) -> float:
    """The mean of the finite values; nan if there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def _normalised(mean: Floats, y: Floats) -> dict[str, float]:
    return {
        "normalised_r2": r_squared(mean, y) if _varies(mean) else float("nan"),
        "normalised_pearson": pearson(mean, y),
        "normalised_spearman": spearman(mean, y),
    }


def _centred(x: Floats, group: Ints, n: npt.NDArray[np.intp]) -> Floats:
    means = np.bincount(group, weights=x) / np.maximum(n, 1)
    return x - means[group]


def _varies(x: Floats) -> bool:
    return len(x) > 1 and bool(np.all(np.isfinite(x))) and float(np.ptp(x)) > 1e-12 * max(1.0, float(np.abs(x).max()))
