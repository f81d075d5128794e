"""Reason codes: what about a prediction calls for an expert, and one sentence that says it with numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bdrp.predictive.readable import ReadableUnit, write_number

if TYPE_CHECKING:
    from bdrp.triage.policy import Policy

BoolArray = NDArray[np.bool_]
CONFIDENT_HIT: Final = "confident_hit"


def _straddles(facts: pd.DataFrame, policy: Policy) -> pd.Series:
    return (facts["interval_low"] < facts["threshold"]) & (facts["threshold"] < facts["interval_high"])


def _extrapolated(facts: pd.DataFrame, policy: Policy) -> pd.Series:
    return (facts["mean"] > facts["upper_limit"]) | (facts["mean"] < facts["lower_limit"])


def _confident_hit(facts: pd.DataFrame, policy: Policy) -> pd.Series:
    surely_below = (facts["mean"] < facts["threshold"]) & (facts["wrong_side"] <= 1 - policy.hit_chance + 1e-12)
    return surely_below & ~(facts["mean"] > facts["upper_limit"])  # beyond the doses there is nothing to confirm


REASONS: Mapping[str, Callable[[pd.DataFrame, Policy], pd.Series]] = {
    "straddles_threshold": _straddles,
    "wide_interval": lambda facts, policy: facts["width"] > facts["width"].quantile(policy.width_quantile),
    "epistemic_share": lambda facts, policy: facts["epistemic_share"] > policy.epistemic_share,
    "unlike_training_drug": lambda facts, policy: facts["drug_similarity"] < policy.tanimoto,
    "unlike_training_line": lambda facts, policy: facts["line_distance_percentile"] > policy.line_percentile,
    "extrapolated": _extrapolated,
    CONFIDENT_HIT: _confident_hit,
}
"""Each code and which pairs (N,) it holds for. What is not known (NaN) is no reason."""

MEANINGS: Mapping[str, str] = {
    "straddles_threshold": "the interval holds the sensitivity threshold, so the call could go either way",
    "wide_interval": "the interval is wider than those of most pairs that were predicted together",
    "epistemic_share": "much of the variance is lack of knowledge, not noise",
    "unlike_training_drug": "no training drug is similar in structure",
    "unlike_training_line": "the line is further from every training line than nearly all of these are from each other",
    "extrapolated": "the mean lies beyond the doses that were tested; an assay at these doses could not confirm it",
    CONFIDENT_HIT: "surely sensitive by the prediction: offered beside the doubtful pairs, to be confirmed",
}
"""What each code says; how wide, much and similar is, the `Policy` decides, and the explanation of a pair tells."""


def flag_pairs(facts: pd.DataFrame, policy: Policy) -> dict[str, BoolArray]:
    """Which pairs each code holds for, (N,) by code."""
    return {code: np.asarray(holds(facts, policy), dtype=bool) for code, holds in REASONS.items()}


def join_reasons(holding: Mapping[str, BoolArray], row: int) -> str:
    """The codes of one pair, "a;b", in the order of `REASONS`."""
    return ";".join(code for code, holds in holding.items() if holds[row])


def explain_pair(pair: pd.Series, codes: str, policy: Policy, unit: ReadableUnit) -> str:
    """One sentence for a reviewer: the prediction, the risk of acting on it, and each reason with its numbers."""
    mean, low, high, threshold = (
        _write(pair[name], unit) for name in ("mean", "interval_low", "interval_high", "threshold")
    )
    drug, line = pair["drug_name"] or pair["drug_id"], pair["line_name"] or pair["cell_line_id"]
    if is_beyond_doses(pair["mean"], pair["threshold"], pair["upper_limit"]):
        call = f"below the threshold {threshold}, which no tested dose could show,"
    else:
        call = f"{'sensitive' if pair['mean'] < pair['threshold'] else 'resistant'} by the threshold {threshold}"
    amount = f"{mean} {unit.name}".strip()
    clauses = [
        f"Predicted {amount} for {drug} on {line} ({policy.level:.0%} interval {low} to {high})",
        f"so {call} with a {pair['wrong_side']:.0%} chance of the opposite",
    ]
    clauses += [_CLAUSES[code](pair, unit) for code in codes.split(";") if code in _CLAUSES]
    return "; ".join(clauses) + "."


def is_beyond_doses(mean: float, threshold: float, upper_limit: float) -> bool:
    """Whether a response is below a threshold that lies beyond the tested doses, where it is, too; NaN is not known."""
    return bool(upper_limit < mean < threshold)


def _write(response: float, unit: ReadableUnit) -> str:
    return write_number(float(unit.read(response)))


def _beyond(pair: pd.Series, unit: ReadableUnit) -> str:
    if pair["mean"] > pair["upper_limit"]:
        return f"the mean is above the highest tested dose ({_write(pair['upper_limit'], unit)})"
    return f"the mean is below the lowest tested dose ({_write(pair['lower_limit'], unit)})"


_CLAUSES: Mapping[str, Callable[[pd.Series, ReadableUnit], str]] = {
    "wide_interval": lambda pair, unit: f"the interval is wider than that of {pair['width_rank']:.0%} of the pairs",
    "epistemic_share": lambda pair, unit: f"{pair['epistemic_share']:.0%} of the variance is lack of knowledge",
    "unlike_training_drug": lambda pair, unit: (
        f"the most similar training drug has Tanimoto {pair['drug_similarity']:.2f}"
    ),
    "unlike_training_line": lambda pair, unit: (
        f"the line is further from its nearest training line than {pair['line_distance_percentile']:.0%} of these are"
    ),
    "extrapolated": _beyond,
    CONFIDENT_HIT: lambda pair, unit: f"it is sensitive with a chance of {1 - pair['wrong_side']:.0%}: confirm it",
}
