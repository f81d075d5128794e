"""What compounds of like structure say about an unseen one: kriging of their intercepts, slopes and loadings.

Each column a of the C trained compounds' coefficients is taken as

    a ~ Normal(0, s^2 R),   R = (1 - rho) I + rho T,   T the Tanimoto similarity of Morgan fingerprints,

with one rho for each kind of coefficient, of highest marginal likelihood, and s^2 its maximiser given rho. An unseen
compound with similarities t to the trained ones has

    mean rho t' R^-1 a,   variance (s^2 + e) (1 - rho^2 t' R^-1 t),

e the mean posterior variance of the column, for a is itself an estimate: without a likeness it keeps the whole spread
between compounds, with one it borrows and is surer. (Rasmussen & Williams 2006, chapter 2; the Tanimoto kernel of
Ralaivola et al. 2005.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bdrp.features.molecules import FINGERPRINT_BITS, tanimoto

GRID = tuple(step / 20 for step in range(20))  # chosen: rho to a twentieth, and below 1 so that R can be inverted


class Kinship(nn.Module):
    """Kriging of the coefficients of C compounds; empty until `learn`.

    Args:
        compounds: C.
        kinds: how many columns there are of each kind of coefficient, T in all.
    """

    fingerprints: Tensor
    inverse: Tensor
    weights: Tensor
    rho: Tensor
    variance: Tensor

    def __init__(self, compounds: int, kinds: tuple[int, ...]) -> None:
        super().__init__()
        self.kinds = kinds
        self.register_buffer("fingerprints", torch.zeros(compounds, FINGERPRINT_BITS))
        self.register_buffer("inverse", torch.eye(compounds).repeat(len(kinds), 1, 1))
        self.register_buffer("weights", torch.zeros(compounds, sum(kinds)))
        self.register_buffer("rho", torch.zeros(len(kinds)))
        self.register_buffer("variance", torch.ones(sum(kinds)))

    @torch.no_grad()
    def learn(self, fingerprints: Tensor, mean: Tensor, variance: Tensor) -> None:
        """Estimate from the trained compounds' fingerprints (C, F) and coefficients' mean and variance (C, T)."""
        alike, weights, spreads = tanimoto(fingerprints, fingerprints).double(), [], []
        for kind, target in enumerate(mean.double().split(self.kinds, dim=1)):
            fits = [(*_evidence(_correlation(alike, rho), target), rho) for rho in GRID]
            _, spread, rho = max(fits, key=lambda fit: fit[0])
            inverse = torch.linalg.inv(_correlation(alike, rho))
            self.inverse[kind], self.rho[kind] = inverse.to(self.inverse), rho
            weights.append(inverse @ target)
            spreads.append(spread)
        self.fingerprints.copy_(fingerprints)
        self.weights.copy_(torch.cat(weights, dim=1))
        self.variance.copy_(torch.cat(spreads).to(variance) + variance.mean(0))

    def forward(self, fingerprints: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the coefficients of D unseen compounds, (D, T) each, from fingerprints (D, F)."""
        alike = tanimoto(fingerprints, self.fingerprints)
        shared = self.rho[:, None, None] * alike
        explained = ((shared @ self.inverse) * shared).sum(2).clamp(0, 1)
        kind = torch.repeat_interleave(
            torch.arange(len(self.kinds), device=alike.device), torch.tensor(self.kinds, device=alike.device)
        )
        return self.rho[kind] * (alike @ self.weights), self.variance * (1 - explained[kind].T)


def _correlation(alike: Tensor, rho: float) -> Tensor:
    return (1 - rho) * torch.eye(len(alike), dtype=alike.dtype) + rho * alike


def _evidence(correlation: Tensor, target: Tensor) -> tuple[float, Tensor]:
    """Log marginal likelihood of all columns (C, T) at their best variances, and these, (T,)."""
    factor = torch.linalg.cholesky(correlation)
    variance = ((target * torch.cholesky_solve(target, factor)).sum(0) / len(target)).clamp(min=1e-8)
    halves = 0.5 * len(target) * variance.log() + factor.diagonal().log().sum()
    return -float(halves.sum()), variance
