"""N values in rising order, sorted once for all that is asked of it: ranks, and losses in that order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.evaluation.observed import Bools, Floats, Ints


@dataclass(frozen=True)
class Order:
    """N pairs in rising order of a value, all of them or those of each group, and which of them it cannot tell apart.

    Attributes:
        rows: (N,) the pairs in this order; those with equal values stand as they were.
        keys: what a pair is told apart by, (N,) each: the value, and its group where there are groups.
    """

    rows: Ints
    keys: Sequence[npt.NDArray[Any]]

    @classmethod
    def of(cls, by: Floats, group: Ints | None = None) -> Self:
        """The order of a value (N,), inside each group (N,), numbers from 0, where they are given."""
        rows = np.argsort(by)  # several times as fast as a stable sort, which only ties need
        if np.any(by[rows][1:] == by[rows][:-1]):
            rows = np.argsort(by, kind="stable")
        alone = cls(rows, [by])
        return alone if group is None else alone.within(group)

    def within(self, group: Ints) -> Self:
        """The same order inside each group (N,), numbers from 0, one group after the other."""
        narrow = np.min_scalar_type(int(group.max(initial=0)))  # up to 16 bits are sorted by radix
        again = np.argsort(group[self.rows].astype(narrow), kind="stable")
        return type(self)(self.rows[again], [self.keys[0], group])

    @cached_property
    def ranks(self) -> Floats:
        """(N,) from 1, inside each group; those that are tied share their mean rank."""
        firsts = np.flatnonzero(np.append(True, ~self._alike)[: len(self.rows)])
        sizes = np.diff(np.append(firsts, len(self.rows)))
        places = np.repeat(firsts + (sizes + 1) / 2, sizes)
        if len(self.keys) > 1:
            n = np.bincount(self.keys[1])
            places -= np.repeat(np.cumsum(n) - n, n)
        found = np.empty(len(self.rows))
        found[self.rows] = places
        return found

    def arrange(self, loss: Floats) -> Floats:
        """(N,) losses in this order; of what is tied, each the mean of its like."""
        if not len(self._tied):
            return loss[self.rows]
        shared, ties = np.array(loss, dtype=np.float64), [key[self._tied] for key in self.keys]
        shared[self._tied] = pd.Series(loss[self._tied]).groupby(ties, sort=False).transform("mean")
        return shared[self.rows]

    @cached_property
    def _alike(self) -> Bools:
        """Whether each but the first is tied with the one before it, (N - 1,)."""
        same = [key[self.rows][1:] == key[self.rows][:-1] for key in self.keys]
        return np.asarray(np.logical_and.reduce(same))

    @cached_property
    def _tied(self) -> Ints:
        """The pairs that share their value (inside a group) with another, in the order of the pairs."""
        return np.sort(self.rows[np.append(self._alike, False) | np.append(False, self._alike)])
