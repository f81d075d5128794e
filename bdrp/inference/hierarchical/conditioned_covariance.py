"""Covariances of many pairs after an update, a block at a time: N pairs squared are never held."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from bdrp.inference.hierarchical.evidence import Evidence, Rows, kernel
from bdrp.predictive.distribution import Floats, Index


class ConditionedCovariance:
    """Epistemic covariances of N pairs, conditioned on n measured ones.

    With L the Cholesky factor of the covariance of the measured responses, K(m, *) that of what is measured with the
    pairs, and R = L^-1 K(m, *), any block of it is K(i, j) - R(i)' R(j).

    Args:
        evidence: the measured pairs; there may be none.
        rows: the N pairs.
        response_std: SD of the training responses.
    """

    def __init__(self, evidence: Evidence, rows: Rows, response_std: float) -> None:
        self._rows, self._effects, self._response_std = rows, evidence.effects, response_std
        _ = rows.posterior.roots  # of all pairs at once; blocks keep theirs
        self._known = np.empty((0, len(rows.mean)))
        if len(evidence.solved):
            across = kernel(evidence.rows, rows, evidence.effects, response_std)
            self._known = solve_triangular(evidence.factor[0], across, lower=True)

    def blocks(self, size: int) -> Floats:
        """(B, M, M) within B blocks of M pairs that follow each other."""
        starts = range(0, len(self._rows.mean), size)
        return np.stack([self.between(slice(at, at + size), slice(at, at + size)) for at in starts])

    def between(self, left: Index, right: Index) -> Floats:
        """(n, m) of some of the pairs with others, in the measure's unit squared."""
        before = kernel(self._rows[left], self._rows[right], self._effects, self._response_std)
        return np.asarray(before - self._known[:, left].T @ self._known[:, right])
