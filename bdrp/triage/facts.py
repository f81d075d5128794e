"""What priority and reasons are computed from: tails, chances, thresholds and gaps in knowledge of each pair."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bdrp.data.identifiers import listed
from bdrp.errors import DataError
from bdrp.predictive import PredictiveDistribution
from bdrp.triage.policy import Policy
from bdrp.triage.quantile_table import QuantileTable


def compute_facts(
    distribution: PredictiveDistribution | QuantileTable, tidy: pd.DataFrame, policy: Policy
) -> pd.DataFrame:
    """A row a pair: the context, q05, q95, threshold, the interval, wrong_side, epistemic_share, priority.

    Raises:
        DataError: a drug has no threshold.
    """
    threshold = _thresholds(tidy, policy)
    q05, q95, low, high = _tails(distribution, policy.level)
    below, above = distribution.cdf(threshold), distribution.survival(threshold)
    facts = tidy.assign(
        q05=q05,
        q95=q95,
        threshold=threshold,
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


def _thresholds(tidy: pd.DataFrame, policy: Policy) -> NDArray[np.float64]:
    """Below what a response counts as sensitive, (N,)."""
    given = policy.sensitivity_threshold
    if isinstance(given, Mapping):
        lacking = sorted(set(tidy["drug_id"]) - set(given))
        if lacking:
            raise DataError(
                f"{len(lacking):,} drugs have no sensitivity threshold: {listed(lacking)}. With thresholds by drug, "
                "each predicted drug needs one. Give theirs, or one threshold for all."
            )
        return tidy["drug_id"].map(given).to_numpy(dtype=np.float64)
    if given is not None:
        return np.full(len(tidy), float(given))
    if policy.threshold_by_drug:
        share = tidy.groupby("drug_id")["mean"].transform("quantile", policy.sensitive_share)
        return share.to_numpy(dtype=np.float64)
    return np.full(len(tidy), float(tidy["mean"].quantile(policy.sensitive_share)))
