"""Scores of distributions that benchmarks of point predictions lack, in bdrp's environment."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from bdrp import PredictiveDistribution

KEYS: Final = ["cell_line_id", "drug_id"]
LEVEL: Final = 0.9


def score_distributions(table: pd.DataFrame, path: Path) -> dict[str, float]:
    """The CRPS, the coverage and mean width of `LEVEL` intervals, and the negative log density, a response on average.

    Args:
        table: cell_line_id, drug_id and response; a pair may stand twice.
        path: predictions of these pairs, as `bdrp predict` writes them.
    """
    kept = PredictiveDistribution.load(path)
    order = pd.MultiIndex.from_frame(kept.keys[KEYS]).get_indexer(pd.MultiIndex.from_frame(table[KEYS]))
    pred, observed = kept[order], table["response"].to_numpy()
    lower, upper = pred.interval(LEVEL).T
    return {
        "crps": float(pred.crps(observed).mean()),
        "coverage_90": float(((lower <= observed) & (observed <= upper)).mean()),
        "width_90": float((upper - lower).mean()),
        "nll": float(-pred.log_prob(observed).mean()),
    }
