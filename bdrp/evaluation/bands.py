"""How far a curve may stray by chance: simultaneous bands, and intervals from resampling lines and drugs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
    widths = np.diff(np.concatenate([[0.0], levels, [1.0]]))
    counts = np.random.default_rng(seed).multinomial(n, widths, size=TRIALS)[:, :-1].cumsum(axis=1)
    low, high = _pointwise(n, levels, counts, level)
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
    from scipy.stats import binom

    tail = np.minimum(binom.cdf(counts, n, p), binom.sf(counts - 1, n, p)).min(axis=1)
    gamma = min(np.quantile(tail, 1 - level), 0.5)  # above a half where a count is all but certain: a band of one count
    low, high = binom.ppf(gamma, n, p), binom.ppf(1 - gamma, n, p)
    return np.maximum(low, 0), np.asarray(high)  # the quantile at a probability of 0 is -1: no count is so low
