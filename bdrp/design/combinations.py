"""What two drugs do together on a line if each acts for itself, from joint draws of what is not known.

Under independent action a line responds to a pair as to the better of the two drugs alone (Palmer & Sorger 2017,
doi:10.1016/j.cell.2017.11.009): the pair is active where one of them is. Given what the assay would report in
expectation, the two measurements have noise of their own, so that for each joint draw s of the expected responses

    p_ab(s) = 1 - (1 - p_a(s)) (1 - p_b(s)),

p_a(s) being the chance that drug a reports less than its threshold. The mean over draws is the chance that the better
one is active; its spread is what the model knows that it does not know of it, and no more: what it takes for noise and
is a property of the pair is not in it. Chances of two drugs go together over draws, for they share a line that is not
known: taken as independent, p_a + p_b - p_a p_b, a pair looks better than it is. Nothing here is learned
from combinations, and nothing says of synergy or antagonism.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr, ndtri

from bdrp.errors import DataError
from bdrp.fitted.widening import require_rescalable
from bdrp.predictive import PredictiveDistribution
from bdrp.predictive.distribution import Floats, require_joint

DRAWS: Final = 400
"""Joint draws; chosen: a chance is then known to a few thousandths, its 5 % and 95 % points to a hundredth."""
LEVELS: Final = (0.05, 0.95)
_HALVINGS: Final = 50
_FARTHEST: Final = 30.0  # normal scores, chosen: no chance moves farther


def combine(pred: PredictiveDistribution, thresholds: Floats, *, seed: int = 0, draws: int = DRAWS) -> pd.DataFrame:
    """Every pair of D drugs on one line, those first that gain most over the better single one.

    Args:
        pred: one line with D drugs, as a model has just predicted them.
        thresholds: (D,) responses below which each drug is active.
        seed: of the draws.
        draws: how many.

    Returns:
        A row a pair: a and b, positions of the drugs, the better single one first; chance_a and chance_b of being
        active; chance that the better of the two is, with low and high, between which it lies with 90 %, as far as
        the model knows; gain over chance_a, with gain_low and gain_high likewise; if_unrelated, the chance if what is
        not known of the two had nothing in common.

    Raises:
        DataError: these are not two drugs and more on one line, or the distribution holds no joint draws.
    """
    if pred.keys["cell_line_id"].nunique() != 1 or len(pred) < 2:
        raise DataError(
            f"Drugs are combined on one line; given were {len(pred)} pairs of {pred.keys['cell_line_id'].nunique()} "
            "lines. Allowed: two drugs and more on a single line. Give these."
        )
    chances = draw_chances(pred, thresholds, np.random.default_rng(seed), draws)
    single = chances.mean(0)
    order = np.argsort(-single, kind="stable")
    pairs = np.array(list(itertools.combinations(order.tolist(), 2)), dtype=np.intp)
    rows = [_row(chances, single, int(a), int(b)) for a, b in pairs]
    return pd.DataFrame(rows).sort_values(["gain", "chance"], ascending=False, kind="stable", ignore_index=True)


def _row(chances: Floats, single: Floats, a: int, b: int) -> dict[str, float]:
    either = 1 - (1 - chances[:, a]) * (1 - chances[:, b])
    low, high = np.quantile(either, LEVELS)
    gain_low, gain_high = np.quantile(either - chances[:, a], LEVELS)
    return {
        "a": a,
        "b": b,
        "chance_a": float(single[a]),
        "chance_b": float(single[b]),
        "chance": float(either.mean()),
        "low": float(low),
        "high": float(high),
        "gain": float(either.mean() - single[a]),
        "gain_low": float(gain_low),
        "gain_high": float(gain_high),
        "if_unrelated": float(single[a] + single[b] - single[a] * single[b]),
    }


def draw_chances(pred: PredictiveDistribution, thresholds: Floats, rng: np.random.Generator, draws: int) -> Floats:
    """(S, D) chances of being active given each joint draw; their means are those that `pred` says.

    Raises:
        DataError: the distribution holds no joint draws.
    """
    whole, count = require_rescalable(pred), len(pred)
    deviations = require_joint(whole.joint_draws).draw(rng, draws)
    repeated = whole[np.tile(np.arange(count), draws)]
    expected = (whole.mean + deviations).ravel()
    given = repeated.with_moments(expected, repeated.aleatoric_std, np.zeros(len(expected)))
    chances = given.cdf(np.tile(thresholds, draws)).reshape(draws, count)
    return shift_to_means(chances, np.asarray(whole.cdf(thresholds)))


def shift_to_means(chances: Floats, means: Floats) -> Floats:
    """Chances (S, D) moved by one normal score a column, so that each column has the mean (D,) that is asked for.

    Few draws, and recalibrations that bend probabilities, leave their means a little off.
    """
    scores = ndtri(np.clip(chances, 1e-12, 1 - 1e-12))
    low, high = np.full(scores.shape[1], -_FARTHEST), np.full(scores.shape[1], _FARTHEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above: npt.NDArray[np.bool_] = ndtr(scores + middle).mean(0) > means
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(ndtr(scores + (low + high) / 2))
