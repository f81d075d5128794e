"""How far a curve may stray by chance: simultaneous bands, and intervals from resampling lines and drugs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.stats import binom

from bdrp.evaluation.observed import Bools, Floats, Ints

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
    """Column means of values (N, Q) under resampling of cell lines and of drugs, (replicates, Q).

    Pairs of one line, and pairs of one drug, are wrong together. So lines and drugs are drawn with replacement, each on
    its own, and a pair counts as often as its line times its drug (pigeonhole bootstrap; Owen 2007,
    doi:10.1214/07-AOAS122), which errs on the wide side. A single line or drug is kept as it is.
    """
    rng = np.random.default_rng(seed)
    of_line, of_drug = _weights(lines, rng), _weights(drugs, rng)
    total = _weighted_sum(np.ones(len(lines)), lines, drugs, of_line, of_drug)
    sums = [_weighted_sum(column.astype(np.float64), lines, drugs, of_line, of_drug) for column in values.T]
    kept = total > 0
    return np.stack(sums, axis=1)[kept] / total[kept, None]


def _pointwise(n: int | Ints, p: Floats, counts: npt.NDArray[np.int64], level: float) -> tuple[Floats, Floats]:
    tail = np.minimum(binom.cdf(counts, n, p), binom.sf(counts - 1, n, p)).min(axis=1)
    gamma = np.quantile(tail, 1 - level)
    return np.asarray(binom.ppf(gamma, n, p)), np.asarray(binom.ppf(1 - gamma, n, p))


def _weights(groups: Ints, rng: np.random.Generator) -> Floats:
    count = int(groups.max()) + 1
    return rng.multinomial(count, np.full(count, 1 / count), size=REPLICATES).astype(np.float64)


def _weighted_sum(values: Floats, lines: Ints, drugs: Ints, of_line: Floats, of_drug: Floats) -> Floats:
    grid = csr_array((values, (lines, drugs)), shape=(of_line.shape[1], of_drug.shape[1]))
    return np.asarray(np.sum((grid.T @ of_line.T).T * of_drug, axis=1))
