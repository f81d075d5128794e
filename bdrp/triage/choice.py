"""Which pairs fill a queue: quotas of reasons first, then priority, within the limits of one drug and one line."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bdrp.triage.policy import Policy
from bdrp.triage.reasons import CONFIDENT_HIT, BoolArray

Rows = NDArray[np.intp]


def choose_pairs(facts: pd.DataFrame, holding: Mapping[str, BoolArray], budget: int, policy: Policy) -> Rows:
    """Row positions of the queue, most urgent first.

    Args:
        facts: of N pairs.
        holding: which pairs each reason holds for, (N,) by code.
        budget: how many pairs, up to N.
        policy: limits and quotas.
    """
    lines, line_ids = pd.factorize(facts["cell_line_id"], sort=True)
    drugs, drug_ids = pd.factorize(facts["drug_id"], sort=True)
    order = np.lexsort((drugs, lines, -facts["priority"].to_numpy()))
    surest = np.lexsort((drugs, lines, facts["wrong_side"].to_numpy().round(9)))
    per_line = _limit(policy.most_per_line, budget, len(line_ids))
    queue = _Filling(lines, drugs, budget, per_line, _limit(policy.most_per_drug, budget, len(drug_ids)))
    for code, share in policy.quotas.items():
        ranked = surest if code == CONFIDENT_HIT else order
        queue.take(ranked[holding[code][ranked]], math.floor(share * budget + 1e-9))
    queue.take(order, budget)
    queue.take(order, budget, limited=False)  # the limits left places free
    position = np.empty(len(order), dtype=np.intp)
    position[order] = np.arange(len(order))
    taken = np.array(list(queue.taken), dtype=np.intp)
    return taken[np.argsort(position[taken])]


class _Filling:
    """A queue that fills, at most `per_line` pairs of one line and `per_drug` of one drug."""

    def __init__(self, lines: Rows, drugs: Rows, budget: int, per_line: int, per_drug: int) -> None:
        self.lines, self.drugs, self.budget = lines, drugs, budget
        self.per_line, self.per_drug = per_line, per_drug
        self.of_line, self.of_drug = Counter[int](), Counter[int]()
        self.taken: dict[int, None] = {}

    def take(self, rows: Rows, wanted: int, *, limited: bool = True) -> None:
        """Add rows, the first of them first, until `wanted` of them are in the queue, or it is full."""
        wanted -= sum(row in self.taken for row in rows.tolist()) if self.taken else 0
        for row, line, drug in zip(rows.tolist(), self.lines[rows].tolist(), self.drugs[rows].tolist(), strict=True):
            if wanted <= 0 or len(self.taken) == self.budget:
                return
            full = self.of_line[line] >= self.per_line or self.of_drug[drug] >= self.per_drug
            if row in self.taken or (limited and full):
                continue
            self.of_line[line] += 1
            self.of_drug[drug] += 1
            self.taken[row] = None
            wanted -= 1


def _limit(share: float, budget: int, ids: int) -> int:
    return max(math.ceil(share * budget - 1e-9), math.ceil(budget / ids))
