"""The moments of pairs that the last layer alone gives, cached for many networks; quadratic forms as products of rows.

b' C b = sum over i <= j of (2 - [i = j]) C_ij b_i b_j is a product of two rows, of C and of b: those of all lines and
all drugs are one product of matrices, half as long as with whole matrices.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from bdrp.inference.hierarchical.grid import GridChunk, GridEntries
from bdrp.inference.hierarchical.predictor import rowwise_dot


class CachedMoments(NamedTuple):
    """What the moments of N grid entries of L lines and D drugs are made of, whatever the network.

    Attributes:
        entries: which. chunks: the same, some at a time.
        slopes: (N,) mean of v's term. variance: (N,) of the terms of v and the loadings.
        own: (N,) the part of the mean that is the drug's alone.
        loadings: (D, R). u_mean: (L, 1 + R).
        u_covariance: (L, T) upper halves, what is off the diagonal counted twice.
    """

    entries: GridEntries
    chunks: list[GridChunk]
    slopes: Tensor
    own: Tensor
    variance: Tensor
    loadings: Tensor
    u_mean: Tensor
    u_covariance: Tensor

    def line_variance(self, square: Tensor) -> Tensor:
        """(N,) variance of u's term, from outer products (D, T) of what u multiplies."""
        return rowwise_dot(self.u_covariance, square, self.entries.line, self.entries.drug)


def outer_products(rows: Tensor) -> Tensor:
    """(M, W (W + 1) / 2) the upper halves of the outer products of rows (M, W) with themselves."""
    row, column = torch.triu_indices(rows.shape[1], rows.shape[1], device=rows.device)
    return rows.index_select(1, row) * rows.index_select(1, column)


def upper_halves(symmetric: Tensor) -> Tensor:
    """(M, W (W + 1) / 2) the upper halves of symmetric matrices (M, W, W), diagonals included."""
    width = symmetric.shape[-1]
    row, column = torch.triu_indices(width, width, device=symmetric.device)
    return symmetric.flatten(1).index_select(1, row * width + column)


def double_off_diagonals(halves: Tensor) -> Tensor:
    """Halves (M, T) whose product with other halves is that of the whole matrices."""
    width = math.isqrt(2 * halves.shape[1])
    row, column = torch.triu_indices(width, width, device=halves.device)
    return halves * (2 - (row == column).to(halves))
