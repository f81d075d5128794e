"""The preconditioner against the dense inverse, and what it is for: few steps of conjugate gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bdrp.inference.kronecker.kernels import Grid, covariance, solve
from bdrp.inference.kronecker.preconditioning import build_preconditioner

DRUGS, LINES = 12, 20


def positive(size: int, seed: int) -> Tensor:
    """A kernel with eigenvalues that fall fast."""
    generator = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64)).Q
    return turn @ torch.diag(0.5 ** torch.arange(size, dtype=torch.float64) + 0.01) @ turn.T


@pytest.fixture
def grid() -> Grid:
    return Grid(positive(DRUGS, 0), 0.2 * torch.eye(LINES, dtype=torch.float64), positive(DRUGS, 1), positive(LINES, 2))


@pytest.fixture
def replicates() -> Tensor:
    """A third of the grid entries missing, some measured three times."""
    generator = torch.Generator().manual_seed(3)
    return torch.tensor([0.0, 1.0, 3.0])[torch.randint(0, 3, (DRUGS, LINES), generator=generator)].double()


@pytest.fixture
def noise() -> Tensor:
    return torch.linspace(0.001, 0.1, DRUGS, dtype=torch.float64)


def multiply(grid: Grid, replicates: Tensor, noise: Tensor, table: Tensor) -> Tensor:
    measured = (replicates > 0).double()
    return covariance(grid, measured, measured * noise[:, None] / replicates.clamp(min=1))(table)


def test_with_every_term_it_is_the_inverse_whatever_is_missing(grid: Grid, replicates: Tensor, noise: Tensor) -> None:
    table = (replicates > 0) * torch.randn(2, DRUGS, LINES, dtype=torch.float64)
    preconditioner = build_preconditioner(grid, replicates, noise, 10**6)
    assert torch.allclose(preconditioner(multiply(grid, replicates, noise, table)), table, atol=1e-8)


@pytest.mark.parametrize("terms", [1, 40])
def test_with_some_terms_it_is_symmetric_and_positive_and_0_where_nothing_was_measured(
    grid: Grid, replicates: Tensor, noise: Tensor, terms: int
) -> None:
    every = torch.eye(DRUGS * LINES, dtype=torch.float64).reshape(-1, DRUGS, LINES)
    matrix = build_preconditioner(grid, replicates, noise, terms)(every).reshape(len(every), -1)
    known = replicates.reshape(-1) > 0
    assert torch.allclose(matrix, matrix.T, atol=1e-8)
    assert bool((torch.linalg.eigvalsh(matrix[known][:, known]) > 0).all())
    assert bool((matrix[~known] == 0).all())


def test_more_terms_need_fewer_steps(grid: Grid, replicates: Tensor, noise: Tensor) -> None:
    right = (replicates > 0) * torch.randn(1, DRUGS, LINES, generator=torch.Generator().manual_seed(4)).double()
    steps = []
    for terms in (1, 60, 120):
        calls = []

        def counted(table: Tensor, calls: list[int] = calls) -> Tensor:
            calls.append(1)
            return multiply(grid, replicates, noise, table)

        solve(
            counted,
            right,
            preconditioner=build_preconditioner(grid, replicates, noise, terms),
            tolerance=1e-6,
            steps=500,
        )
        steps.append(len(calls))
    assert steps[0] > 1.5 * steps[1] > 2 * steps[2]


def test_terms_that_are_all_alike_do_not_exceed_what_was_asked_for(replicates: Tensor, noise: Tensor) -> None:
    alike = Grid(*(torch.eye(size, dtype=torch.float64) for size in (DRUGS, LINES, DRUGS, LINES)))
    preconditioner = build_preconditioner(alike, replicates, torch.ones_like(noise), 5)
    assert len(preconditioner.root) <= 5


def test_another_precision_multiplies_nearly_alike(grid: Grid, replicates: Tensor, noise: Tensor) -> None:
    table = torch.randn(DRUGS, LINES, dtype=torch.float64)
    preconditioner = build_preconditioner(grid, replicates, noise, 40)
    single = preconditioner.to(torch.float32)(table.float())
    assert single.dtype == torch.float32 and torch.allclose(
        single.double(), preconditioner(table), rtol=1e-3, atol=1e-2
    )
