"""Bayesian ridge a compound with shared prior scales, fitted by expectation-maximisation: where the last layer starts.

For compound c with responses y (standardised) at lines with regressors x = (1, h),

    y = x . v[c] + noise,   noise ~ Normal(0, s[c]^2),
    v[c, 0] ~ Normal(0, lambda_0^2),   v[c, k] ~ Normal(0, (lambda_m d_k tau[c])^2), k > 0,

d_k the SD that component k has in the profile it comes from, and lambda_m one factor for all components of a modality:
ridge on the features themselves, for which components that vary little may have small slopes only. (With a factor for
every component, whitened, RMSE on unseen lines of GDSC2 is worse by 0.02; docs/tried.md.) The E-step is the exact
normal posterior of v[c]; the M-step sets each squared factor to the mean of the expected squares that it governs
(Dempster, Laird & Rubin 1977; MacKay 1992). tau says how much a profile matters to this compound.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bdrp.features.lines import Scaler

PSEUDO_COMPONENTS = 5.0  # chosen: tau counts as 1 for five components, so that a short regression keeps it near 1
PSEUDO_RESPONSES = 10.0  # chosen: the pooled noise counts as ten responses, so that a rarely tested compound keeps some
MOST_LEVERAGE = 0.9  # chosen: no residual is stretched more than tenfold


class HierarchicalRidge(NamedTuple):
    """The fit.

    Attributes:
        mean: (C, 1 + K) of v.
        covariance: (C, 1 + K, 1 + K) of v.
        scale: (1 + K,) lambda_0 and lambda_m d_k.
        slope_scale: (C,) tau.
        noise: (C,) s.
    """

    mean: Tensor
    covariance: Tensor
    scale: Tensor
    slope_scale: Tensor
    noise: Tensor

    @property
    def variance(self) -> Tensor:
        """(C, 1 + K) of v."""
        return self.covariance.diagonal(dim1=1, dim2=2)

    def leverage(self, regressors: Tensor) -> Tensor:
        """(C, L) how much of a response's own deviation the fit of its compound follows, in [0, 1).

        A residual over 1 - leverage is what the line would have left, had it not been there (Allen 1974).
        """
        variance = torch.stack([((regressors @ one) * regressors).sum(1) for one in self.covariance])
        return (variance / self.noise[:, None] ** 2).clamp(max=MOST_LEVERAGE)


class SlopePrior(NamedTuple):
    """What is known of slopes before any response.

    Attributes:
        deviation: (K,) d_k, of mean square one in each modality.
        modality: (K,) which one each component is of, from 0.
    """

    deviation: Tensor
    modality: Tensor

    @classmethod
    def of_scalers(cls, scalers: Iterable[Scaler]) -> SlopePrior:
        """From loadings (F, K) of components with unit variance, whose lengths are the SDs' inverses."""
        lengths = [torch.as_tensor(np.linalg.norm(each.components, axis=0)) for each in scalers]
        deviations = [torch.where(length > 0, 1 / length.clamp(min=1e-12), 0.0) for length in lengths]
        relative = [each / each.square().mean().sqrt().clamp(min=1e-12) for each in deviations]
        modality = [torch.full((len(each),), m) for m, each in enumerate(lengths)]
        return cls(torch.cat(relative).float().clamp(min=1e-3), torch.cat(modality))

    def scales(self, mean: Tensor, covariance: Tensor, scale: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
        """The prior scales (1 + K,) and tau (C,) that explain the posterior best: half of the M-step."""
        square = mean**2 + covariance.diagonal(dim1=1, dim2=2).double()
        within = square[:, 1:] / scale[1:] ** 2
        slope = ((within.sum(1) + PSEUDO_COMPONENTS) / (within.shape[1] + PSEUDO_COMPONENTS)).sqrt()
        each = (square[:, 1:] / slope[:, None] ** 2).mean(0) / self.deviation.double() ** 2
        count = torch.bincount(self.modality).clamp(min=1)
        factor = torch.zeros(len(count), dtype=torch.float64).index_add(0, self.modality, each) / count
        slopes = factor[self.modality].sqrt() * self.deviation
        return torch.cat([square[:, :1].mean(0).sqrt(), slopes]).clamp(min=1e-4), slope


class Regressions:
    """The rows of C regressions on shared regressors, summed once however often they are fitted.

    Args:
        regressors: (L, 1 + K), the first column ones.
        line: (N,) rows of `regressors`.
        compound: (N,), below `compounds`.
        compounds: C.
        prior: what is known of the slopes beforehand.
    """

    def __init__(self, regressors: Tensor, line: Tensor, compound: Tensor, compounds: int, prior: SlopePrior) -> None:
        self.prior = prior
        self.x, self.line, self.compound = regressors.double(), line, compound
        self.shape = (compounds, len(regressors))
        table = self._table(torch.ones(len(line), dtype=torch.float64))
        self.count = table.sum(1)
        self.gram = torch.stack([self.x.T @ (row[:, None] * self.x) for row in table]).float()

    def fit(
        self, response: Tensor, variance: Tensor | float = 0.0, steps: int = 15, start: HierarchicalRidge | None = None
    ) -> HierarchicalRidge:
        """Fit N responses.

        Args:
            response: (N,), standardised.
            variance: (N,) how uncertain each is, as a censored one.
            steps: of expectation-maximisation.
            start: scales to start from; small slopes and much noise if None.
        """
        response = response.double()
        moment = self._table(response) @ self.x
        square = self._table(response**2 + torch.as_tensor(variance).double()).sum(1)
        scale, slope, noise = self._open() if start is None else (part.double() for part in start[2:])
        posterior = self._posterior(moment, scale, slope, noise)
        for _ in range(steps):
            before, (scale, slope) = _precision(scale, slope), self.prior.scales(*posterior, scale, slope)
            noise = self._noise(moment, square, *posterior, before, noise).sqrt()
            posterior = self._posterior(moment, scale, slope, noise)
        return HierarchicalRidge(*(part.float() for part in (*posterior, scale, slope, noise)))

    def _table(self, values: Tensor) -> Tensor:
        """(C, L) sums of values (N,)."""
        return torch.zeros(self.shape, dtype=torch.float64).index_put((self.compound, self.line), values, True)

    def _open(self) -> tuple[Tensor, Tensor, Tensor]:
        compounds = len(self.gram)
        scale = torch.cat([torch.ones(1), 0.05 * self.prior.deviation]).double()
        return scale, torch.ones(compounds).double(), torch.full((compounds,), 0.3, dtype=torch.float64).sqrt()

    def _posterior(self, moment: Tensor, scale: Tensor, slope: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (C, 1 + K) and covariance (C, 1 + K, 1 + K) of v given the scales: the E-step.

        In single precision, which takes half as long: Cholesky factors do not mind how unlike the diagonal's entries
        are (Demmel 1989), and with it scaled away the prior leaves these matrices well conditioned.
        """
        variance = noise[:, None] ** 2
        precision = self.gram / variance[:, :, None].float()
        precision.diagonal(dim1=1, dim2=2).add_(_precision(scale, slope).float())
        covariance = torch.cholesky_inverse(torch.linalg.cholesky(precision))
        return (covariance @ (moment / variance).float()[:, :, None])[:, :, 0].double(), covariance

    def _noise(
        self, moment: Tensor, square: Tensor, mean: Tensor, covariance: Tensor, precision: Tensor, noise: Tensor
    ) -> Tensor:
        """(C,) expected squared noise; the pooled one counts as some responses.

        The expected square of what the fit leaves is, with G the gram matrix, m the mean and S the covariance of v,
        y.y - 2 m.(x'y) + m'G m + tr(G S). By (G / s^2 + P) S = I, P the prior `precision` and s the `noise` that the
        posterior is of, and (G / s^2 + P) m = x'y / s^2, it takes no pass over G:
        y.y - m.(x'y) + s^2 (1 + K - sum of P E[v^2]).
        """
        explained = (precision * (mean**2 + covariance.diagonal(dim1=1, dim2=2).double())).sum(1)
        residual = square - (mean * moment).sum(1) + noise**2 * (mean.shape[1] - explained)
        pooled = residual.sum() / self.count.sum()
        return ((residual + PSEUDO_RESPONSES * pooled) / (self.count + PSEUDO_RESPONSES)).clamp(min=1e-4)


def _precision(scale: Tensor, slope: Tensor) -> Tensor:
    """(C, 1 + K) prior precisions."""
    intercept = (scale[:1] ** -2).expand(len(slope), 1)
    return torch.cat([intercept, (slope[:, None] * scale[1:]) ** -2], dim=1)
