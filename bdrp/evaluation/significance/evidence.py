"""What the two kinds of evidence say together: other lines and drugs, and other training pairs."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from bdrp.evaluation.observed import Bools
from bdrp.evaluation.significance.metrics import find_metric

SURE: Final = 0.95  # chosen: the level of the intervals beside it
KEYS: Final = ["split", "figure", "method", "other"]


def combine_evidence(differences: pd.DataFrame, equivalence: pd.DataFrame) -> pd.DataFrame:
    """Each difference with its interval, the probabilities over folds, and both in words.

    Args:
        differences: of `differences`, lines and drugs resampled, with a column split.
        equivalence: of `practical_equivalence` on the same metrics; may be empty where folds are lacking.

    Returns:
        split, figure, method, other, difference, lower, upper, family_lower, family_upper, p_better, p_equal, p_worse
        (nan without folds), and `evidence`: "better" or "worse" of `method`, "on both", "on pairs alone" (the interval
        of all differences together leaves out 0) or "over folds alone" (probability of at least 0.95 to be better by
        more than is practically equal); "equal" (that probability of being practically equal), "contradictory" or
        "not told apart".
    """
    shares = ["p_better", "p_equal", "p_worse"]
    kept = differences[[*KEYS, "difference", "lower", "upper", "family_lower", "family_upper"]]
    table = (
        kept.assign(**dict.fromkeys(shares, np.nan))
        if equivalence.empty
        else kept.merge(equivalence[[*KEYS, *shares]], on=KEYS, how="left")
    )
    low = np.array([find_metric(name).direction.good == "low" for name in table["figure"]])
    below, above = table["family_upper"].to_numpy() < 0, table["family_lower"].to_numpy() > 0
    better, worse = np.where(low, below, above), np.where(low, above, below)
    folds_better, folds_worse = (table["p_better"] >= SURE).to_numpy(), (table["p_worse"] >= SURE).to_numpy()
    words = _words(better, worse, folds_better, folds_worse)
    settled = words == "not told apart"
    return table.assign(evidence=np.where(settled & (table["p_equal"] >= SURE).to_numpy(), "equal", words))


def _words(better: Bools, worse: Bools, folds_better: Bools, folds_worse: Bools) -> np.ndarray:
    cases = {
        "contradictory": (better & folds_worse) | (worse & folds_better),
        "better on both": better & folds_better,
        "worse on both": worse & folds_worse,
        "better on pairs alone": better,
        "worse on pairs alone": worse,
        "better over folds alone": folds_better,
        "worse over folds alone": folds_worse,
    }
    return np.select(list(cases.values()), list(cases), "not told apart")
