"""Which few of many entries to measure so that least is left unknown of the others: greedy A-optimal design.

The entries are the drugs on one new line, or the lines for one new drug; f their expected responses, with covariance C
before any of them is measured, and n the variances of the noise. A measurement of entry d leaves the covariance

    C - C[:, d] C[d, :] / (C[d, d] + n[d]),

whatever it turns out to be. A-optimal panels leave the smallest sum of variances (Chaloner & Verdinelli 1995,
doi:10.1214/ss/1177009939), here of the entries that are *not* measured: a panel that may take the most variable ones
off the sum looks good without telling of any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Unknown(NamedTuple):
    """What is not known of M entries of B new lines, or drugs.

    Attributes:
        covariance: (B, M, M) of the expected responses, in the measure's unit squared.
        noise: (B, M) variances of one measurement about them.
    """

    covariance: Floats
    noise: Floats


def choose_panel(unknown: Unknown, size: int, candidates: npt.NDArray[np.bool_]) -> list[int]:
    """Positions of up to `size` entries, the most telling first; by the mean covariance of the B.

    Args:
        unknown: see there.
        size: how many.
        candidates: (M,) which entries can be measured; all count among the others.
    """
    covariance, noise = unknown.covariance.mean(0), unknown.noise.mean(0)
    open_, chosen = candidates.copy(), list[int]()
    others = np.ones(len(noise))
    for _ in range(min(size, int(candidates.sum()))):
        explained = covariance**2 / (np.diag(covariance) + noise)[:, None]
        gain = (explained * others).sum(1) - np.diag(explained) * others
        best = int(np.argmax(np.where(open_, gain, -np.inf)))
        chosen.append(best)
        open_[best], others[best] = False, 0.0
        covariance = covariance - np.outer(covariance[best], covariance[best]) / (covariance[best, best] + noise[best])
    return chosen


class Expected(NamedTuple):
    """What a panel is expected to bring for the entries that it does not measure.

    Attributes:
        before: root of the mean variance of a response, with nothing measured, on the same entries.
        after: the same with the panel measured.
        removed: share of the reducible variance, that of the expected responses, which is gone.
    """

    before: float
    after: float
    removed: float


def expect(unknown: Unknown, panel: Sequence[int]) -> Expected:
    """The means over the B lines, or drugs, of what measuring the whole panel leaves."""
    known, rest = _split(unknown, panel)
    own, left = np.empty(len(unknown.noise)), np.empty(len(unknown.noise))
    for at, (covariance, noise) in enumerate(zip(*unknown, strict=True)):
        removed = (_weights(covariance, noise, known, rest) * covariance[np.ix_(known, rest)]).sum(0)
        variance = np.diag(covariance)[rest]
        own[at], left[at] = variance.mean(), np.maximum(variance - removed, 0.0).mean()
    noise, before, after = unknown.noise[:, rest].mean(), own.mean(), left.mean()
    share = 1 - after / before if before > 0 else 0.0
    return Expected(float(np.sqrt(before + noise)), float(np.sqrt(after + noise)), float(share))


def draw_gains(unknown: Unknown, drawn: Floats, panel: Sequence[int]) -> Floats:
    """(B * S,) shares by which the RMSE of single lines, or drugs, falls once the panel is measured on them.

    Args:
        unknown: see there.
        drawn: what `draw_deviations` gives.
        panel: positions.
    """
    known, rest = _split(unknown, panel)
    gains = []
    for covariance, noise, one in zip(*unknown, drawn, strict=True):
        left = one[:, rest] - one[:, known] @ _weights(covariance, noise, known, rest)
        gains.append(1 - np.sqrt(np.square(left).mean(1) / np.square(one[:, rest]).mean(1)))
    return np.concatenate(gains)


def draw_deviations(unknown: Unknown, rng: np.random.Generator, draws: int) -> Floats:
    """S draws of the M measurements less their predicted means, for each of the B, (B, S, M)."""
    found = []
    for covariance, noise in zip(*unknown, strict=True):
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        expected = rng.standard_normal((draws, len(noise))) @ root.T
        found.append(expected + np.sqrt(noise) * rng.standard_normal(expected.shape))
    return np.stack(found)


def _split(unknown: Unknown, panel: Sequence[int]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Positions of the panel, and of the others."""
    known = np.asarray(panel, dtype=np.intp)
    return known, np.setdiff1d(np.arange(unknown.noise.shape[1]), known)


def _weights(covariance: Floats, noise: Floats, known: npt.NDArray[np.intp], rest: npt.NDArray[np.intp]) -> Floats:
    """(k, M - k) by which measured deviations move the means of the others."""
    of_known = covariance[np.ix_(known, known)] + np.diag(noise[known])
    return np.asarray(np.linalg.solve(of_known, covariance[np.ix_(known, rest)]))
