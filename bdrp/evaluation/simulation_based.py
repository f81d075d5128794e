"""Simulation-based calibration: does fitting recover what it was simulated from, no more and no less surely?

Draw parameters from the prior, responses from the parameters, and fit. Then the rank of each true parameter among its
posterior draws is uniform if and only if the posterior is calibrated on average over the prior (Talts, Betancourt,
Simpson, Vehtari and Gelman 2018, arXiv:1804.06788). Ranks at both ends: too sure; in the middle: not sure enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bdrp.errors import DataError
from bdrp.evaluation.observed import Floats

TRIALS = 2000  # chosen: a p-value of 0.01 is then right to 0.2 points


@dataclass(frozen=True)
class Uniformity:
    """How far ranks are from uniform.

    Attributes:
        chi_square: over the bins, all parameters together. null_mean: the same where every rank is uniform.
        p_value: share of simulated uniform ranks with at least that chi-square, parameters independent.
        spread: variance of the ranks over that of uniform ones: above 1 too sure, below 1 not sure enough.
        covered: share of truths within the central interval of `level`.
        level: of that interval.
    """

    chi_square: float
    null_mean: float
    p_value: float
    spread: float
    covered: float
    level: float


def ranks(truth: npt.ArrayLike, draws: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """How many of S draws (R, S, P) lie below each truth (R, P), for R replications of P parameters: 0 to S.

    Raises:
        DataError: the shapes do not fit.
    """
    true, drawn = np.asarray(truth, dtype=np.float64), np.asarray(draws, dtype=np.float64)
    if drawn.ndim != 3 or true.shape != (drawn.shape[0], drawn.shape[2]) or not drawn.size:
        raise DataError(
            f"Truths are of shape {true.shape}, draws of {drawn.shape}. Allowed: (R, P) and (R, S, P), none empty. "
            "Stack one replication a row."
        )
    return np.sum(drawn < true[:, None], axis=1)


def uniformity(
    rank: npt.NDArray[np.int64], draws: int, *, bins: int = 10, level: float = 0.9, seed: int = 0
) -> Uniformity:
    """Ranks (R, P) among S draws against uniform ones.

    Args:
        rank: as `ranks` returns them.
        draws: S; S + 1 should be a multiple of `bins`, so that bins are of equal size.
        bins: of the chi-square.
        level: of the interval whose coverage is reported.
        seed: of the simulated null.

    Raises:
        DataError: bins cannot be of equal size, or a rank is not between 0 and S.
    """
    if (draws + 1) % bins or rank.size == 0 or rank.min() < 0 or rank.max() > draws:
        raise DataError(
            f"{draws} draws make {draws + 1} ranks in {bins} bins; seen: {rank.size} ranks. "
            "Allowed: ranks from 0 to the number of draws, whose number plus one is a multiple of the bins. "
            "Take 99 draws and 10 bins."
        )
    rng, size = np.random.default_rng(seed), (draws + 1) // bins
    expected = rank.size / bins
    simulated = rng.multinomial(rank.size, np.full(bins, 1 / bins), size=TRIALS)
    null = np.sum((simulated - expected) ** 2 / expected, axis=1)
    seen = float(np.sum((np.bincount(rank.ravel() // size, minlength=bins) - expected) ** 2 / expected))
    place: Floats = (rank + 0.5) / (draws + 1)
    return Uniformity(
        chi_square=seen,
        null_mean=float(null.mean()),
        p_value=float((1 + np.sum(null >= seen)) / (1 + TRIALS)),
        spread=float(np.mean((place - 0.5) ** 2) * 12 / (1 - 1 / (draws + 1) ** 2)),
        covered=float(np.mean(np.abs(2 * place - 1) <= level)),
        level=level,
    )
