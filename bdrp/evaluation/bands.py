"""How far a curve may stray by chance: simultaneous bands, and intervals from resampling lines and drugs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, bdtrc, bdtrik

from bdrp.evaluation.observed import Bools, Floats, Ints
from bdrp.evaluation.resampling import Resampling

TRIALS = 1000  # chosen: the band's own probability is then right to about 0.7 points
REPLICATES = 200  # chosen: 2.5 % quantiles rest on five replicates each


def ecdf_band(n: int, levels: Floats, seed: int, level: float = 0.95) -> tuple[Floats, Floats]:
    """A band that holds the ECDF of n independent uniforms at all `levels` together with probability `level`.

    Säilynoja, Bürkner and Vehtari (2022, doi:10.1007/s11222-022-10090-6): simulate ECDFs, find the pointwise binomial
    interval whose coverage of a whole curve is `level`. The counts between levels are multinomial, so the cost does
    not depend on n.

    Returns:
        The lower and the upper bound of the ECDF, (Q,) each.
    """
    return _ecdf_band(n, tuple(levels.tolist()), seed, level)


@lru_cache(maxsize=8)
def _ecdf_band(n: int, levels: tuple[float, ...], seed: int, level: float) -> tuple[Floats, Floats]:
    """Kept, because predictions of the same pairs before and after recalibration have the same band."""
    widths = np.diff(np.concatenate([[0.0], levels, [1.0]]))
    counts = np.random.default_rng(seed).multinomial(n, widths, size=TRIALS)[:, :-1].cumsum(axis=1)
    low, high = _pointwise(n, np.array(levels), counts, level)
    return low / n, high / n


def histogram_band(n: int, bins: int, seed: int, level: float = 0.95) -> tuple[float, float]:
    """Counts that all of `bins` equal bins of n independent uniforms stay between with probability `level`."""
    share = np.full(bins, 1 / bins)
    counts = np.random.default_rng(seed).multinomial(n, share, size=TRIALS)
    low, high = _pointwise(n, share, counts, level)
    return float(low[0]), float(high[0])


def binomial_band(n: Ints, p: Floats, seed: int, level: float = 0.95) -> tuple[Floats, Floats]:
    """Shares that B groups of n independent events of probability p all stay between with probability `level`.

    Returns:
        The lower and the upper share, (B,) each.
    """
    counts = np.random.default_rng(seed).binomial(n, p, size=(TRIALS, len(n)))
    low, high = _pointwise(n, p, counts, level)
    return low / n, high / n


def resampled_means(values: Bools | Floats, lines: Ints, drugs: Ints, seed: int) -> Floats:
    """Column means of values (N, Q) under `Resampling` of cell lines and of drugs, (replicates, Q)."""
    return Resampling.draw(lines, drugs, seed, REPLICATES).means(values.astype(np.float64))


def _pointwise(n: int | Ints, p: Floats, counts: npt.NDArray[np.int64], level: float) -> tuple[Floats, Floats]:
    least = counts.min(axis=0)
    seen = least + np.arange(np.ptp(counts, axis=0).max() + 1)[:, None]  # of each group every count that was drawn
    tails = np.minimum(bdtr(np.minimum(seen, n), n, p), bdtrc(seen - 1, n, p))
    tail = np.take_along_axis(tails, counts - least, axis=0).min(axis=1)
    gamma = min(np.quantile(tail, 1 - level), 0.5)  # above a half where a count is all but certain: a band of one count
    return _binomial_quantile(gamma, n, p), _binomial_quantile(1 - gamma, n, p)


def _binomial_quantile(q: float, n: int | Ints, p: Floats) -> Floats:
    """The least count that is not exceeded with probability q or more, of each group; 0 < q < 1."""
    near = np.where(p > 0, np.ceil(bdtrik(q, n, p)), 0.0)  # but for rounding, which may make it one too many
    lower = np.maximum(near - 1, 0)
    return np.where(bdtr(lower, n, p) >= q, lower, np.maximum(near, 0))
