"""What two drugs do together on a line if each acts for itself, from joint draws of what is not known.

Under independent action a line responds to a pair as to the better of the two drugs alone (Palmer & Sorger 2017,
doi:10.1016/j.cell.2017.11.009): the pair is active where one of them is. Given what the assay would report in
expectation, the two measurements have noise of their own, so that for each joint draw s of the expected responses

    p_ab(s) = 1 - (1 - p_a(s)) (1 - p_b(s)),

p_a(s) being the chance that drug a reports less than its threshold. The mean over draws is the chance that the better
one is active. Between what that chance lies is another question, for it is one of repeats: what the model calls noise
holds what a pair responds beyond all that is known of line and drug, which is the same in every repeat and so no part
of the chance but of what is not known of it. With c the share of its noise that repeats of a pair show, drawn anew
for each pair too (`bdrp.design.repeats`),

    expected response in draw s = mean + deviation_s + sqrt(1 - c_s) sd z_s,   SD of a repeat = sqrt(c_s) sd,

sd that of the predicted noise and z_s a normal number for each pair: the mean over draws stays, and the interval is
that of the chance itself. About its expected response a pair's repeats are normal, as they were taken for when shares
were found: that predictions have heavier tails says that pairs differ in their noise, and c_s says this already.
Chances of two drugs go together over draws, for they share a line that is not known: taken as independent,
p_a + p_b - p_a p_b, a pair looks better than it is. Nothing here is learned from combinations, and nothing says of
synergy or antagonism.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr, ndtri

from bdrp.design.repeats import RepeatShare
from bdrp.errors import DataError
from bdrp.fitted.widening import require_rescalable
from bdrp.predictive import PredictiveDistribution
from bdrp.predictive.distribution import Floats, require_joint

DRAWS: Final = 400
"""Joint draws; chosen: a chance is then known to a few thousandths, its 5 % and 95 % points to a hundredth."""
LEVELS: Final = (0.05, 0.95)
_HALVINGS: Final = 50
_FARTHEST: Final = 30.0  # normal scores, chosen: no chance moves farther


def combine(
    pred: PredictiveDistribution,
    thresholds: Floats,
    *,
    repeats: RepeatShare | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> pd.DataFrame:
    """Every pair of D drugs on one line, those first that gain most over the better single one.

    Args:
        pred: one line with D drugs, as a model has just predicted them.
        thresholds: (D,) responses below which each drug is active.
        repeats: how much of the predicted noise repeats of an experiment show; not known where None.
        seed: of the draws.
        draws: how many.

    Returns:
        A row a pair: a and b, positions of the drugs, the better single one first; chance_a and chance_b of being
        active; chance that the better of the two is, with low and high, between which repeats of both experiments
        would find it with 90 %; gain over chance_a, with gain_low and gain_high likewise; if_unrelated, the chance if
        what is not known of the two had nothing in common.

    Raises:
        DataError: these are not two drugs and more on one line, or the distribution holds no joint draws.
    """
    if pred.keys["cell_line_id"].nunique() != 1 or len(pred) < 2:
        raise DataError(
            f"Drugs are combined on one line; given were {len(pred)} pairs of {pred.keys['cell_line_id'].nunique()} "
            "lines. Allowed: two drugs and more on a single line. Give these."
        )
    rng = np.random.default_rng(seed)
    chances = draw_chances(pred, thresholds, rng, draws)
    known = draw_chances(pred, thresholds, rng, draws, repeats or RepeatShare())
    order = np.argsort(-chances.mean(0), kind="stable")
    rows = [_pair_with(chances, known, order[at], order[at + 1 :]) for at in range(len(order) - 1)]
    return pd.concat(rows).sort_values(["gain", "chance"], ascending=False, kind="stable", ignore_index=True)


def _pair_with(chances: Floats, known: Floats, a: np.intp, others: npt.NDArray[np.intp]) -> pd.DataFrame:
    """A row for each pair of a drug with one that is less likely to be active alone."""
    either, of_repeats = (1 - (1 - each[:, [a]]) * (1 - each[:, others]) for each in (chances, known))
    low, high = np.quantile(of_repeats, LEVELS, axis=0)
    gain_low, gain_high = np.quantile(of_repeats - known[:, [a]], LEVELS, axis=0)
    alone, second, chance = chances[:, a].mean(), chances[:, others].mean(0), either.mean(0)
    return pd.DataFrame(
        {
            "a": a,
            "b": others,
            "chance_a": alone,
            "chance_b": second,
            "chance": chance,
            "low": low,
            "high": high,
            "gain": chance - alone,
            "gain_low": gain_low,
            "gain_high": gain_high,
            "if_unrelated": alone + second - alone * second,
        }
    )


def draw_chances(
    pred: PredictiveDistribution,
    thresholds: Floats,
    rng: np.random.Generator,
    draws: int,
    repeats: RepeatShare | None = None,
) -> Floats:
    """(S, D) chances of being active given each joint draw; their means are those that `pred` says.

    Args:
        pred: of D pairs.
        thresholds: (D,) responses below which each is active.
        rng: draws.
        draws: S.
        repeats: with them the chances are those of repeats of an experiment, what is a pair's own being drawn too;
            without, those of a single measurement.

    Raises:
        DataError: the distribution holds no joint draws.
    """
    whole, count = require_rescalable(pred), len(pred)
    expected = whole.mean + require_joint(whole.joint_draws).draw(rng, draws)
    noise = np.broadcast_to(whole.aleatoric_std, expected.shape)
    if repeats is None:
        repeated = whole[np.tile(np.arange(count), draws)]
        given = repeated.with_moments(expected.ravel(), noise.ravel(), np.zeros(expected.size))
        chances = given.cdf(np.tile(thresholds, draws)).reshape(draws, count)
    else:
        share = repeats.draw(rng, draws, count)
        expected = expected + np.sqrt(1 - share) * noise * rng.standard_normal(expected.shape)
        chances = ndtr((thresholds - expected) / (np.sqrt(share) * noise))
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
