"""What the predictions themselves would make of every metric: responses simulated from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bdrp.evaluation.observed import Floats, Ints
from bdrp.predictive import PredictiveDistribution

MOST_ROWS = 20_000  # chosen: the metrics' expectations are then right to a few per cent, in about a second
DRAWS = 200


@dataclass(frozen=True)
class SimulatedResponses:
    """Squared errors that a perfectly calibrated model would make with these predictions.

    Attributes:
        rows: the pairs that were simulated, at most 20,000 of the N, (M,).
        squared_errors: (S, M); pairs are drawn independently.
    """

    rows: Ints
    squared_errors: Floats


def simulate_responses(pred: PredictiveDistribution, seed: int) -> SimulatedResponses:
    """Draw responses from the predictions and take the predicted means from them."""
    rng = np.random.default_rng(seed)
    chosen = np.arange(len(pred))
    if len(pred) > MOST_ROWS:
        chosen = np.sort(rng.choice(len(pred), MOST_ROWS, replace=False))
    some = pred[chosen]
    # A seed of its own: responses that a user drew with the same seed must not come back as their own null.
    draws = some.sample(DRAWS, int(rng.integers(2**32)))
    draws -= some.mean
    return SimulatedResponses(chosen, np.square(draws, out=draws))
