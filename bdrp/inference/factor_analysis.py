"""What the measured drugs of a line say about its other drugs: factor analysis of what the ridge leaves, by EM.

With residuals r of line l and compound c beyond the ridge on expression,

    r[l, c] = u[l, 0] + sum_k u[l, k] g[c, k] + noise,   noise ~ Normal(0, s[c]^2),
    u[l, k] ~ Normal(0, lambda_k^2),   g[c, k] ~ Normal(0, 1),

a line has a general sensitivity u[l, 0] and R factors. The E-step is the exact normal posterior of u[l], with its full
covariance: the factors of a line are told apart by few drugs, so they are far from independent. The M-step finds the
loadings, each scale and each noise (probabilistic principal components with missing cells; Tipping & Bishop 1999,
doi:10.1111/1467-9868.00196; Ilin & Raiko 2010). Factors are rotated to be uncorrelated over lines, which the likelihood
leaves open and which makes the prior right.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bdrp.inference.hierarchical_ridge import PSEUDO_RESPONSES

LEAST = 1e-6  # chosen: no squared scale below this, so that every precision is finite


class FactorAnalysis(NamedTuple):
    """The fit.

    Attributes:
        mean: (L, 1 + R) of u. covariance: (L, 1 + R, 1 + R) of u.
        loadings: (C, R) g. scale: (1 + R,) lambda. noise: (C,) s.
    """

    mean: Tensor
    covariance: Tensor
    loadings: Tensor
    scale: Tensor
    noise: Tensor


def fit(
    residual: Tensor,
    line: Tensor,
    compound: Tensor,
    noise: Tensor,
    lines: int,
    factors: int,
    generator: torch.Generator,
    steps: int = 20,
    start: FactorAnalysis | None = None,
) -> FactorAnalysis:
    """Fit N residuals.

    Args:
        residual: (N,), standardised. line: (N,), below `lines`. compound: (N,).
        noise: (C,) SDs to start from.
        lines: L. factors: R.
        generator: of the loadings that the ascent starts at.
        steps: of expectation-maximisation.
        start: loadings and scales to start from; small random loadings if None.
    """
    cells = _Cells(residual.double(), line, compound, (lines, len(noise)))
    if start is None:
        loadings = 0.1 * torch.randn(len(noise), factors, generator=generator, dtype=torch.float64)
        scale = torch.cat([torch.tensor([0.3]), torch.ones(factors)]).double()
    else:
        loadings, scale = start.loadings.double(), start.scale.double()
    variance = noise.double() ** 2
    mean, covariance = _posterior(cells, loadings, scale, variance)
    for _ in range(steps):
        square = covariance + mean[:, :, None] * mean[:, None, :]
        loadings = _loadings(cells, mean, square, variance)
        loadings, mean, covariance = _rotated(loadings, mean, covariance)
        scale = (mean**2 + covariance.diagonal(dim1=1, dim2=2)).mean(0).clamp(min=LEAST).sqrt()
        variance = _variance(cells, loadings, mean, covariance)
        mean, covariance = _posterior(cells, loadings, scale, variance)
    return FactorAnalysis(*(part.float() for part in (mean, covariance, loadings, scale, variance.sqrt())))


class _Cells:
    """Residuals summed in an L x C table, with their counts and squares."""

    def __init__(self, residual: Tensor, line: Tensor, compound: Tensor, shape: tuple[int, int]) -> None:
        def table(values: Tensor) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64).index_put((line, compound), values, accumulate=True)

        self.total, self.count = table(residual), table(torch.ones_like(residual))
        self.square = table(residual**2).sum(0)


def _posterior(cells: _Cells, loadings: Tensor, scale: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (L, 1 + R) and covariance (L, 1 + R, 1 + R) of u given the rest."""
    regressors = _with_one(loadings)
    weight = cells.count / variance
    precision = (weight @ _outer(regressors)).reshape(len(weight), *[len(scale)] * 2) + torch.diag(scale**-2)
    covariance = torch.linalg.inv(precision)
    moment = (cells.total / variance) @ regressors
    return (covariance @ moment[:, :, None])[:, :, 0], covariance


def _loadings(cells: _Cells, mean: Tensor, square: Tensor, variance: Tensor) -> Tensor:
    """(C, R): ridge of the residuals on the factors, with the general sensitivity taken off."""
    width = mean.shape[1] - 1
    gram = (cells.count.T @ square[:, 1:, 1:].flatten(1)).reshape(-1, width, width)
    moment = cells.total.T @ mean[:, 1:] - cells.count.T @ square[:, 0, 1:]
    precision = gram / variance[:, None, None] + torch.eye(width, dtype=torch.float64)
    return torch.linalg.solve(precision, (moment / variance[:, None])[:, :, None])[:, :, 0]


def _rotated(loadings: Tensor, mean: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Factors uncorrelated over lines, each with loadings of mean square one."""
    square = (covariance + mean[:, :, None] * mean[:, None, :]).mean(0)[1:, 1:]
    root = torch.linalg.cholesky(square + LEAST * torch.eye(len(square), dtype=torch.float64))
    turned = loadings @ root
    size = turned.square().mean(0).clamp(min=LEAST).sqrt()
    back = size[:, None] * torch.linalg.solve_triangular(root, torch.eye(len(root)).double(), upper=False)
    turn = torch.block_diag(torch.ones(1, 1, dtype=torch.float64), back)
    return turned / size, mean @ turn.T, turn @ covariance @ turn.T


def _variance(cells: _Cells, loadings: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """(C,) expected squared noise; the pooled one counts as some responses."""
    regressors = _with_one(loadings)
    expected = mean @ regressors.T
    spread = covariance.flatten(1) @ _outer(regressors).T
    squares = cells.square - 2 * (cells.total * expected).sum(0) + (cells.count * (expected**2 + spread)).sum(0)
    count = cells.count.sum(0)
    pooled = squares.sum() / count.sum()
    return ((squares + PSEUDO_RESPONSES * pooled) / (count + PSEUDO_RESPONSES)).clamp(min=1e-4)


def _outer(rows: Tensor) -> Tensor:
    """(C, W * W) outer products of rows (C, W)."""
    return (rows[:, :, None] * rows[:, None, :]).flatten(1)


def _with_one(values: Tensor) -> Tensor:
    return torch.cat([values.new_ones(len(values), 1), values], dim=1)
