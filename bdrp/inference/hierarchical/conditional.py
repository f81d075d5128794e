"""What moments of pairs take from the last layer alone, and quadratic forms as products of rows.

b' C b = sum over i <= j of (2 - [i = j]) C_ij b_i b_j is a product of two rows, of C and of b: those of all lines and
all drugs are one product of matrices, half as long as with whole matrices.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from bdrp.inference.hierarchical.grid import Cells, Part
from bdrp.inference.hierarchical.predictor import rowwise


class Conditional(NamedTuple):
    """What the moments of N grid entries of L lines and D drugs are whatever the network: cached for many networks.

    Attributes:
        cells: which. parts: the same, some at a time.
        slopes, variance: (N,) what v brings to the mean, and with the loadings to the variance.
        own: (N,) what of the mean belongs to the drug alone.
        loadings: (D, R). u_mean: (L, 1 + R).
        u_covariance: (L, T) upper halves, what is off the diagonal counted twice.
    """

    cells: Cells
    parts: list[Part]
    slopes: Tensor
    own: Tensor
    variance: Tensor
    loadings: Tensor
    u_mean: Tensor
    u_covariance: Tensor

    def through_lines(self, square: Tensor) -> Tensor:
        """(N,) variance that u brings where what it multiplies is, squared, (D, T)."""
        return rowwise(self.u_covariance, square, self.cells.line, self.cells.drug)


def squared(rows: Tensor) -> Tensor:
    """(M, W (W + 1) / 2) the upper halves of the outer products of rows (M, W) with themselves."""
    row, column = torch.triu_indices(rows.shape[1], rows.shape[1], device=rows.device)
    return rows.index_select(1, row) * rows.index_select(1, column)


def upper(symmetric: Tensor) -> Tensor:
    """(M, W (W + 1) / 2) the upper halves of symmetric matrices (M, W, W), diagonals included."""
    width = symmetric.shape[-1]
    row, column = torch.triu_indices(width, width, device=symmetric.device)
    return symmetric.flatten(1).index_select(1, row * width + column)


def doubled(halves: Tensor) -> Tensor:
    """Halves whose product with other halves is that of the whole matrices: what is off the diagonal counts twice."""
    width = math.isqrt(2 * halves.shape[1])
    row, column = torch.triu_indices(width, width, device=halves.device)
    return halves * (2 - (row == column).to(halves))
