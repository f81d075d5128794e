"""Posterior of every curve at once: importance sampling that begins at the prior and is led to where each curve is.

Round 0 weighs the same nodes of the prior for all curves: curves that say little are answered there, whatever the
shape of their posterior. Each later round draws, for each curve, from a Student-t with the mean and covariance that
the weights of all rounds so far have. In the end every draw of every round counts, weighed by the deterministic
mixture of all that was drawn from (Veach and Guibas 1995; Owen and Zhou 2000, doi 10.1080/01621459.2000.10473909),
which is exact in the limit, and bounded by the prior's share where a proposal misses a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bdrp.data.dose_response import proposals
from bdrp.data.dose_response.curve import LN_SCALE_SD, Curves, Floats, Prior, Rows
from bdrp.data.dose_response.likelihood import Design, SharedLikelihood, log_likelihood
from bdrp.data.dose_response.noise import Noise

PRIOR_NODES: Final = 1024
SCHEDULES: Final = (
    (256, 256, 512),
    (256, 256, 512, 512, 1024, 1024),
    (256, 256, 256, 256, 512, 512, 512, 512, 1024, 1024, 2048, 2048, 2048),
)
"""Draws of each round: first those of all curves, then of those that have not `ENOUGH` yet, begun anew: the steepest
with the least noise, some in a hundred."""
ENOUGH: Final = 150.0
"""Effective draws of a curve (Kish); chosen: Monte Carlo error is then 8 % of a posterior SD."""
TEMPERED: Final = 16.0
"""Effective draws to which the weights behind a proposal are flattened; chosen: of 12 to 100, no more leaves narrow
posteriors that are never found."""
CHUNK: Final = 128
"""Curves at a time; chosen: what is held of them stays in the processor's cache."""


@dataclass(frozen=True)
class Posterior:
    """What is known of B curves.

    Attributes:
        curves: equally weighted draws, parameters of shape (B, draws).
        z: their coordinates, (B, 5, draws).
        ln_evidence: ln of the marginal likelihood, (B,).
        effective: effective draws behind them, (B,).
    """

    curves: Curves
    z: Floats
    ln_evidence: Floats
    effective: Floats


def sample(design: Design, noise: Noise, *, draws: int, seed: int = 0, again: bool = True) -> Posterior:
    """The posterior of each curve of a design.

    Args:
        design: wells.
        noise: of the screen.
        draws: how many are kept of each curve, equally weighted.
        seed: of the nodes and of which draws are kept.
        again: whether curves with few effective draws are begun anew with more.
    """
    prior = Prior(noise.top_sd, float(design.ln_dose.min()), float(design.ln_dose.max()))
    nodes = proposals.prior_nodes(PRIOR_NODES, seed)
    shared = SharedLikelihood(design.ln_dose, prior.curves(nodes.astype(np.float64)), noise)

    def run(rows: Rows, sizes: Sequence[int]) -> _Rounds:
        rounds = _Rounds(design[rows], prior, noise, nodes, shared)
        for number, size in enumerate(sizes):
            rounds.advance(size, seed + number)
        return rounds

    z = np.empty((len(design), proposals.D, draws), dtype=np.float32)
    ln_evidence, effective = np.empty(len(design)), np.zeros(len(design))
    for sizes in SCHEDULES if again else SCHEDULES[:1]:
        todo = np.flatnonzero(effective < ENOUGH)
        for rows in (todo[at : at + CHUNK] for at in range(0, len(todo), CHUNK)):
            kept = run(rows, sizes).keep(draws, np.random.default_rng((seed, int(rows[0]))))
            z[rows], ln_evidence[rows], effective[rows] = kept
    return Posterior(prior.curves(np.moveaxis(z, 1, 0).astype(np.float64)), z, ln_evidence, effective)


