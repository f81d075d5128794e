"""Is the model right where it is sure? Risk and coverage when the least certain pairs are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bdrp.evaluation.curves import percent
from bdrp.evaluation.observed import Floats, Ints, Observed
from bdrp.evaluation.ordering import Order
from bdrp.evaluation.point_metrics import nan_mean, spearman_of, within_group_pearson
from bdrp.evaluation.simulated import SimulatedResponses
from bdrp.predictive import PredictiveDistribution

RETAINED_SHARES = (0.1, 0.5, 0.8)
MIN_WITHIN = 20  # chosen: 10 % of a drug are then at least two pairs
NULL_DRAWS = 20


def selective_metrics(
    pred: PredictiveDistribution, observed: Observed, simulated: SimulatedResponses, seed: int
) -> dict[str, float]:
    """How well the predicted SD ranks the errors.

    AURC is the mean over all coverages of the retained pairs' mean squared error (Geifman, Uziel and El-Yaniv 2019,
    arxiv.org/abs/1805.08206); AUGRC counts the pairs set aside as free of error instead of leaving them out, so that
    the few surest pairs do not dominate (Traub et al. 2024, arxiv.org/abs/2407.01032); `excess_*` is what they have
    above the oracle, which retains the smallest errors first. `kept_at_10` is the squared error of the 10 % surest
    pairs as a share of all pairs' (1: no ranking). `_if_calibrated` is what these SDs would give if they were true.
    `within_drug_*` rank inside each drug with at least 20 pairs and average over drugs, because an SD that only knows
    which drugs are hard already does well overall: `drug_sd_*` is that baseline, each drug's own RMSE, taken from the
    other half of the cell lines.
    """
    loss, drugs = np.square(observed.response - pred.mean), observed.drug_codes
    baseline = _overall(loss, Order.of(drug_sd(loss, observed, seed)))
    return {
        **error_ranking_metrics(loss, pred.std, drugs),
        "within_drug_count": int(
            np.sum(np.isfinite(mse_of_retained_within(loss, pred.std, drugs, RETAINED_SHARES[0])))
        ),
        **{f"{name}_oracle": value for name, value in _overall(loss, Order.of(loss)).items()},
        "aurc_random": float(loss.mean()),
        "augrc_random": float(loss.mean()) * (1 + 1 / len(loss)) / 2,
        **{f"drug_sd_{name}": value for name, value in baseline.items()},
        **_if_calibrated(pred.std[simulated.rows], drugs[simulated.rows], simulated.squared_errors[:NULL_DRAWS]),
    }


def risk_coverage(pred: PredictiveDistribution, observed: Observed, seed: int) -> pd.DataFrame:
    """Mean squared error of the retained pairs at 1 to 100 % coverage: model, oracle, random and residual SD a drug."""
    loss = np.square(observed.response - pred.mean)
    coverage = np.arange(1, 101) / 100
    at = _first(coverage, len(loss)) - 1
    baseline = drug_sd(loss, observed, seed)
    curves = {"model": pred.std, "oracle": loss, "random": np.zeros(len(loss)), "drug_sd": baseline}
    return pd.DataFrame({"coverage": coverage, **{name: risk_curve(loss, by)[at] for name, by in curves.items()}})


def risk_curve(loss: Floats, by: Floats) -> Floats:
    """The mean loss of the first 1, 2, ... N pairs in rising order of `by`, (N,).

    Pairs that `by` cannot tell apart share their mean loss, as if ties were broken at random many times.
    """
    return _risk_curve(loss, Order.of(by))


def _risk_curve(loss: Floats, order: Order) -> Floats:
    return np.asarray(np.cumsum(order.arrange(loss)) / np.arange(1, len(loss) + 1))


def generalised_risk_area(curve: Floats) -> float:
    """AUGRC from a `risk_curve`: the mean of the retained pairs' share of the loss per pair of all pairs."""
    return float(np.mean(curve * np.arange(1, len(curve) + 1)) / len(curve))


def mse_of_retained(loss: Floats, by: Floats, share: float = RETAINED_SHARES[0]) -> float:
    """Mean loss of the first `share` in rising order of `by` as a share of the mean loss of all; nan without loss."""
    return _mse_of_retained(risk_curve(loss, by), share)


def mse_of_retained_within(loss: Floats, by: Floats, group: Ints, share: float) -> Floats:
    """`mse_of_retained` inside each group, (groups,); nan for groups under 20 pairs or without loss."""
    return _mse_of_retained_within(loss, Order.of(by, group), group, [share])[0]


