"""Factor analysis of the ridge's residuals by EM: a line's drugs are predicted from its measured ones.

With residuals r of line l and compound c beyond the ridge on expression,

    r[l, c] = u[l, 0] + sum_k u[l, k] g[c, k] + noise,   noise ~ Normal(0, s[c]^2),
    u[l, k] ~ Normal(0, lambda_k^2),   g[c, k] ~ Normal(0, 1),

a line has a general sensitivity u[l, 0] and R factors. Both u[l] and g[c] have normal posteriors with full covariances:
the factors of a line are identified by few drugs, so they are far from independent, and loadings taken as known would
explain noise. The two are updated in turn, then each scale and noise (variational principal components with missing
values; Bishop 1999; Ilin & Raiko 2010, jmlr.org/papers/v11/ilin10a). Factors are rotated to be uncorrelated over lines,
which the likelihood does not identify and which makes the prior right.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bdrp.inference.initialisation.ridge import PSEUDO_RESPONSES

LEAST = 1e-6  # chosen: no squared scale below this, so that every precision is finite
START_NOISE_SHARE = 0.5  # chosen: of a compound's variance; a start only
START_GENERAL = 0.05  # chosen: small, for the principal axes hold the general sensitivity too; a start only


class FactorAnalysis(NamedTuple):
    """The fit.

    Attributes:
        mean: (L, 1 + R) of u. covariance: (L, 1 + R, 1 + R) of u.
        loadings: (C, R) mean of g. loadings_covariance: (C, R, R).
        scale: (1 + R,) lambda. noise: (C,) s.
    """

    mean: Tensor
    covariance: Tensor
    loadings: Tensor
    loadings_covariance: Tensor
    scale: Tensor
    noise: Tensor


class ResidualTable:
    """N residuals summed in a table of lines and compounds, with their counts and squares.

    Args:
        residual: (N,), standardised.
        variance: (N,) how uncertain each is, as one of a censored response.
        line: (N,), below L.
        compound: (N,), below C.
        shape: L and C.
        known: (N,) known variances of their measurement; None where none is.
        weight: (N,) what each counts for, given the noise; None where all are the same.
    """

    def __init__(
        self,
        residual: Tensor,
        variance: Tensor,
        line: Tensor,
        compound: Tensor,
        shape: tuple[int, int],
        *,
        known: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> None:
        def table(values: Tensor) -> Tensor:
            return torch.zeros(shape, dtype=torch.float64).index_put((line, compound), values, accumulate=True)

        residual = residual.double()
        ones = torch.ones_like(residual)
        weight, known = ones if weight is None else weight, 0 * ones if known is None else known
        self.rows = table(ones).sum(0)
        self.total, self.count = table(weight * residual), table(weight)
        # Of the noise a residual shows its weight's share; of its square the weight's square, and what that leaves.
        self.noise_total, self.noise_count = table(weight**2 * residual), table(weight**2)
        self.square = table(weight**2 * (residual**2 + variance.double()) + weight * known).sum(0)


def fit(
    table: ResidualTable,
    noise: Tensor,
    factors: int,
    steps: int = 20,
    start: FactorAnalysis | None = None,
) -> FactorAnalysis:
    """Fit residuals.

    Args:
        table: the residuals.
        noise: (C,) SDs to start from.
        factors: R.
        steps: of expectation-maximisation.
        start: loadings and scales to start from; the principal axes of the residuals if None.
    """
    if start is None:
        loadings, scale = _principal_axes(table, factors)
        loadings_covariance = torch.zeros(len(noise), factors, factors, dtype=torch.float64)
    else:
        loadings, loadings_covariance, scale = (
            part.double() for part in (start.loadings, start.loadings_covariance, start.scale)
        )
    variance = noise.double() ** 2
    mean, covariance = _lines(table, _second(loadings, loadings_covariance), loadings, scale, variance)
    for _ in range(steps):
        loadings, loadings_covariance = _compounds(table, mean, covariance + _squares(mean), variance)
        loadings, loadings_covariance, mean, covariance = _rotated(loadings, loadings_covariance, mean, covariance)
        scale = (mean**2 + covariance.diagonal(dim1=1, dim2=2)).mean(0).clamp(min=LEAST).sqrt()
        second = _second(loadings, loadings_covariance)
        variance = _variance(table, mean @ _with_one(loadings).T, covariance + _squares(mean), second)
        mean, covariance = _lines(table, second, loadings, scale, variance)
    parts = (mean, covariance, loadings, loadings_covariance, scale, variance.sqrt())
    return FactorAnalysis(*(part.float() for part in parts))


def _principal_axes(table: ResidualTable, factors: int) -> tuple[Tensor, Tensor]:
    """Loadings (C, R) and scales (1 + R,) of the compounds' covariance over lines: where the ascent starts.

    From small random loadings it takes hundreds of steps, and ends at factors that tell less of new lines.
    """
    both = table.count.T @ table.count
    covariance = table.total.T @ table.total / (both + PSEUDO_RESPONSES)  # a pair rarely tested together tells little
    covariance -= START_NOISE_SHARE * covariance.diagonal().diag()
    values, axes = torch.linalg.eigh(covariance)
    most = min(factors, len(values))
    weighted = axes[:, -most:] * values[-most:].clamp(min=LEAST).sqrt()
    size = weighted.square().mean(0).sqrt()
    idle = factors - most  # where there are more factors than compounds
    scale = torch.cat([size.new_tensor([START_GENERAL]), size, size.new_full((idle,), LEAST**0.5)])
    return nn.functional.pad(weighted / size, (0, idle)), scale


def _lines(
    table: ResidualTable, second: Tensor, loadings: Tensor, scale: Tensor, variance: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean (L, 1 + R) and covariance (L, 1 + R, 1 + R) of u given the rest."""
    width = len(scale)
    weight = table.count / variance
    precision = (weight @ second.flatten(1)).reshape(-1, width, width) + torch.diag(scale**-2)
    covariance = torch.linalg.inv(precision)
    moment = (table.total / variance) @ _with_one(loadings)
    return (covariance @ moment[:, :, None])[:, :, 0], covariance


