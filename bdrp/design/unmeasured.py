"""What is known of pairs that could be measured, and of target pairs, while a batch is put together.

A measurement of pair j leaves, whatever it turns out to be, the covariance

    C - C[:, j] C[j, :] / (C[j, j] + n[j]),

so that a batch can be chosen place by place before any of it is measured. Only columns of C are ever made: those of the
pairs that are taken, and of the M target pairs where an acquisition asks for these. Noise is taken for normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import log_ndtr

from bdrp.predictive.distribution import Floats, Index, JointDraws

_DRAWS_A_PASS: Final = 64


class Covariance(Protocol):
    """Epistemic covariances of candidates and targets, by positions."""

    def between(self, left: Index, right: Index) -> Floats:
        """(n, m), in the measure's unit squared."""
        ...


@dataclass(frozen=True)
class Moments:
    """Of N pairs, (N,) each: expected response, epistemic variance and variance of the noise; in the measure's unit."""

    mean: Floats
    variance: Floats
    noise: Floats


@dataclass(frozen=True)
class OwnLines:
    """How responses of a pair's drug lie over lines, (N,) each: their mean and SD, in the measure's unit."""

    mean: Floats
    std: Floats

    @classmethod
    def of_predictions(cls, drugs: ArrayLike, mean: Floats, variance: Floats, asked: ArrayLike) -> OwnLines:
        """From predictions of each drug on lines: what lies between these, and what is not known of each.

        Args:
            drugs: ids, of the predictions.
            mean: of a response.
            variance: likewise.
            asked: (N,) drug ids of the candidates, each among the others.
        """
        by_drug = pd.DataFrame({"drug_id": drugs, "mean": mean, "variance": variance}).groupby("drug_id")
        centre, between = by_drug["mean"].mean(), by_drug["mean"].var(ddof=0)
        std = np.sqrt(between + by_drug["variance"].mean())
        return cls(centre.loc[asked].to_numpy(), std.loc[asked].to_numpy())


@dataclass
class Targets:
    """M target pairs given the batch so far.

    Attributes:
        variance: (M,) epistemic.
        noise: (M,) variances.
        covariance: (N, M) of the candidates' expected responses with theirs.
        own: (N,) the target pair that each candidate is itself, -1 where it is none.
        left: (M,) which target pairs the batch does not measure.
    """

    variance: Floats
    noise: Floats
    covariance: Floats
    own: npt.NDArray[np.intp]
    left: npt.NDArray[np.bool_]

    def mean_over_others(self, gain: Floats) -> Floats:
        """(N,) of what each candidate brings for each target pair, (N, M): for those that stay to be predicted.

        A pair that is measured is none of them: a batch of the least known pairs would look good without telling of any
        other.
        """
        itself = np.flatnonzero(self.own >= 0)
        counted = np.broadcast_to(self.left, gain.shape).copy()
        counted[itself, self.own[itself]] = False
        return np.asarray((gain * counted).sum(1) / np.maximum(counted.sum(1), 1))


class Unmeasured:
    """N candidates given the batch so far; `take` adds one to it.

    Args:
        moments: of the N candidates and then the M targets.
        candidates: N.
        covariance: of all of them.
        own_targets: (N,) the target pair that each candidate is itself, -1 where it is none.
        own_lines: of the candidates.
        draws: joint deviations of the candidates, where there are any.
        rng: of random scores and draws.
    """

    def __init__(
        self,
        moments: Moments,
        candidates: int,
        covariance: Covariance,
        own_targets: npt.NDArray[np.intp],
        own_lines: OwnLines,
        draws: JointDraws | None,
        rng: np.random.Generator,
    ) -> None:
        self._moments, self._covariance, self._own_lines, self._draws = moments, covariance, own_lines, draws
        self._candidates, self._own_targets, self.rng = candidates, own_targets, rng
        self._drawn = np.empty((0, candidates))
        self.mean, self.noise = moments.mean[:candidates], moments.noise[:candidates]
        self.variance = moments.variance[:candidates].copy()
        self.taken: list[int] = []
        self._roots: list[Floats] = []

    def __len__(self) -> int:
        return self._candidates

    @cached_property
    def targets(self) -> Targets:
        """What is known of the target pairs, and what candidates tell of them; asked for before the first `take`."""
        assert not self.taken
        rows = np.arange(self._candidates, len(self._moments.mean))
        across = self._covariance.between(np.arange(self._candidates), rows)
        variance, noise = self._moments.variance[rows].copy(), self._moments.noise[rows]
        return Targets(variance, noise, across, self._own_targets, np.ones(len(rows), dtype=bool))

    def rarity(self, response: Floats) -> Floats:
        """-log of the share of its drug's own lines that respond as low as this, (N,), in nats, normals assumed.

        Responses of different drugs are compared by it: of a potent drug a low one is nothing rare.
        """
        return np.asarray(-log_ndtr((response - self._own_lines.mean) / self._own_lines.std))

    def next_draw(self) -> Floats:
        """(N,) expected responses as they may be; all pairs together, and anew each time."""
        if not len(self._drawn):
            assert self._draws is not None
            self._drawn = self.mean + self._draws.draw(self.rng, _DRAWS_A_PASS)
        first, self._drawn = self._drawn[0], self._drawn[1:]
        return first

    def take(self, at: int, condition: bool) -> None:
        """Add a candidate to the batch.

        Args:
            at: its position.
            condition: take it for measured in what is known of the others.
        """
        if condition:
            column = self._covariance.between(np.arange(self._candidates), np.array([at]))[:, 0]
            column = column - sum((root * root[at] for root in self._roots), np.zeros(self._candidates))
            root = column / np.sqrt(column[at] + self.noise[at])
            if "targets" in vars(self):
                self._tell_targets(at, root, float(column[at] + self.noise[at]))
            self._roots.append(root)
            self.variance = np.maximum(self.variance - root**2, 0.0)
        self.taken.append(at)

    def _tell_targets(self, at: int, root: Floats, total: float) -> None:
        targets = self.targets
        of_targets = targets.covariance[at] / np.sqrt(total)
        targets.covariance = targets.covariance - np.outer(root, of_targets)
        targets.variance = np.maximum(targets.variance - of_targets**2, 0.0)
        if targets.own[at] >= 0:
            targets.left[targets.own[at]] = False


def expected_rmse(
    moments: Moments, covariance: Covariance, measured: Sequence[int], asked: Sequence[int]
) -> tuple[float, float]:
    """Expected errors of the responses of some pairs, before and after others are measured, in the measure's unit.

    Args:
        moments: of all pairs.
        covariance: likewise.
        measured: positions of those that are measured, each once.
        asked: positions of the others.
    """
    known, rest = np.asarray(measured, dtype=np.intp), np.asarray(asked, dtype=np.intp)
    of_known = covariance.between(known, known) + np.diag(moments.noise[known])
    across = covariance.between(known, rest)
    removed = (across * np.linalg.solve(of_known, across)).sum(0)
    before, noise = moments.variance[rest], moments.noise[rest]
    after = np.maximum(before - removed, 0.0)
    return float(np.sqrt((before + noise).mean())), float(np.sqrt((after + noise).mean()))
