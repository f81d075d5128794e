"""The posterior of what single compounds and lines add: v and loadings of D drugs, u of L lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bdrp.inference.hierarchical.predictor import Weights


@dataclass(frozen=True)
class Coefficients:
    """Normal posteriors, independent of each other.

    Attributes:
        compound: (D,) numbers; drugs of one number are one trained drug, and share its coefficients: two ids of one
            compound do so only where a model was fitted without ids.
        v, v_variance: (D, 1 + K).
        loadings: (D, R). loadings_covariance: (D, R, R).
        u: (L, 1 + R). u_covariance: (L, 1 + R, 1 + R).
    """

    compound: Tensor
    v: Tensor
    v_variance: Tensor
    loadings: Tensor
    loadings_covariance: Tensor
    u: Tensor
    u_covariance: Tensor

    def select(self, lines: Tensor, drugs: Tensor) -> Coefficients:
        """Those of some lines and drugs."""
        of_drugs = (self.compound, self.v, self.v_variance, self.loadings, self.loadings_covariance)
        of_lines = (self.u, self.u_covariance)
        return Coefficients(*(part[drugs] for part in of_drugs), *(part[lines] for part in of_lines))

    def means(self, w: Tensor) -> Weights:
        """Beside w (..., P) the mean of everything else."""
        return Weights(w, self.v, self.loadings, self.u)

    def draw(self, w: Tensor) -> Weights:
        """A draw of everything else beside each of S draws of w (S, P), from torch's random state."""
        draws, which = len(w), self._compounds[1]
        deviation = self.v_variance[self.one_id].sqrt()
        v = torch.addcmul(self.v[self.one_id], deviation, torch.randn(draws, *deviation.shape, device=w.device))
        loadings = self.loadings[self.one_id] + draw_normals(draws, self._loadings_root)
        return Weights(w, v[:, which], loadings[:, which], self.u + draw_normals(draws, self._u_root))

    @property
    def one_id(self) -> Tensor:
        """(C,) the position of one drug of each compound."""
        kinds, which = self._compounds
        return torch.zeros_like(kinds).scatter(0, which, torch.arange(len(which), device=which.device))

    @cached_property
    def _compounds(self) -> tuple[Tensor, Tensor]:
        kinds, which = torch.unique(self.compound, return_inverse=True)
        return kinds, which

    @cached_property
    def _loadings_root(self) -> Tensor:
        return covariance_roots(self.loadings_covariance[self.one_id])

    @cached_property
    def _u_root(self) -> Tensor:
        return covariance_roots(self.u_covariance)


def covariance_roots(covariance: Tensor) -> Tensor:
    """Roots (M, W, W) of covariances (M, W, W): each times its transpose is the covariance, which may be singular."""
    values, vectors = torch.linalg.eigh(covariance.double())  # a point has no variance, and so no Cholesky factor
    return (vectors * values.clamp(min=0).sqrt()[:, None, :]).to(covariance.dtype)


def symmetric_roots(covariance: Tensor) -> Tensor:
    """The symmetric roots (M, W, W), of which there is one each: near covariances have near roots.

    So two posteriors of the same line or drug have the same root, whatever else they hold; eigenvectors of near
    eigenvalues turn at the last digit.
    """
    values, vectors = torch.linalg.eigh(covariance.double())
    scaled = vectors * values.clamp(min=0).sqrt()[:, None, :]
    return (scaled @ vectors.transpose(1, 2)).to(covariance.dtype)


def draw_normals(draws: int, roots: Tensor) -> Tensor:
    """S draws of M centred normals with these roots of their covariances (M, W, W), (S, M, W)."""
    noise = torch.randn(draws, *roots.shape[:2], device=roots.device)
    return (noise.transpose(0, 1) @ roots.transpose(1, 2)).transpose(0, 1)
