"""The review queue: the pairs that most need an expert, within a budget.

    priority = w1 min(1, 2 P(wrong side)) + w2 epistemic share + w3 width rank + w4 (1 - Tanimoto) + w5 line percentile

The first term is the expected cost of acting on the mean alone, where each wrong call of sensitive or resistant costs
the same: a coin flip is 1, a sure call 0. The others are gaps in knowledge, in which that probability itself may be
off. Weights are shares (`Weights`), so the priority is between 0 and 1. Context that is not known counts as no gap.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bdrp.errors import BdrpWarning, DataError
from bdrp.predictive.distribution import KEYS
from bdrp.predictive.readable import ReadableUnit, round_significant
from bdrp.triage.choice import choose_pairs
from bdrp.triage.decision import ANSWER
from bdrp.triage.facts import compute_facts
from bdrp.triage.policy import Policy
from bdrp.triage.predictions import Rankable, check_predictions
from bdrp.triage.reasons import REASONS, BoolArray, explain_pair, flag_pairs, join_reasons

SHOWN = ("line_name", "drug_name", "tissue", "mean", "q05", "q95", "std", "aleatoric_std", "epistemic_std")
BEHIND = ("nearest_drugs", "drug_similarity", "line_distance_percentile", "lower_limit", "upper_limit", "model")
READ: Mapping[str, str] = {
    "predicted": "mean",
    "low": "q05",
    "high": "q95",
    "threshold": "threshold",
    "lowest_dose": "lower_limit",
    "highest_dose": "upper_limit",
}
"""Columns of responses that are logarithms, by the name under which they are concentrations too: `predicted_um`."""
COLUMNS = (
    "rank", "cell_line_id", "drug_id", *SHOWN, "priority", "wrong_side_probability", "threshold",
    "reasons", "explanation", *BEHIND, *ANSWER,
)  # fmt: skip


def rank(
    predictions: Rankable, policy: Policy | None = None, budget: int = 50, reviewed: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The `budget` pairs of highest priority, most urgent first.

    A share of the queue is kept for pairs of some reasons (`policy.quotas`), as far as there are such pairs: confident
    hits among them, the surest first, which no priority would bring up. One drug and one line may take no more than
    `policy.most_per_drug` and `most_per_line` of the queue (rounded up), or what an even queue over all drugs or lines
    would give them, if that is more. Places that stay free under these limits go to the pairs of highest priority that
    are left. Ties go by cell_line_id, then drug_id.

    Args:
        predictions: what `predict` or `read_predictions` gives, or a predictive distribution alone; or a table of
            quantiles as `read_predictions` takes one from others. Context that is not there (line_name, drug_name,
            tissue, nearest_drugs, drug_similarity, line_distance_percentile, lower_limit, upper_limit) is not known.
        policy: thresholds and weights; the defaults where None.
        budget: how many pairs can be reviewed, at least 1.
        reviewed: cell_line_id and drug_id of pairs that are not to be asked again, such as `review.find_settled`
            gives. Thresholds and widths are still those of all predictions.

    Returns:
        One row a pair with `COLUMNS` and, where responses are logarithms of a concentration, those of `READ` as
        concentrations of three digits behind the tissue (`predicted_um`: of the predicted mean). Those of `ANSWER` are
        empty, for the reviewer, and `model` is the digest of the model folder that predicted, where that is known.
        `attrs` holds the measure, unit, policy, threshold and the numbers of pairs that were ranked and that were left
        out as reviewed.

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
    facts = compute_facts(distribution, tidy, policy)
    holding = {code: holds[unreviewed] for code, holds in flag_pairs(facts, policy).items()}
    facts = facts.iloc[unreviewed]
    chosen = choose_pairs(facts, holding, budget, policy)
    queue = _with_explanations(facts, holding, chosen, policy, distribution.unit)
    queue.attrs = {
        "measure": distribution.measure,
        "unit": distribution.unit,
        "policy": asdict(policy),
        "threshold": _only(facts["threshold"]),
        "wrong_calls_expected_at_random": float(facts["wrong_side"].mean()) * budget,
        "pairs_ranked": len(unreviewed),
        "pairs_reviewed": len(tidy) - len(unreviewed),
        "updates": list(getattr(predictions, "updates", ())),
    }
    return queue


def summary(queue: pd.DataFrame) -> dict[str, Any]:
    """What a queue holds, ready for JSON: pairs, drugs, lines, and how many pairs each reason holds for.

    `threshold` is None where it differs by drug. `wrong_calls_expected` is what a review by assay is expected to
    correct: how many calls of sensitive or not, by the predicted means, the measured responses would overturn; beside
    it the same of as many pairs that are drawn at random.
    """
    counts = Counter(code for codes in queue["reasons"].fillna("") for code in codes.split(";"))
    return {
        "pairs": len(queue),
        "pairs_ranked": queue.attrs.get("pairs_ranked"),
        "pairs_reviewed": queue.attrs.get("pairs_reviewed", 0),
        "drugs": int(queue["drug_id"].nunique()),
        "cell_lines": int(queue["cell_line_id"].nunique()),
        "threshold": _only(queue["threshold"]),
        "wrong_calls_expected": float(queue["wrong_side_probability"].sum()),
        "wrong_calls_expected_at_random": queue.attrs.get("wrong_calls_expected_at_random"),
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


def _only(thresholds: pd.Series) -> float | None:
    return float(thresholds.iloc[0]) if thresholds.nunique() == 1 else None


def _with_explanations(
    facts: pd.DataFrame, holding: Mapping[str, BoolArray], chosen: NDArray[np.intp], policy: Policy, unit: str
) -> pd.DataFrame:
    queue = facts.iloc[chosen].reset_index(drop=True)
    codes = [join_reasons(holding, row) for row in chosen]
    readable = ReadableUnit(unit)
    message = [
        explain_pair(pair, code, policy, readable) for (_, pair), code in zip(queue.iterrows(), codes, strict=True)
    ]
    empty = dict.fromkeys(ANSWER, "")
    queue = queue.assign(
        rank=np.arange(1, len(queue) + 1),
        wrong_side_probability=queue["wrong_side"],
        reasons=pd.Series(codes, dtype="str"),
        explanation=pd.Series(message, dtype="str"),
        **empty,
    )
    return _with_concentrations(queue[list(COLUMNS)], readable)


def _with_concentrations(queue: pd.DataFrame, unit: ReadableUnit) -> pd.DataFrame:
    """The queue with `READ` in front of the mean, where responses are logarithms; what is in their unit stays exact."""
    if not unit.is_logarithm:
        return queue
    read = {name + unit.suffix: round_significant(unit.read(queue[source])) for name, source in READ.items()}
    at = COLUMNS.index("mean")
    return pd.concat([queue.iloc[:, :at], pd.DataFrame(read, index=queue.index), queue.iloc[:, at:]], axis=1)
