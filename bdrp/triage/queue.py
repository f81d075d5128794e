"""The review queue: the pairs that most need an expert, within a budget.

    priority = w1 min(1, 2 P(wrong side)) + w2 epistemic share + w3 width rank + w4 (1 - Tanimoto) + w5 line percentile

The first term is the expected cost of acting on the mean alone, where each wrong call of sensitive or resistant costs
the same: a coin flip is 1, a sure call 0. The others are gaps in knowledge, in which that probability itself may be
off. Weights are shares (`Weights`), so the priority is between 0 and 1. Context that is not known counts as no gap.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bdrp.errors import BdrpWarning, DataError
from bdrp.predictive import PredictiveDistribution
from bdrp.predictive.distribution import KEYS
from bdrp.triage.decision import ANSWER
from bdrp.triage.policy import Policy
from bdrp.triage.predictions import Rankable, check_predictions
from bdrp.triage.quantile_table import QuantileTable
from bdrp.triage.reasons import REASONS, explain_pair, flag_pairs, join_reasons

SHOWN = ("drug_name", "tissue", "mean", "q05", "q95", "std", "aleatoric_std", "epistemic_std")
BEHIND = ("nearest_drugs", "drug_similarity", "line_distance_percentile", "lower_limit", "upper_limit", "model")
COLUMNS = (
    "rank", "cell_line_id", "drug_id", *SHOWN, "priority", "wrong_side_probability", "threshold",
    "reasons", "explanation", *BEHIND, *ANSWER,
)  # fmt: skip


def rank(
    predictions: Rankable, policy: Policy | None = None, budget: int = 50, reviewed: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The `budget` pairs of highest priority, most urgent first.

    One drug and one line may take no more than `policy.most_per_drug` and `most_per_line` of the queue (rounded up),
    or what an even queue over all drugs or lines would give them, if that is more. Places that stay free under these
    limits go to the pairs of highest priority that are left. Ties go by cell_line_id, then drug_id.

    Args:
        predictions: what `predict` or `read_predictions` gives, or a predictive distribution alone; or a table of
            quantiles as `read_predictions` takes one from others. Context that is not there (drug_name, tissue,
            nearest_drugs, drug_similarity, line_distance_percentile, lower_limit, upper_limit) is not known.
        policy: thresholds and weights; the defaults where None.
        budget: how many pairs can be reviewed, at least 1.
        reviewed: cell_line_id and drug_id of pairs that are not to be asked again, such as `review.find_settled`
            gives. Thresholds and widths are still those of all predictions.

    Returns:
        One row a pair with `COLUMNS`; those of `ANSWER` are empty, for the reviewer, and `model` is the digest of the
        model folder that predicted, where that is known. `attrs` holds the measure, unit, policy, threshold and the
        numbers of pairs that were ranked and that were left out as reviewed.

    Raises:
        DataError: a prediction cannot be ranked, all pairs are reviewed, or the budget is below 1.

    Warns:
        BdrpWarning: a pair is there twice, the budget is more than the pairs, or what a table of quantiles loses.

    Example:
        >>> from bdrp.predictive import StudentT
        >>> keys = pd.DataFrame({"cell_line_id": ["A", "A"], "drug_id": ["X", "Y"]})
        >>> pred = StudentT.from_std(keys, "ln_ic50_um", [0.0, -2.0], [1.0, 1.0], [0.3, 0.3], 3.0)
        >>> queue = rank(pred, Policy(sensitivity_threshold=-3.0), budget=1)
        >>> queue[["drug_id", "wrong_side_probability"]].round(3).values.tolist()
        [['Y', 0.106]]
    """
    policy = policy or Policy()
    distribution, tidy = check_predictions(predictions)
    unreviewed = _unreviewed(tidy, reviewed)
    budget = _checked_budget(budget, len(unreviewed))
    facts = _facts(distribution, tidy, policy)
    chosen = unreviewed[_chosen(facts.iloc[unreviewed], budget, policy)]
    queue = _with_explanations(facts, chosen, policy, distribution.unit)
    queue.attrs = {
        "measure": distribution.measure,
        "unit": distribution.unit,
        "policy": asdict(policy),
        "threshold": float(facts["threshold"].iloc[0]),
        "pairs_ranked": len(unreviewed),
        "pairs_reviewed": len(tidy) - len(unreviewed),
    }
    return queue


def summary(queue: pd.DataFrame) -> dict[str, Any]:
    """What a queue holds, ready for JSON: pairs, drugs, lines, threshold, and how many pairs each reason holds for."""
    counts = Counter(code for codes in queue["reasons"].fillna("") for code in codes.split(";"))
    return {
        "pairs": len(queue),
        "pairs_ranked": queue.attrs.get("pairs_ranked"),
        "pairs_reviewed": queue.attrs.get("pairs_reviewed", 0),
        "drugs": int(queue["drug_id"].nunique()),
        "cell_lines": int(queue["cell_line_id"].nunique()),
        "threshold": float(queue["threshold"].iloc[0]) if len(queue) else None,
        "unit": queue.attrs.get("unit", ""),
        "reasons": {code: counts.get(code, 0) for code in REASONS},
        "without_reason": counts.get("", 0),
    }


