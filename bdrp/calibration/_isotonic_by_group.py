"""Isotonic recalibration with a curve a group, drawn towards the curve of all."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from bdrp.calibration import isotonic
from bdrp.calibration._grouping import Grouping
from bdrp.calibration._mapped import Curve
from bdrp.calibration._recalibration import Floats
from bdrp.predictive import LevelMap, Scalable

LEAST_PAIRS = 50  # chosen: enough for a curve from a level of 20 % to one of 80 %
PRIOR_PAIRS = 100  # chosen: the curve of all counts as much as this many pairs of the group


def fitted_curves(
    pred: Scalable, response: Floats, grouping: Grouping
) -> tuple[float, Curve, Grouping, tuple[Curve, ...]]:
    """Factor and curve of all pairs, the groups that are large enough, and a curve for each of them."""
    overall = isotonic.fit(pred, response)
    scores = pred.scaled(overall.factor).probit(response)
    kept = grouping.large(pred.keys, LEAST_PAIRS)
    positions, level_map = kept.positions(pred.keys), LevelMap(overall.levels, overall.remapped)
    curves = tuple(_curve(scores[positions == group], level_map) for group in range(len(kept.labels)))
    return overall.factor, Curve(overall.levels, overall.remapped), kept, curves


def _curve(scores: Floats, overall: LevelMap) -> Curve:
    remapped = isotonic.usable_levels(len(scores))
    prior, reached = overall.from_probit(np.asarray(ndtri(remapped))), isotonic.reached_at(scores, remapped)
    z = (len(scores) * reached + PRIOR_PAIRS * prior) / (len(scores) + PRIOR_PAIRS)
    return Curve(tuple(ndtr(z).tolist()), tuple(remapped.tolist()))