def _mse_of_retained_within(loss: Floats, order: Order, group: Ints, shares: Sequence[float]) -> list[Floats]:
    n, total = np.bincount(group), np.bincount(group, weights=loss)
    sorted_group, arranged = group[order.rows], order.arrange(loss)
    place = np.arange(len(loss)) - np.repeat(np.cumsum(n) - n, n)
    usable, found = (n >= MIN_WITHIN) & (total > 0), []
    for share in shares:
        first = place < _first(share, n)[sorted_group]
        some = np.bincount(sorted_group[first], weights=arranged[first], minlength=len(n))
        found.append(np.where(usable, some / _first(share, n) * n / np.where(usable, total, 1), np.nan))
    return found


def error_ranking_metrics(loss: Floats, by: Floats, drugs: Ints) -> dict[str, float]:
    """Every metric of a ranking of errors by SDs, and its null, overall and within drugs.

    Args:
        loss: (N,), as squared errors.
        by: (N,) what ranks, the surest first.
        drugs: (N,) codes from 0.
    """
    return _Ranking(by, drugs).metrics(loss)


@dataclass(frozen=True)
class _Ranking:
    """N pairs ranked by SDs: what is the same whatever their losses are is found once."""

    by: Floats
    drugs: Ints

    @cached_property
    def order(self) -> Order:
        """Of all pairs."""
        return Order.of(self.by)

    @cached_property
    def order_within(self) -> Order:
        """Of the pairs of each drug."""
        return self.order.within(self.drugs)

    def metrics(self, loss: Floats) -> dict[str, float]:
        """See `error_ranking_metrics`."""
        own = Order.of(loss)
        found, best = _overall(loss, self.order), _risk_curve(loss, own)
        within = _mse_of_retained_within(loss, self.order_within, self.drugs, RETAINED_SHARES)
        names = [f"within_drug_kept_at_{percent(share)}" for share in RETAINED_SHARES]
        ranked = within_group_pearson(own.within(self.drugs).ranks, self.order_within.ranks, self.drugs, MIN_WITHIN)
        return {
            **found,
            "excess_aurc": found["aurc"] - float(best.mean()),
            "excess_augrc": found["augrc"] - generalised_risk_area(best),
            **dict(zip(names, map(nan_mean, within), strict=True)),
            "error_spearman": spearman_of(own, self.order),
            "within_drug_error_spearman": nan_mean(ranked),
        }


def drug_sd(loss: Floats, observed: Observed, seed: int) -> Floats:
    """Each pair's drug's RMSE among the other half of the cell lines, (N,); overall RMSE for a drug unseen there."""
    drugs, half = observed.drug_codes, deal_lines_in_halves(observed, seed)
    own_sd = np.empty(len(loss))
    for side in (0, 1):
        other = half != side
        n = np.bincount(drugs[other], minlength=int(drugs.max()) + 1)
        total = np.bincount(drugs[other], weights=loss[other], minlength=len(n))
        mean = np.where(n > 0, total / np.maximum(n, 1), loss.mean())
        own_sd[~other] = np.sqrt(mean)[drugs[~other]]
    return own_sd


def deal_lines_in_halves(observed: Observed, seed: int) -> Ints:
    """0 or 1 for each pair, (N,): cell lines dealt at random into two halves, so that each half can judge the other."""
    lines = observed.line_codes
    return np.random.default_rng(seed).permutation(int(lines.max()) + 1)[lines] % 2


def _overall(loss: Floats, order: Order) -> dict[str, float]:
    curve = _risk_curve(loss, order)
    areas = {"aurc": float(curve.mean()), "augrc": generalised_risk_area(curve)}
    return areas | {f"kept_at_{percent(share)}": _mse_of_retained(curve, share) for share in RETAINED_SHARES}


def _mse_of_retained(curve: Floats, share: float) -> float:
    total = float(curve[-1])
    return float(curve[_first(share, len(curve)) - 1]) / total if total > 0 else float("nan")


def _if_calibrated(std: Floats, drugs: Ints, simulated: Floats) -> dict[str, float]:
    """Every figure of the ranking when the SDs are true: the mean over simulated errors."""
    drawn = pd.DataFrame(list(map(_Ranking(std, drugs).metrics, simulated)))
    return {f"{name}_if_calibrated": nan_mean(drawn[name].to_numpy()) for name in drawn}


def _first(share: float | Floats, n: int | Ints) -> Ints:
    """How many pairs a share of n is, rounded up, at least 1."""
    return np.maximum(np.ceil(np.asarray(share) * n - 1e-9), 1).astype(np.intp)
