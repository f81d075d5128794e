"""Bayesian ridge a compound with shared prior scales, fitted by expectation-maximisation: where the last layer starts.

For compound c with responses y (standardised) at lines with regressors x = (1, h),

    y = x . v[c] + noise,   noise ~ Normal(0, s[c]^2),
    v[c, 0] ~ Normal(0, lambda_0^2),   v[c, k] ~ Normal(0, (lambda_k tau[c])^2), k > 0.

The E-step is the exact normal posterior of v[c]; the M-step sets each squared scale to the mean of the expected squares
that it governs (Dempster, Laird & Rubin 1977; MacKay 1992). Sharing lambda lets every compound learn from all which
components of expression matter; tau says how much expression matters to this one.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

PSEUDO_COMPONENTS = 5.0  # chosen: tau counts as 1 for five components, so that a short regression keeps it near 1
PSEUDO_RESPONSES = 10.0  # chosen: the pooled noise counts as ten responses, so that a rarely tested compound keeps some

MOST_LEVERAGE = 0.9  # chosen: no residual is stretched more than tenfold


class HierarchicalRidge(NamedTuple):
    """The fit.

    Attributes:
        mean: (C, 1 + K) of v.
        variance: (C, 1 + K) of v.
        scale: (1 + K,) lambda.
        slope_scale: (C,) tau.
        noise: (C,) s.
        leverage: (C, L) how much of a response's own deviation the fit of its compound follows, in [0, 1): a residual
            over 1 - leverage is what the line would have left, had it not been there (Allen 1974).
    """

    mean: Tensor
    variance: Tensor
    scale: Tensor
    slope_scale: Tensor
    noise: Tensor
    leverage: Tensor


def fit(
    regressors: Tensor,
    line: Tensor,
    compound: Tensor,
    response: Tensor,
    compounds: int,
    steps: int = 15,
    start: HierarchicalRidge | None = None,
) -> HierarchicalRidge:
    """Fit N responses.

    Args:
        regressors: (L, 1 + K), the first column ones.
        line: (N,) rows of `regressors`.
        compound: (N,), below `compounds`.
        response: (N,), standardised.
        compounds: C.
        steps: of expectation-maximisation.
        start: scales to start from; small slopes and much noise if None.
    """
    x = regressors.double()
    width = x.shape[1]
    rows = [torch.nonzero(compound == c)[:, 0] for c in range(compounds)]
    gram = torch.stack([x[line[row]].T @ x[line[row]] for row in rows])
    moment = torch.stack([x[line[row]].T @ response[row].double() for row in rows])
    square = torch.stack([(response[row].double() ** 2).sum() for row in rows])
    count = torch.tensor([float(len(row)) for row in rows], dtype=torch.float64)
    scale = torch.cat([torch.tensor([1.0]), torch.full((width - 1,), 0.05)]).double()
    slope = torch.ones(compounds, dtype=torch.float64)
    noise = torch.full((compounds,), 0.3, dtype=torch.float64)
    if start is not None:
        scale, slope, noise = start.scale.double(), start.slope_scale.double(), start.noise.double() ** 2
    mean, covariance = moment, gram
    for _ in range(steps):
        used = noise
        covariance = torch.linalg.inv(gram / noise[:, None, None] + torch.diag_embed(_precision(scale, slope)))
        mean = (covariance @ moment[:, :, None])[:, :, 0] / noise[:, None]
        variance = covariance.diagonal(dim1=1, dim2=2)
        residual = square - 2 * (mean * moment).sum(1) + torch.einsum("ci,cij,cj->c", mean, gram, mean)
        residual = residual + (gram * covariance).sum((1, 2))
        pooled = residual.sum() / count.sum()
        noise = ((residual + PSEUDO_RESPONSES * pooled) / (count + PSEUDO_RESPONSES)).clamp(min=1e-4)
        square_mean = mean**2 + variance
        within = square_mean[:, 1:] / scale[1:] ** 2
        slope = ((within.sum(1) + PSEUDO_COMPONENTS) / (width - 1 + PSEUDO_COMPONENTS)).sqrt()
        intercept, slopes = square_mean[:, :1].mean(0), (square_mean[:, 1:] / slope[:, None] ** 2).mean(0)
        scale = torch.cat([intercept, slopes]).clamp(min=1e-8).sqrt()
    leverage = torch.stack([((x @ one) * x).sum(1) for one in covariance]) / used[:, None]
    parts = (mean, variance, scale, slope, noise.sqrt(), leverage.clamp(max=MOST_LEVERAGE))
    return HierarchicalRidge(*(part.float() for part in parts))


def _precision(scale: Tensor, slope: Tensor) -> Tensor:
    """(C, 1 + K) prior precisions."""
    intercept = (scale[:1] ** -2).expand(len(slope), 1)
    return torch.cat([intercept, (slope[:, None] * scale[1:]) ** -2], dim=1)
