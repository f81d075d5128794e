"""Is the predicted probability of right-censored, beyond the highest dose, the share of times that it happens?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bdrp.evaluation.bands import binomial_band, resampled_means
from bdrp.evaluation.curves import is_consistent, is_inside_band, is_single_line_and_drug
from bdrp.evaluation.observed import Floats, Ints, Observed, encode_labels
from bdrp.evaluation.point_metrics import nan_mean, ranks
from bdrp.evaluation.selective import deal_lines_in_halves
from bdrp.predictive import PredictiveDistribution

MOST_BINS = 15
SMALLEST_BIN = 20  # chosen: a share of 20 is known to about 10 percentage points
FEWEST = 5  # chosen: with fewer of either kind one pair moves a drug's AUROC by a fifth
COLUMNS = ("low", "high", "n", "nominal", "observed", "lower", "upper", "null_lower", "null_upper")
_TINY = 1e-15  # chosen: the rounding of 1 - p; a certain answer that is wrong costs 35 nats, not infinitely many


def right_censoring_metrics(
    pred: PredictiveDistribution, seen: Observed, table: pd.DataFrame, seed: int
) -> dict[str, Any]:
    """How well P(response > upper limit) predicts that a response is right-censored: beyond the highest dose.

    The Brier score is the mean of (P - event)^2 (Brier 1950), `brier_if_calibrated` what it would be on average if each
    P were true, the mean of P(1 - P). `*_base_rate` is the baseline that knows each drug's censored share and no
    lines: that share is counted on the other half of the held-out lines, so a pair never judges itself. `brier_skill`
    is 1 less the ratio of the two Brier scores, with a 95 % interval (lines and drugs resampled). `within_drug_auroc`
    averages over drugs with at least 5 pairs of either kind: 0.5 cannot tell lines apart. Pairs whose upper limit is
    unknown are left out; every metric is nan if that is all of them.

    Args:
        pred: the predictions of N pairs.
        seen: their responses and limits.
        table: `reliability` of the same pairs.
        seed: of the halves and of the resampling.
    """
    some = np.flatnonzero(~np.isnan(seen.upper_limit))
    chance, event = right_censoring_probabilities(pred, seen)[some], seen.above[some].astype(np.float64)
    rate, drugs = drug_base_rates(seen, seed)[some], encode_labels(seen.drugs.iloc[some])
    within = within_group_auroc(chance, event, drugs)
    squares = np.stack([np.square(chance - event), np.square(rate - event)], axis=1)
    skill, low, high = _skill(squares, seen, some, seed)
    return {
        "pairs": len(some),
        "share": nan_mean(event),
        "mean_probability": nan_mean(chance),
        "brier": nan_mean(squares[:, 0]),
        "brier_base_rate": nan_mean(squares[:, 1]),
        "brier_if_calibrated": nan_mean(chance * (1 - chance)),
        "brier_skill": skill,
        "brier_skill_lower": low,
        "brier_skill_upper": high,
        "log_loss": nan_mean(log_loss(chance, event)),
        "log_loss_base_rate": nan_mean(log_loss(rate, event)),
        "auroc": _auroc(chance, event),
        "auroc_base_rate": _auroc(rate, event),
        "within_drug_auroc": nan_mean(within),
        "within_drug_count": int(np.sum(np.isfinite(within))),
        "reliability_consistent": is_consistent(table) if len(table) else None,
        "reliability_inside_band": is_inside_band(table) if len(table) else None,
    }


def right_censoring_probabilities(pred: PredictiveDistribution, seen: Observed) -> Floats:
    """P(response > upper limit), (N,); nan where the limit is unknown."""
    unknown = np.isnan(seen.upper_limit)
    return np.where(unknown, np.nan, pred.survival(np.where(unknown, 0.0, seen.upper_limit)))


def drug_base_rates(seen: Observed, seed: int) -> Floats:
    """The share of each pair's drug that is right-censored on the other half of the cell lines, (N,).

    A drug's count is joined by one imagined pair at that half's overall share, and the overall count by one pair at a
    half: so a drug unseen there gets the overall share, and no share is 0 or 1.
    """
    drugs, half, known = seen.drug_codes, deal_lines_in_halves(seen, seed), ~np.isnan(seen.upper_limit)
    rate = np.empty(len(drugs))
    for side in (0, 1):
        other = (half != side) & known
        overall = (np.sum(seen.above[other]) + 0.5) / (np.sum(other) + 1)
        n = np.bincount(drugs[other], minlength=int(drugs.max()) + 1)
        happened = np.bincount(drugs[other], weights=seen.above[other], minlength=len(n))
        rate[half == side] = ((happened + overall) / (n + 1))[drugs[half == side]]
    return rate


def reliability(pred: PredictiveDistribution, seen: Observed, seed: int) -> pd.DataFrame:
    """Pairs in bins of equal size by P(right-censored): mean probability (`nominal`) and censored share (`observed`).

    `lower` and `upper` say how uncertain the shares are (95 % for all bins together, lines and drugs resampled): a
    calibrated model's band holds the diagonal. `null_lower` and `null_upper` hold all of a calibrated model's shares
    with 95 % probability if pairs were independent (consistency bars; Bröcker and Smith 2007, doi:10.1175/WAF993.1).
    """
    some = np.flatnonzero(~np.isnan(seen.upper_limit))
    if not some.size:
        return pd.DataFrame({name: pd.Series(dtype=np.float64) for name in COLUMNS})
    chance, event = right_censoring_probabilities(pred, seen)[some], seen.above[some].astype(np.float64)
    edges, group = _bins(chance)
    n = np.bincount(group)
    nominal, observed = (np.bincount(group, weights=values) / n for values in (chance, event))
    low, high = _known(event, group, seen, some, seed)
    bounds = binomial_band(n, np.clip(nominal, 0, 1), seed)
    return pd.DataFrame(dict(zip(COLUMNS, (*edges, n, nominal, observed, low, high, *bounds), strict=True)))


def within_group_auroc(score: Floats, event: Floats, group: Ints) -> Floats:
    """The area under each group's ROC curve, (groups,); nan with fewer than 5 pairs of either kind.

    The share of (event, no event) pairs that the score puts in order, a tie counting half (Hanley and McNeil 1982,
    doi:10.1148/radiology.143.1.7063747).
    """
    yes = np.bincount(group, weights=event)
    no = np.bincount(group) - yes
    rank_sum = np.bincount(group, weights=ranks(score, group) * event)
    usable = (yes >= FEWEST) & (no >= FEWEST)
    return np.where(usable, (rank_sum - yes * (yes + 1) / 2) / np.where(usable, yes * no, 1), np.nan)


def log_loss(chance: Floats, event: Floats) -> Floats:
    """The negative log of the probability of what happened, in nats, (N,)."""
    return -np.log(np.clip(np.where(event > 0, chance, 1 - chance), _TINY, 1))


def _auroc(score: Floats, event: Floats) -> float:
    return nan_mean(within_group_auroc(score, event, np.zeros(len(score), dtype=np.intp)))


def _skill(squares: Floats, seen: Observed, some: Ints, seed: int) -> tuple[float, float, float]:
    nothing = float("nan")
    if not some.size or not squares[:, 1].any():
        return nothing, nothing, nothing
    skill = 1 - float(squares[:, 0].sum() / squares[:, 1].sum())
    if is_single_line_and_drug(seen):
        return skill, nothing, nothing
    means = resampled_means(
        squares, encode_labels(seen.cell_lines.iloc[some]), encode_labels(seen.drugs.iloc[some]), seed
    )
    low, high = np.quantile(1 - means[:, 0] / means[:, 1], [0.025, 0.975])
    return skill, float(low), float(high)


def _bins(chance: Floats) -> tuple[tuple[Floats, Floats], Ints]:
    """The lowest and the highest probability of each bin, and each pair's bin; equal probabilities share a bin."""
    count = int(np.clip(len(chance) // SMALLEST_BIN, 1, MOST_BINS))
    inner = np.quantile(chance, np.arange(1, count) / count)
    group = pd.factorize(np.searchsorted(inner, chance, side="right"), sort=True)[0]
    ends = pd.Series(chance).groupby(group).agg(["min", "max"]).to_numpy()
    return (ends[:, 0], ends[:, 1]), np.asarray(group, dtype=np.intp)


def _known(event: Floats, group: Ints, seen: Observed, some: Ints, seed: int) -> tuple[Floats, Floats]:
    """A band that holds all bins' true shares with 95 %: the largest standardised distance of resampled shares."""
    n = np.bincount(group)
    if is_single_line_and_drug(seen):
        return np.full(len(n), np.nan), np.full(len(n), np.nan)
    member = (group[:, None] == np.arange(len(n))).astype(np.float64)
    lines, drugs = encode_labels(seen.cell_lines.iloc[some]), encode_labels(seen.drugs.iloc[some])
    means = resampled_means(np.hstack([member * event[:, None], member]), lines, drugs, seed)
    yes, all_ = np.hsplit(means, 2)
    centre = np.bincount(group, weights=event) / n
    shares = np.where(all_ > 0, yes / np.where(all_ > 0, all_, 1), centre)
    # Never below the binomial error of a share with one imagined pair of each kind: 0 of 20 is not certain.
    smooth = (n * centre + 1) / (n + 2)
    error = np.maximum(shares.std(axis=0), np.sqrt(smooth * (1 - smooth) / n))
    reach = error * np.quantile(np.max(np.abs(shares - centre) / error, axis=1), 0.95)
    return np.clip(centre - reach, 0, 1), np.clip(centre + reach, 0, 1)
