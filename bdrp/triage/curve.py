"""The distribution of each pair, read back from its five quantiles.

Between the written quantiles the response is taken as linear in the normal score z = Phi^-1(p), and the outer pieces
go on beyond 5 % and 95 %. This is exact for normal predictions, and follows the skew of recalibrated ones.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from bdrp.triage.predictions import LEVELS

FloatArray = NDArray[np.float64]
Z = ndtri(np.array(list(LEVELS.values())))


def chance_below(frame: pd.DataFrame, threshold: float) -> FloatArray:
    """P(response <= threshold), (N,), between 0 and 1."""
    points = frame[list(LEVELS)].to_numpy()
    piece = np.clip((points < threshold).sum(axis=1) - 1, 0, len(Z) - 2)
    low, high = _at(points, piece), _at(points, piece + 1)
    step = np.maximum(high - low, np.finfo(np.float64).tiny)  # equal quantiles: a jump, all on one side
    with np.errstate(over="ignore"):
        score = Z[piece] + (threshold - low) / step * (Z[piece + 1] - Z[piece])
    return np.asarray(ndtr(score), dtype=np.float64)


def central_interval(frame: pd.DataFrame, level: float) -> tuple[FloatArray, FloatArray]:
    """Both ends of the central interval of `level`, each (N,), in the measure's unit."""
    points = frame[list(LEVELS)].to_numpy()
    return _quantile(points, (1 - level) / 2), _quantile(points, (1 + level) / 2)


def _quantile(points: FloatArray, p: float) -> FloatArray:
    score = ndtri(p)
    piece = int(np.clip(np.searchsorted(Z, score) - 1, 0, len(Z) - 2))
    share = (score - Z[piece]) / (Z[piece + 1] - Z[piece])
    return np.asarray(points[:, piece] + share * (points[:, piece + 1] - points[:, piece]), dtype=np.float64)


def _at(points: FloatArray, column: NDArray[np.intp]) -> FloatArray:
    return np.asarray(np.take_along_axis(points, column[:, None], axis=1)[:, 0], dtype=np.float64)