def _unreviewed(tidy: pd.DataFrame, reviewed: pd.DataFrame | None) -> NDArray[np.intp]:
    """Row positions of the pairs that may still be asked."""
    if reviewed is None or reviewed.empty:
        return np.arange(len(tidy))
    done = pd.MultiIndex.from_frame(reviewed[list(KEYS)].astype(str))
    left = np.flatnonzero(~pd.MultiIndex.from_frame(tidy[list(KEYS)]).isin(done))
    if not len(left):
        raise DataError(
            f"All {len(tidy):,} predicted pairs are reviewed already, and none is asked twice. Predict other pairs, or "
            "leave the log of decisions out."
        )
    return left


def _checked_budget(budget: int, pairs: int) -> int:
    if isinstance(budget, bool) or not isinstance(budget, int | np.integer) or budget < 1:
        raise DataError(
            f"The budget is {budget!r}. It must be a whole number of pairs from 1 up. Give a larger budget."
        )
    if budget > pairs:
        message = f"The budget of {budget} is more than the {pairs} predicted pairs; the queue holds all of them."
        warnings.warn(message, BdrpWarning, stacklevel=3)
    return min(int(budget), pairs)


def _facts(distribution: PredictiveDistribution | QuantileTable, tidy: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """What priority and reasons are computed from, one row a pair."""
    threshold = policy.sensitivity_threshold
    if threshold is None:
        threshold = float(tidy["mean"].quantile(policy.sensitive_share))
    q05, q95, low, high = _tails(distribution, policy.level)
    below, above = distribution.cdf(threshold), distribution.survival(threshold)
    facts = tidy.assign(
        q05=q05,
        q95=q95,
        threshold=float(threshold),
        interval_low=low,
        interval_high=high,
        width=high - low,
        wrong_side=np.where(tidy["mean"] < threshold, above, below),
        epistemic_share=np.clip((tidy["epistemic_std"] / tidy["std"]) ** 2, 0, 1),
    )
    facts["width_rank"] = (facts["width"].rank(method="min") - 1) / len(facts)
    return facts.assign(priority=_priority(facts, policy))


def _tails(distribution: PredictiveDistribution | QuantileTable, level: float) -> NDArray[np.float64]:
    """The 5 and 95 % quantiles and both ends of the central interval, (4, N); none is computed twice."""
    levels, where = np.unique(np.round([0.05, 0.95, (1 - level) / 2, (1 + level) / 2], 15), return_inverse=True)
    return np.asarray(distribution.quantile(levels).T[where])


def _priority(facts: pd.DataFrame, policy: Policy) -> pd.Series:
    terms = {
        "wrong_side": np.minimum(1, 2 * facts["wrong_side"]),
        "epistemic": facts["epistemic_share"],
        "width": facts["width_rank"],
        "drug": (1 - facts["drug_similarity"]).fillna(0),
        "line": facts["line_distance_percentile"].fillna(0),
    }
    total: pd.Series = sum((policy.weights.share(name) * term for name, term in terms.items()), start=0 * facts["mean"])
    return total.round(9)  # equal priorities stay equal on every machine, so that ties go by id


def _chosen(facts: pd.DataFrame, budget: int, policy: Policy) -> NDArray[np.intp]:
    """Row positions of the queue, most urgent first."""
    lines, line_ids = pd.factorize(facts["cell_line_id"], sort=True)
    drugs, drug_ids = pd.factorize(facts["drug_id"], sort=True)
    order = np.lexsort((drugs, lines, -facts["priority"].to_numpy()))
    drug_limit = _limit(policy.most_per_drug, budget, len(drug_ids))
    line_limit = _limit(policy.most_per_line, budget, len(line_ids))
    taken = _within(order, lines, drugs, budget, line_limit, drug_limit)
    if len(taken) < budget:  # the limits left places free
        left = order[~np.isin(order, taken)]
        taken = np.concatenate([taken, left[: budget - len(taken)]])
    position = np.empty(len(order), dtype=np.intp)
    position[order] = np.arange(len(order))
    return taken[np.argsort(position[taken])]


def _limit(share: float, budget: int, ids: int) -> int:
    return max(math.ceil(share * budget - 1e-9), math.ceil(budget / ids))


def _within(
    order: NDArray[np.intp], lines: NDArray[np.intp], drugs: NDArray[np.intp], budget: int, per_line: int, per_drug: int
) -> NDArray[np.intp]:
    """The first `budget` rows of `order` that exceed neither limit."""
    of_line, of_drug, taken = Counter[int](), Counter[int](), []
    for row, line, drug in zip(order.tolist(), lines[order].tolist(), drugs[order].tolist(), strict=True):
        if of_line[line] < per_line and of_drug[drug] < per_drug:
            of_line[line] += 1
            of_drug[drug] += 1
            taken.append(row)
            if len(taken) == budget:
                break
    return np.array(taken, dtype=np.intp)


def _with_explanations(facts: pd.DataFrame, chosen: NDArray[np.intp], policy: Policy, unit: str) -> pd.DataFrame:
    holding = flag_pairs(facts, policy)
    queue = facts.iloc[chosen].reset_index(drop=True)
    codes = [join_reasons(holding, row) for row in chosen]
    message = [explain_pair(pair, code, policy, unit) for (_, pair), code in zip(queue.iterrows(), codes, strict=True)]
    empty = dict.fromkeys(ANSWER, "")
    queue = queue.assign(
        rank=np.arange(1, len(queue) + 1),
        wrong_side_probability=queue["wrong_side"],
        reasons=pd.Series(codes, dtype="str"),
        explanation=pd.Series(message, dtype="str"),
        **empty,
    )
    return queue[list(COLUMNS)]
