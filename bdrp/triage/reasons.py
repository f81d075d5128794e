"""Reason codes: what about a prediction calls for an expert, and one sentence that says it with numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from bdrp.triage.policy import Policy

BoolArray = NDArray[np.bool_]
CONFIDENT_HIT: Final = "confident_hit"


def _straddles(facts: pd.DataFrame, policy: Policy) -> pd.Series:
    return (facts["interval_low"] < facts["threshold"]) & (facts["threshold"] < facts["interval_high"])


def _extrapolated(facts: pd.DataFrame, policy: Policy) -> pd.Series:
    return (facts["mean"] > facts["upper_limit"]) | (facts["mean"] < facts["lower_limit"])


def _confident_hit(facts: pd.DataFrame, policy: Policy) -> pd.Series:
    return (facts["mean"] < facts["threshold"]) & (facts["wrong_side"] <= 1 - policy.hit_chance + 1e-12)


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


def explain_pair(pair: pd.Series, codes: str, policy: Policy, unit: str) -> str:
    """One sentence for a reviewer: the prediction, the risk of acting on it, and each reason with its numbers."""
    drug, line = pair["drug_name"] or pair["drug_id"], pair["line_name"] or pair["cell_line_id"]
    side = "sensitive" if pair["mean"] < pair["threshold"] else "resistant"
    interval = f"{policy.level:.0%} interval {pair['interval_low']:.2f} to {pair['interval_high']:.2f}"
    clauses = [
        f"Predicted {_amount(pair['mean'], unit)} for {drug} on {line} ({interval})",
        f"so {side} by the threshold {pair['threshold']:.2f} with a {pair['wrong_side']:.0%} chance of the opposite",
    ]
    clauses += [_CLAUSES[code](pair) for code in codes.split(";") if code in _CLAUSES]
    return "; ".join(clauses) + "."


def _amount(value: float, unit: str) -> str:
    return f"{value:.2f} {unit}".strip()


def _beyond(pair: pd.Series) -> str:
    if pair["mean"] > pair["upper_limit"]:
        return f"the mean is above the highest tested dose ({pair['upper_limit']:.2f})"
    return f"the mean is below the lowest tested dose ({pair['lower_limit']:.2f})"


_CLAUSES: Mapping[str, Callable[[pd.Series], str]] = {
    "wide_interval": lambda pair: f"the interval is wider than that of {pair['width_rank']:.0%} of the pairs",
    "epistemic_share": lambda pair: f"{pair['epistemic_share']:.0%} of the variance is lack of knowledge",
    "unlike_training_drug": lambda pair: f"the most similar training drug has Tanimoto {pair['drug_similarity']:.2f}",
    "unlike_training_line": lambda pair: (
        f"the line is further from its nearest training line than {pair['line_distance_percentile']:.0%} of these are"
    ),
    "extrapolated": _beyond,
    CONFIDENT_HIT: lambda pair: f"it is sensitive with a chance of {1 - pair['wrong_side']:.0%}: confirm it",
}
