"""Bayesian ridge a compound with shared prior scales, fitted by expectation-maximisation: where the last layer starts.

For compound c with responses y (standardised) at lines with regressors x = (1, h),

    y = x . v[c] + noise,   v[c] ~ Normal(0, diag(lambda^2)),   noise ~ Normal(0, s[c]^2);

the E-step is the exact normal posterior of v[c], the M-step sets lambda_k^2 to the mean of E[v[c, k]^2] over compounds
and s[c]^2 to the expected squared residual (Dempster, Laird & Rubin 1977; MacKay 1992). Sharing lambda between
compounds lets each learn from all which components of expression matter.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

PSEUDO_RESPONSES = 10.0  # chosen: the pooled noise counts as ten responses, so that a rarely tested compound keeps some


class HierarchicalRidge(NamedTuple):
    """The fit: `mean` and `variance` (C, 1 + K) of v, `scale` (1 + K,) the prior SDs, `noise` (C,) SDs."""

    mean: Tensor
    variance: Tensor
    scale: Tensor
    noise: Tensor


def fit(
    regressors: Tensor, line: Tensor, compound: Tensor, response: Tensor, compounds: int, steps: int = 15
) -> HierarchicalRidge:
    """Fit N responses.

    Args:
        regressors: (L, 1 + K), the first column ones.
        line: (N,) rows of `regressors`.
        compound: (N,), below `compounds`.
        response: (N,), standardised.
        compounds: C.
        steps: of expectation-maximisation.
    """
    x = regressors.double()
    width = x.shape[1]
    rows = [torch.nonzero(compound == c)[:, 0] for c in range(compounds)]
    gram = torch.stack([x[line[row]].T @ x[line[row]] for row in rows])
    moment = torch.stack([x[line[row]].T @ response[row].double() for row in rows])
    square = torch.stack([(response[row].double() ** 2).sum() for row in rows])
    count = torch.tensor([float(len(row)) for row in rows], dtype=torch.float64)
    precision = torch.cat([torch.tensor([1.0]), torch.full((width - 1,), 400.0)]).double()
    noise = torch.full((compounds,), 0.3, dtype=torch.float64)
    mean, variance = moment, gram.diagonal(dim1=1, dim2=2)
    for _ in range(steps):
        covariance = torch.linalg.inv(gram / noise[:, None, None] + torch.diag(precision))
        mean = (covariance @ moment[:, :, None])[:, :, 0] / noise[:, None]
        variance = covariance.diagonal(dim1=1, dim2=2)
        residual = square - 2 * (mean * moment).sum(1) + torch.einsum("ci,cij,cj->c", mean, gram, mean)
        residual = residual + (gram * covariance).sum((1, 2))
        pooled = residual.sum() / count.sum()
        noise = ((residual + PSEUDO_RESPONSES * pooled) / (count + PSEUDO_RESPONSES)).clamp(min=1e-4)
        precision = 1 / (mean**2 + variance).mean(0).clamp(min=1e-8)
    return HierarchicalRidge(*(part.float() for part in (mean, variance, precision.rsqrt(), noise.sqrt())))
