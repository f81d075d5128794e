"""How much of what a model calls noise differs between repeats of one experiment, and how much is the pair's own.

A model that saw each pair once cannot tell the noise of an assay from what a pair responds beyond anything that line
and drug say of it: both are in its aleatoric variance. Pairs that a screen measured more than once tell them apart
(`bdrp.evaluation.topics.noise`): over the sets i of repeats of one line and compound, with q_i the squares about the
set's mean and e_i what the aleatoric variances would make of them in expectation, the share of the noise that repeats
show is

    c = sum_i q_i / sum_i e_i,

and 1 - c is the pair's own, the same in every repeat. How surely c is known is told by the Bayesian bootstrap over the
sets (Rubin 1981, doi:10.1214/aos/1176345338). Where a screen has too few repeats, nothing is known of c, and every
share is as likely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.screen import LIMITS, Screen, find_caps
from bdrp.evaluation.observed import check_observed
from bdrp.evaluation.topics.noise import find_repeats, square_residuals
from bdrp.fitted.model import TrainedModel
from bdrp.predictive.distribution import Floats

FEWEST: Final = 30
"""Sets of repeats from which their share is believed; chosen: its standard error is then a quarter of it (a chi-squared
of one degree has the variance 2)."""
LEAST: Final = 0.01
"""Chosen: the least share, so that no chance is taken for certain."""


@dataclass(frozen=True)
class RepeatShare:
    """The share of a model's noise variance that repeats of an experiment show.

    Attributes:
        squares: (n,) of n sets of repeats, about each set's mean.
        expected: (n,) what they would be if all that the model calls noise differed between repeats.
    """

    squares: Floats = field(default_factory=lambda: np.empty(0))
    expected: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def is_known(self) -> bool:
        """Whether there are enough repeats to tell."""
        return len(self.squares) >= FEWEST

    @property
    def estimate(self) -> float:
        """The share; the mean of all that are possible where it is not known."""
        return float(np.clip(self.squares.sum() / self.expected.sum(), LEAST, 1.0)) if self.is_known else 0.5

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S shares, as likely as they are; (S,)."""
        if not self.is_known:
            return rng.uniform(LEAST, 1.0, draws)
        weight = rng.dirichlet(np.ones(len(self.squares)), draws)
        return np.clip((weight @ self.squares) / (weight @ self.expected), LEAST, 1.0)

    def describe(self) -> str:
        """In words."""
        sets = len(self.squares)
        if not self.is_known:
            return (
                f"The screen measured {sets:,} pairs more than once, too few to tell how much of the noise is of the "
                f"assay and how much of the pair ({FEWEST} are needed): every share is taken for as likely."
            )
        return (
            f"{sets:,} pairs that the screen measured more than once show {100 * self.estimate:.0f} % of the noise "
            "variance that the model predicts; the rest belongs to each pair, and is the same in every repeat."
        )


def measure_repeats(model: TrainedModel, screen: Screen) -> RepeatShare:
    """What a screen's repeats say of the noise that a model predicts for them.

    Args:
        model: of the screen's measure.
        screen: some of whose pairs were measured more than once, or under two ids of a compound.

    Raises:
        DataError: as in `TrainedModel.predict`.
    """
    responses = screen.responses
    side = find_caps(*(responses[name].to_numpy(np.float64) for name in ("response", *LIMITS)))
    known = responses[side == 0]  # of a cap no more is known than that a response lies there or beyond
    known = known.assign(structure_key=screen.drugs["structure_key"].reindex(known["drug_id"]).to_numpy())
    twice = known[known.duplicated(["cell_line_id", "structure_key"], keep=False)].reset_index(drop=True)
    if twice.empty:
        return RepeatShare()
    pred = model.predict(model.drugs_of(screen), screen.profiles, twice[["cell_line_id", "drug_id"]]).distribution
    rows = find_repeats(pred, check_observed(pred, twice))
    sets = pd.DataFrame({"squares": square_residuals(rows), "expected": rows["weight"] * rows["aleatoric"]})
    sums = sets.groupby(rows["set"]).sum()
    return RepeatShare(sums["squares"].to_numpy(np.float64), sums["expected"].to_numpy(np.float64))
