"""Do weights differ between drugs? What is the same for all of them explains none."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd

ALIKE: Final = 0.9  # chosen: above, the ranking of genes is one ranking, for all drugs
MOST_COMPARED: Final = 500  # chosen: bounds the memory of comparing ranks; drugs taken evenly


def mean_rank_correlation(weights: pd.DataFrame) -> float:
    """Spearman's correlation of two rows of weights (D, G), mean over pairs of rows; NaN for a single one."""
    some = weights.iloc[np.unique(np.linspace(0, len(weights) - 1, MOST_COMPARED).astype(int))]
    ranks = some.rank(axis=1).to_numpy()
    if len(ranks) < 2 or ranks.shape[1] < 2:
        return math.nan
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    unit[length[:, 0] == 0] = ranks.shape[1] ** -0.5  # one rank for all genes, whichever drug: alike
    count = len(unit)
    return float((np.square(unit.sum(axis=0)).sum() - count) / (count * (count - 1)))
