"""What compounds of like structure say about the mean response to an unseen one: kriging of their intercepts.

The intercepts a[c] = v[c, 0] of C trained compounds are taken as

    a ~ Normal(0, s^2 R),   R = (1 - rho) I + rho T,   T the Tanimoto similarity of Morgan fingerprints,

with rho of highest marginal likelihood and s^2 its maximiser given rho. An unseen compound with similarities t to the
trained ones has

    mean rho t' R^-1 a,   variance s^2 (1 - rho^2 t' R^-1 t):

without a likeness it keeps the whole spread between compounds, with one it borrows and is surer. (Rasmussen & Williams
2006, chapter 2; the Tanimoto kernel of Ralaivola et al. 2005.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bdrp.features.molecules import FINGERPRINT_BITS, tanimoto

GRID = tuple(step / 20 for step in range(20))  # chosen: rho to a twentieth, and below 1 so that R can be inverted


class Kinship(nn.Module):
    """Kriging of the intercepts of C compounds; empty until `learn`."""

    fingerprints: Tensor
    inverse: Tensor
    weights: Tensor
    rho: Tensor
    variance: Tensor

    def __init__(self, compounds: int) -> None:
        super().__init__()
        self.register_buffer("fingerprints", torch.zeros(compounds, FINGERPRINT_BITS))
        self.register_buffer("inverse", torch.eye(compounds))
        self.register_buffer("weights", torch.zeros(compounds))
        self.register_buffer("rho", torch.zeros(()))
        self.register_buffer("variance", torch.ones(()))

    @torch.no_grad()
    def learn(self, fingerprints: Tensor, intercepts: Tensor) -> None:
        """Estimate rho and s^2 from the trained compounds' fingerprints (C, F) and intercepts (C,)."""
        alike, target = tanimoto(fingerprints, fingerprints).double(), intercepts.double()
        fits = [(_evidence(_correlation(alike, rho), target), rho) for rho in GRID]
        (_, variance), rho = max(fits, key=lambda fit: fit[0][0])
        inverse = torch.linalg.inv(_correlation(alike, rho))
        self.fingerprints.copy_(fingerprints)
        self.inverse.copy_(inverse)
        self.weights.copy_(inverse @ target)
        self.rho.fill_(rho)
        self.variance.fill_(variance)

    def forward(self, fingerprints: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the intercepts of D unseen compounds, (D,) each, from fingerprints (D, F)."""
        shared = self.rho * tanimoto(fingerprints, self.fingerprints)
        explained = ((shared @ self.inverse) * shared).sum(1).clamp(0, 1)
        return shared @ self.weights, self.variance * (1 - explained)


def _correlation(alike: Tensor, rho: float) -> Tensor:
    return (1 - rho) * torch.eye(len(alike), dtype=alike.dtype) + rho * alike


def _evidence(correlation: Tensor, target: Tensor) -> tuple[float, float]:
    """Log marginal likelihood at the best variance, and that variance."""
    factor = torch.linalg.cholesky(correlation)
    solved = torch.cholesky_solve(target[:, None], factor)[:, 0]
    variance = float((target @ solved) / len(target))
    variance = max(variance, 1e-8)
    return float(-0.5 * len(target) * torch.tensor(variance).log() - factor.diagonal().log().sum()), variance
