"""A batch of experiments, chosen place by place: the most that is gained for what it costs, given the batch so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.design.acquisitions import Acquisition
from bdrp.design.costs import Costs
from bdrp.design.unmeasured import Unmeasured
from bdrp.predictive.distribution import Floats

MEASUREMENT: Final = 1.0
"""What one measurement costs; all costs are in this unit."""


class Pick(NamedTuple):
    """One place of a batch: the candidate's position, its score, and what it added to the cost."""

    at: int
    score: float
    cost: float


@dataclass(frozen=True)
class Prices:
    """What candidates cost: one each, and once for each line and each drug that a batch brings in.

    Attributes:
        line: (N,) codes. drug: (N,) codes.
        of_lines: by code, what bringing in a line costs (thawing, growing). of_drugs: likewise (ordering, dissolving).
    """

    line: npt.NDArray[np.intp]
    drug: npt.NDArray[np.intp]
    of_lines: Floats
    of_drugs: Floats

    @classmethod
    def of(cls, pairs: pd.DataFrame, costs: Costs) -> Prices:
        """Those of candidates, from costs by id."""
        line, lines = pd.factorize(pairs["cell_line_id"])
        drug, drugs = pd.factorize(pairs["drug_id"])
        of_lines = np.array([costs.lines.get(one, costs.line) for one in lines], dtype=float)
        return cls(line, drug, of_lines, np.array([costs.drugs.get(one, costs.drug) for one in drugs], dtype=float))

    def of_next(self, taken: list[int]) -> Floats:
        """(N,) what each candidate would add to the cost of a batch."""
        lines, drugs = self.of_lines.copy(), self.of_drugs.copy()
        lines[self.line[taken]] = 0.0
        drugs[self.drug[taken]] = 0.0
        return np.asarray(MEASUREMENT + lines[self.line] + drugs[self.drug])


def choose_batch(
    unmeasured: Unmeasured, acquisition: Acquisition, prices: Prices, size: int, budget: float = np.inf
) -> list[Pick]:
    """Up to `size` candidates whose costs are within the budget, in the order in which they were taken.

    Each place goes to the highest score for its cost.

    Args:
        unmeasured: the candidates; the batch is added to it.
        acquisition: what makes one worth measuring.
        prices: what each costs.
        size: how many.
        budget: the most that all of them may cost.
    """
    if acquisition.TARGETED:
        _ = unmeasured.targets  # as they are before the batch
    open_, picks = np.ones(len(unmeasured), dtype=bool), list[Pick]()
    while len(picks) < size:
        cost = prices.of_next(unmeasured.taken)
        within = open_ & (cost <= budget - sum(pick.cost for pick in picks))
        if not within.any():
            break
        score = acquisition.score(unmeasured)
        at = int(np.argmax(np.where(within, score / cost, -np.inf)))
        picks.append(Pick(at, float(score[at]), float(cost[at])))
        open_[at] = False
        unmeasured.take(at, acquisition.CONDITIONS)
    return picks
