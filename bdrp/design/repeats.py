"""How much of what a model calls noise differs between repeats of one experiment, and how much is the pair's own.

A model that saw each pair once cannot tell the noise of an assay from what a pair responds beyond anything that line
and drug say of it: both are in its aleatoric variance. Pairs that a screen measured more than once tell them apart
(`bdrp.evaluation.topics.noise`): over the sets i of repeats of one line and compound, with q_i the squares about the
set's mean, k_i their degrees of freedom and e_i what the aleatoric variances would make of q_i in expectation, the
share of the noise that repeats show is sum_i q_i / sum_i e_i on the whole. It differs between pairs, for some assays
repeat better than others and no model tells them quite apart. So the share of pair i is

    log c_i ~ Normal(mu, tau^2),    q_i ~ c_i e_i chi^2(k_i) / k_i,

with a flat prior of mu and tau over a grid, and 1 - c_i is the pair's own, the same in every repeat. Where a screen has
too few repeats, nothing is known of the share, and every one is as likely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from bdrp.data.screen import LIMITS, Screen, find_caps
from bdrp.evaluation.observed import check_observed
from bdrp.evaluation.topics.noise import find_repeats, square_residuals
from bdrp.fitted.model import TrainedModel
from bdrp.predictive.distribution import Floats

FEWEST: Final = 30
"""Sets of repeats from which their share is believed; chosen: its standard error is then a quarter of it (a chi-squared
of one degree has the variance 2)."""
DRAWS: Final = 2_000
"""Of the shares that are described; chosen: two digits are then known."""
LEAST: Final = 0.01
"""Chosen: the least share, so that no chance is taken for certain."""
LOG_SHARES: Final = np.linspace(np.log(0.003), np.log(5.0), 75)
"""Shares of single pairs; above 1 a pair is noisier than the model says."""
LOG_MEDIANS: Final = LOG_SHARES[23:66]
SPREADS: Final = np.linspace(0.02, 1.5, 16)
"""SDs of the log shares; both chosen: their posterior lies inside, and steps are finer than 30 sets can tell."""


@dataclass(frozen=True)
class RepeatShare:
    """The share of a model's noise variance that repeats of an experiment show.

    Attributes:
        squares: (n,) of n sets of repeats, about each set's mean.
        expected: (n,) what they would be if all that the model calls noise differed between repeats.
        freedom: (n,) degrees of freedom of the squares.
    """

    squares: Floats = field(default_factory=lambda: np.empty(0))
    expected: Floats = field(default_factory=lambda: np.empty(0))
    freedom: Floats | float = 1.0

    @property
    def is_known(self) -> bool:
        """Whether there are enough repeats to tell."""
        return len(self.squares) >= FEWEST

    @property
    def estimate(self) -> float:
        """The share on the whole; the mean of all that are possible where it is not known."""
        return float(np.clip(self.squares.sum() / self.expected.sum(), LEAST, 1.0)) if self.is_known else 0.5

    def draw(self, rng: np.random.Generator, draws: int, pairs: int) -> Floats:
        """S draws of the shares of D pairs, (S, D); one share for all pairs of a draw where nothing is known of it."""
        if not self.is_known:
            return np.repeat(rng.uniform(LEAST, 1.0, (draws, 1)), pairs, axis=1)
        median, spread = self._draw_distribution(rng, draws)
        logs = median[:, None] + spread[:, None] * rng.standard_normal((draws, pairs))
        return np.clip(np.exp(logs), LEAST, 1.0)

    def _draw_distribution(self, rng: np.random.Generator, draws: int) -> tuple[Floats, Floats]:
        """S draws of mu and tau from their posterior, (S,) each."""
        shape = np.broadcast_to(np.asarray(self.freedom) / 2, self.squares.shape)[:, None]
        ratio = (self.squares / self.expected)[:, None]
        given_share = -shape * (LOG_SHARES + ratio * np.exp(-LOG_SHARES))  # log density of q, a constant left out
        peak = given_share.max(axis=1, keepdims=True)
        median, spread = (part.ravel() for part in np.meshgrid(LOG_MEDIANS, SPREADS))
        weight = np.exp(-0.5 * ((LOG_SHARES[:, None] - median) / spread) ** 2)
        evidence = np.log(np.exp(given_share - peak) @ (weight / weight.sum(axis=0))).sum(axis=0)
        chosen = rng.choice(len(median), draws, p=np.exp(evidence - logsumexp(evidence)))
        return median[chosen], spread[chosen]

    def describe(self) -> str:
        """In words."""
        sets = len(self.squares)
        if not self.is_known:
            return (
                f"The screen measured {sets:,} pairs more than once, too few to tell how much of the noise is of the "
                f"assay and how much of the pair ({FEWEST} are needed): every share is taken for as likely."
            )
        low, high = np.quantile(self.draw(np.random.default_rng(0), DRAWS, 1), (0.05, 0.95))
        return (
            f"{sets:,} pairs that the screen measured more than once show {100 * self.estimate:.0f} % of the noise "
            "variance that the model predicts; the rest belongs to each pair, and is the same in every repeat. "
            f"Pairs differ: nine in ten show {100 * low:.0f} to {100 * high:.0f} %."
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
    parts = {
        "squares": square_residuals(rows),
        "expected": rows["weight"] * rows["aleatoric"],
        "freedom": rows["weight"],
    }
    sums = pd.DataFrame(parts).groupby(rows["set"]).sum()
    return RepeatShare(**{name: sums[name].to_numpy(np.float64) for name in parts})
