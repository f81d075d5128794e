"""What other cell lines and other drugs would have made of a mean: whole lines and drugs are drawn with replacement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Self

import numpy as np
from scipy.sparse import csr_array

from bdrp.evaluation.observed import Floats, Ints

_SPARSE: Final = 4  # chosen: cells a pair from which a sparse product is the faster one


@dataclass(frozen=True)
class Resampling:
    """How often each line and each drug was drawn in each of B replicates.

    Pairs of one line, and pairs of one drug, are wrong together. So lines and drugs are drawn with replacement, each on
    its own, and a pair counts as often as its line times its drug (pigeonhole bootstrap; Owen 2007,
    doi:10.1214/07-AOAS122), which errs on the wide side. A single line or drug is kept as it is, so codes that are all
    0 leave that side out and make it a plain cluster bootstrap of the other.

    Attributes:
        lines: each pair's line, (N,), from 0.
        drugs: each pair's drug, (N,), from 0.
        of_line: (B, lines).
        of_drug: (B, drugs).
    """

    lines: Ints
    drugs: Ints
    of_line: Floats
    of_drug: Floats

    @classmethod
    def draw(cls, lines: Ints, drugs: Ints, seed: int, replicates: int) -> Self:
        """Draw lines and drugs; a replicate without a single pair is left out."""
        drawn = cls(lines, drugs, *_draw(int(lines.max()) + 1, int(drugs.max()) + 1, seed, replicates))
        some = drawn._pairs > 0
        return drawn if some.all() else cls(lines, drugs, drawn.of_line[some], drawn.of_drug[some])

    def __len__(self) -> int:
        return len(self.of_line)

    def means(self, values: Floats) -> Floats:
        """Column means of `values` (N, Q) in each replicate, (B, Q)."""
        return np.stack([self._sums(column) for column in values.T], axis=1) / self._pairs[:, None]

    @cached_property
    def _pairs(self) -> Floats:
        """How many pairs each replicate has, (B,)."""
        return self._sums(np.ones(len(self.lines)))

    def _sums(self, values: Floats) -> Floats:
        """Sums over lines and drugs first: a replicate then costs no pass over the pairs."""
        return np.asarray(np.sum((self.of_line @ self._grid(values)) * self.of_drug, axis=1))

    def _grid(self, values: Floats) -> Floats | csr_array:
        """Sums by line and drug, sparse where most lines were never measured with most drugs."""
        shape = (self.of_line.shape[1], self.of_drug.shape[1])
        if shape[0] * shape[1] > _SPARSE * len(values):
            return csr_array((values, (self.lines, self.drugs)), shape=shape)
        cells = np.ravel_multi_index((self.lines, self.drugs), shape)
        return np.bincount(cells, weights=values, minlength=shape[0] * shape[1]).reshape(shape)


@lru_cache(maxsize=2)
def _draw(lines: int, drugs: int, seed: int, replicates: int) -> tuple[Floats, Floats]:
    """How often each is drawn; kept, because every curve and interval of a report asks for the same."""
    rng = np.random.default_rng(seed)
    drawn = [rng.multinomial(n, np.full(n, 1 / n), size=replicates).astype(np.float64) for n in (lines, drugs)]
    for counts in drawn:
        counts.setflags(write=False)
    return drawn[0], drawn[1]
