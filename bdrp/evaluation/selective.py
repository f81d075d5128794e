"""Is the model right where it is sure? Risk and coverage when the least certain pairs are left out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bdrp.evaluation.observed import Floats, Ints, Observed
from bdrp.evaluation.point import nan_mean, pearson, ranks, spearman
from bdrp.evaluation.simulated import Simulated
from bdrp.predictive import PredictiveDistribution

KEPT = 0.1
MIN_WITHIN = 20  # chosen: 10 % of a drug are then at least two pairs
NULL_DRAWS = 20


def selective_figures(
    pred: PredictiveDistribution, observed: Observed, simulated: Simulated, seed: int
) -> dict[str, float]:
    """How well the predicted SD ranks the errors.

    AURC is the mean over all coverages of the kept pairs' mean squared error (Geifman, Uziel and El-Yaniv 2019,
    arxiv.org/abs/1805.08206); `excess_aurc` is what it has above the oracle, which keeps the smallest errors first.
    `kept_at_10` is the squared error of the 10 % surest pairs as a share of all pairs' (1: no ranking;
    `_if_calibrated`: what these SDs would give if they were true). `within_drug_*` rank inside each drug with at least
    20 pairs and average over drugs, because an SD that only knows which drugs are hard already does well overall:
    `drug_sd_*` is that rival, each drug's own RMSE, taken from the other half of the cell lines.
    """
    loss = np.square(observed.response - pred.mean)
    rival = drug_sd(loss, observed, seed)
    curve, best, drugs = risk_curve(loss, pred.std), risk_curve(loss, loss), observed.drug_codes
    within = _kept_within(loss, pred.std, drugs)
    return {
        "aurc": float(curve.mean()),
        "aurc_oracle": float(best.mean()),
        "aurc_random": float(loss.mean()),
        "excess_aurc": float(curve.mean() - best.mean()),
        "kept_at_10": kept(loss, pred.std),
        "kept_at_10_oracle": kept(loss, loss),
        "within_drug_kept_at_10": nan_mean(within),
        "within_drug_count": int(np.sum(np.isfinite(within))),
        "error_spearman": spearman(np.sqrt(loss), pred.std),
        "within_drug_error_spearman": _spearman_within(loss, pred.std, drugs),
        "drug_sd_aurc": float(risk_curve(loss, rival).mean()),
        "drug_sd_kept_at_10": kept(loss, rival),
        **_if_calibrated(pred.std[simulated.rows], drugs[simulated.rows], simulated.squared_errors[:NULL_DRAWS]),
    }


def risk_coverage(pred: PredictiveDistribution, observed: Observed, seed: int) -> pd.DataFrame:
    """Mean squared error of the kept pairs at 1 to 100 % coverage: model, oracle, random, and residual SD a drug."""
    loss = np.square(observed.response - pred.mean)
    coverage = np.arange(1, 101) / 100
    at = _first(coverage, len(loss)) - 1
    rival = drug_sd(loss, observed, seed)
    curves = {"model": pred.std, "oracle": loss, "random": np.zeros(len(loss)), "drug_sd": rival}
    return pd.DataFrame({"coverage": coverage, **{name: risk_curve(loss, by)[at] for name, by in curves.items()}})


def risk_curve(loss: Floats, by: Floats) -> Floats:
    """The mean loss of the first 1, 2, ... N pairs in rising order of `by`, (N,).

    Pairs that `by` cannot tell apart share their mean loss, as if ties were broken at random many times.
    """
    order = np.argsort(by, kind="stable")
    return np.asarray(np.cumsum(_shared(loss, by)[order]) / np.arange(1, len(loss) + 1))


def kept(loss: Floats, by: Floats) -> float:
    """Mean loss of the first 10 % in rising order of `by` as a share of the mean loss of all; nan without loss."""
    total = float(loss.mean())
    return float(risk_curve(loss, by)[_first(KEPT, len(loss)) - 1]) / total if total > 0 else float("nan")


def drug_sd(loss: Floats, observed: Observed, seed: int) -> Floats:
    """Each pair's drug's RMSE among the other half of the cell lines, (N,); overall RMSE for a drug unseen there."""
    drugs, half = observed.drug_codes, halves(observed, seed)
    spread = np.empty(len(loss))
    for side in (0, 1):
        other = half != side
        n = np.bincount(drugs[other], minlength=int(drugs.max()) + 1)
        total = np.bincount(drugs[other], weights=loss[other], minlength=len(n))
        mean = np.where(n > 0, total / np.maximum(n, 1), loss.mean())
        spread[~other] = np.sqrt(mean)[drugs[~other]]
    return spread


def halves(observed: Observed, seed: int) -> Ints:
    """0 or 1 for each pair, (N,): cell lines dealt at random into two halves, so that each half can judge the other."""
    lines = observed.line_codes
    return np.random.default_rng(seed).permutation(int(lines.max()) + 1)[lines] % 2


def _if_calibrated(std: Floats, drugs: Ints, simulated: Floats) -> dict[str, float]:
    return {
        "kept_at_10_if_calibrated": nan_mean(np.array([kept(loss, std) for loss in simulated])),
        "error_spearman_if_calibrated": nan_mean(np.array([spearman(np.sqrt(loss), std) for loss in simulated])),
        "within_drug_kept_at_10_if_calibrated": nan_mean(
            np.array([nan_mean(_kept_within(loss, std, drugs)) for loss in simulated])
        ),
    }


def _kept_within(loss: Floats, by: Floats, group: Ints) -> Floats:
    """`kept` inside each group, (groups,); nan for groups under 20 pairs or without loss."""
    n = np.bincount(group)
    order = np.lexsort((by, group))
    sorted_group = group[order]
    place = np.arange(len(order)) - np.repeat(np.cumsum(n) - n, n)
    first = place < _first(KEPT, n)[sorted_group]
    some = np.bincount(sorted_group[first], weights=_shared(loss, by, group)[order][first], minlength=len(n))
    total = np.bincount(group, weights=loss)
    usable = (n >= MIN_WITHIN) & (total > 0)
    return np.where(usable, some / _first(KEPT, n) * n / np.where(usable, total, 1), np.nan)


def _spearman_within(loss: Floats, std: Floats, group: Ints) -> float:
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    error, spread = ranks(loss, group), ranks(std, group)
    return nan_mean(np.array([pearson(error[m], spread[m]) for m in members if len(m) >= MIN_WITHIN]))


def _shared(loss: Floats, by: Floats, group: Ints | None = None) -> Floats:
    """The loss with ties of `by` (inside a group) replaced by their mean, (N,)."""
    keys = [by] if group is None else [by, group]
    return np.asarray(pd.Series(loss).groupby(keys, sort=False).transform("mean"), dtype=np.float64)


def _first(share: float | Floats, n: int | Ints) -> Ints:
    """How many pairs a share of n is, rounded up, at least 1."""
    return np.maximum(np.ceil(np.asarray(share) * n - 1e-9), 1).astype(np.intp)