class _Rounds:
    """The draws of some curves, round by round, and what each was drawn from.

    Attributes:
        z: of each round; those of round 0 are (5, S), shared, the others (B, 5, S).
        log_likelihood: (B, S) a round.
        mixture: (B, S) a round, of what was drawn from so far: the sum of draws times density over the prior's.
    """

    def __init__(self, design: Design, prior: Prior, noise: Noise, nodes: Floats, shared: SharedLikelihood) -> None:
        self.design, self.prior, self.noise = design, prior, noise
        self.z = [nodes]
        self.half_square = [0.5 * np.einsum("is,is->s", nodes, nodes)]
        self.log_likelihood = [shared(design)]
        self.mixture = [np.full((len(design), nodes.shape[1]), nodes.shape[1], dtype=np.float32)]
        self.drawn_from: list[tuple[int, proposals.Proposal]] = []

    def effective(self) -> Floats:
        """Effective draws (Kish), (B,)."""
        weights = self._weights()
        return np.asarray(1 / sum(np.einsum("bs,bs->b", one, one) for one in weights))

    def keep(self, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        """Draws of equal weight (B, 5, draws), by systematic resampling; ln evidence and effective draws (B,)."""
        weights = np.concatenate(self._weights(), axis=1).astype(np.float64)
        ends = np.cumsum(weights, axis=1)
        steps = np.floor(ends / ends[:, -1:] * draws + rng.random((len(ends), 1)))
        counts = np.diff(steps, axis=1, prepend=0.0).astype(np.int64)
        counts[:, -1] += draws - counts.sum(1)
        row, column = np.nonzero(counts)
        times = counts[row, column]
        row, column = np.repeat(row, times), np.repeat(column, times)
        kept = self._gather(row, column).reshape(len(ends), draws, -1).transpose(0, 2, 1)
        return kept, self._ln_evidence(), self.effective()

    def advance(self, size: int, seed: int) -> None:
        proposal = proposals.fit(self.z, self._weights(flat=True), LN_SCALE_SD * (len(self.drawn_from) % 2))
        z = proposal.draw(size, seed)
        half_square = 0.5 * np.einsum("bis,bis->bs", z, z)
        self.log_likelihood.append(log_likelihood(self.design, self.prior.curves(np.moveaxis(z, 1, 0)), self.noise))
        earlier = [(count, one.over_prior(z, half_square)) for count, one in self.drawn_from]
        mixture = PRIOR_NODES + sum((count * density for count, density in earlier), np.zeros_like(half_square))
        self.z.append(z)
        self.half_square.append(half_square)
        self.mixture.append(mixture)
        self.drawn_from.append((size, proposal))
        for mixed, there, half in zip(self.mixture, self.z, self.half_square, strict=True):
            mixed += size * proposal.over_prior(there, half)

    def _ln_weights(self) -> list[Floats]:
        return [ln - np.log(mixed) for ln, mixed in zip(self.log_likelihood, self.mixture, strict=True)]

    def _weights(self, *, flat: bool = False) -> list[Floats]:
        """Weights (B, S) a round that sum to one a curve; flattened to `TEMPERED` effective draws for a proposal."""
        ln_weights = self._ln_weights()
        highest = np.max([one.max(1) for one in ln_weights], axis=0)[:, None]
        ln_weights = [one - highest for one in ln_weights]
        if flat:
            ln_weights = _flattened(ln_weights)
        weights = [np.exp(one) for one in ln_weights]
        total = sum(one.sum(1, keepdims=True) for one in weights)
        return [one / total for one in weights]

    def _ln_evidence(self) -> Floats:
        ln_weights = np.concatenate(self._ln_weights(), axis=1)
        highest = ln_weights.max(1)
        return np.asarray(highest + np.log(np.exp(ln_weights - highest[:, None]).sum(1)), dtype=np.float64)

    def _gather(self, row: Rows, column: Rows) -> Floats:
        out = np.empty((len(row), proposals.D), dtype=np.float32)
        start = 0
        for z in self.z:
            here = (column >= start) & (column < start + z.shape[-1])
            at = column[here] - start
            out[here] = z[:, at].T if z.ndim == 2 else z[row[here], :, at]
            start += z.shape[-1]
        return out


def _flattened(ln_weights: list[Floats]) -> list[Floats]:
    """The weights to the power, at most 1, at which they have `TEMPERED` effective draws: halved until they do."""
    power, rows = np.ones((len(ln_weights[0]), 1), dtype=np.float32), np.arange(len(ln_weights[0]))
    while len(rows):
        weights = [np.exp(power[rows] * one[rows]) for one in ln_weights]
        total = sum(one.sum(1) for one in weights)
        effective = total**2 / sum(np.einsum("bs,bs->b", one, one) for one in weights)
        rows = rows[effective < TEMPERED]
        power[rows] /= 2
    return [power * one for one in ln_weights]
