"""Quadratic forms as products of halves."""

from __future__ import annotations

import torch

from bdrp.inference.hierarchical.cached_moments import double_off_diagonals, outer_products, upper_halves
from bdrp.inference.method import isolate_random_state


def test_products_of_halves_are_quadratic_forms() -> None:
    with isolate_random_state():
        torch.manual_seed(0)
        root, rows = torch.randn(3, 5, 5), torch.randn(4, 5)
    matrices = root @ root.transpose(1, 2)
    expected = torch.einsum("dw,lwv,dv->ld", rows, matrices, rows)
    assert torch.allclose(double_off_diagonals(upper_halves(matrices)) @ outer_products(rows).T, expected, rtol=1e-4)
    assert torch.allclose(upper_halves(matrices) @ double_off_diagonals(outer_products(rows)).T, expected, rtol=1e-4)


def test_halves_stand_row_after_row() -> None:
    assert upper_halves(torch.arange(9.0).view(1, 3, 3)).tolist() == [[0, 1, 2, 4, 5, 8]]
    assert outer_products(torch.tensor([[1.0, 2.0, 3.0]])).tolist() == [[1, 2, 3, 4, 6, 9]]
    assert double_off_diagonals(torch.ones(1, 6)).tolist() == [[1, 2, 2, 1, 2, 1]]