def _compounds(table: ResidualTable, mean: Tensor, square: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (C, R) and covariance (C, R, R) of g: ridge of the residuals, with the general sensitivity taken off."""
    width = mean.shape[1] - 1
    gram = (table.count.T @ square[:, 1:, 1:].flatten(1)).reshape(-1, width, width)
    moment = table.total.T @ mean[:, 1:] - table.count.T @ square[:, 0, 1:]
    covariance = torch.linalg.inv(gram / variance[:, None, None] + torch.eye(width, dtype=torch.float64))
    return (covariance @ (moment / variance[:, None])[:, :, None])[:, :, 0], covariance


def _rotated(
    loadings: Tensor, loadings_covariance: Tensor, mean: Tensor, covariance: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Factors uncorrelated over lines, each with loadings of mean square one."""
    square = (covariance + _squares(mean)).mean(0)[1:, 1:]
    identity = torch.eye(len(square), dtype=torch.float64)
    root = torch.linalg.cholesky(square + LEAST * identity)
    # Loadings that are uncorrelated too would make both priors right, and switch off factors that GDSC2 needs.
    forth = (
        root / (root.T @ (_squares(loadings) + loadings_covariance).mean(0) @ root).diagonal().clamp(min=LEAST).sqrt()
    )
    back = torch.block_diag(torch.ones(1, 1, dtype=torch.float64), torch.linalg.inv(forth))
    return loadings @ forth, forth.T @ loadings_covariance @ forth, mean @ back.T, back @ covariance @ back.T


def _variance(table: ResidualTable, expected: Tensor, square: Tensor, second: Tensor) -> Tensor:
    """(C,) expected squared noise; the pooled one counts as some responses."""
    squares = square.flatten(1) @ second.flatten(1).T
    total = table.square + (table.noise_count * squares - 2 * table.noise_total * expected).sum(0)
    pooled = total.sum() / table.rows.sum()
    return ((total + PSEUDO_RESPONSES * pooled) / (table.rows + PSEUDO_RESPONSES)).clamp(min=1e-4)


def _second(loadings: Tensor, loadings_covariance: Tensor) -> Tensor:
    """(C, 1 + R, 1 + R) expected outer products of (1, g)."""
    second = _squares(_with_one(loadings))
    second[:, 1:, 1:] += loadings_covariance
    return second


def _squares(rows: Tensor) -> Tensor:
    """(M, W, W) outer products of rows (M, W)."""
    return rows[:, :, None] * rows[:, None, :]


def _with_one(values: Tensor) -> Tensor:
    return torch.cat([values.new_ones(len(values), 1), values], dim=1)
