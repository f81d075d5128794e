"""Student-t proposals in the five coordinates, one a curve, and how dense each is beside the prior."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from scipy.special import gammaln
from scipy.stats import chi2, norm, qmc

from bdrp.data.dose_response.curve import COORDINATES, Floats

D: Final = len(COORDINATES)
DEGREES: Final = 5.0
"""Of freedom: with five coordinates the density is an integer power, (1 + q / 5)^-5."""
WIDTH: Final = 1.2
"""Scale of a proposal over the SD of the weights; chosen: wider is safe, narrower is not."""
_LN_RATIO: Final = float(
    gammaln((DEGREES + D) / 2) - gammaln(DEGREES / 2) - D / 2 * np.log(DEGREES * np.pi) + D / 2 * np.log(2 * np.pi)
)


@dataclass(frozen=True)
class Proposal:
    """Student-t distributions: mean (B, 5), and the Cholesky factor of their scale (B, 5, 5)."""

    mean: Floats
    factor: Floats

    def draw(self, size: int, seed: int) -> Floats:
        """Draws (B, 5, size) in float32, from one quasi-random set for all curves."""
        return (self.factor.astype(np.float32) @ _student_nodes(size, seed) + self.mean[..., None]).astype(np.float32)

    def over_prior(self, z: Floats, half_square: Floats) -> Floats:
        """Density over that of a standard normal at z (5, S) of all curves, or (B, 5, S): (B, S).

        Args:
            z: coordinates.
            half_square: |z|^2 / 2, (S,) or (B, S).
        """
        inverse = np.linalg.inv(self.factor)
        shift = np.einsum("bij,bj->bi", inverse, self.mean)
        scaled = inverse.astype(np.float32) @ z - shift[..., None].astype(np.float32)
        distance = np.einsum("bis,bis->bs", scaled, scaled)
        ln_scale = _LN_RATIO - np.log(np.einsum("bii->bi", self.factor)).sum(1)
        peak = np.exp(np.minimum(half_square + ln_scale[:, None].astype(np.float32), 80))
        return peak / (1 + distance / np.float32(DEGREES)) ** int((DEGREES + D) / 2)


def fit(z: list[Floats], weights: list[Floats]) -> Proposal:
    """The proposal with the mean and the covariance of weighted draws.

    Args:
        z: coordinates of each round, (5, S) of all curves or (B, 5, S).
        weights: of each round, (B, S); over the rounds they sum to one a curve.
    """
    rounds = list(zip(z, weights, strict=True))
    mean = np.asarray(sum(_first_moment(one, w) for one, w in rounds), dtype=np.float64)
    second = np.asarray(sum(_second_moment(one, w) for one, w in rounds), dtype=np.float64)
    covariance = second - mean[:, :, None] * mean[:, None, :] + 1e-5 * np.eye(D)
    return Proposal(mean, WIDTH * np.linalg.cholesky(covariance))


def prior_nodes(size: int, seed: int) -> Floats:
    """Quasi-random standard normal nodes (5, size): Sobol points, scrambled."""
    points = qmc.Sobol(D, seed=np.random.default_rng(seed)).random(size)
    return norm.ppf(np.clip(points, 1e-7, 1 - 1e-7)).T.astype(np.float32)


@cache
def _student_nodes(size: int, seed: int) -> Floats:
    points = np.clip(qmc.Sobol(D + 1, seed=np.random.default_rng(seed)).random(size), 1e-7, 1 - 1e-7)
    return (norm.ppf(points[:, :D]) / np.sqrt(chi2.ppf(points[:, D:], DEGREES) / DEGREES)).T.astype(np.float32)


def _first_moment(z: Floats, weights: Floats) -> Floats:
    return weights @ z.T if z.ndim == 2 else np.einsum("bs,bis->bi", weights, z)


def _second_moment(z: Floats, weights: Floats) -> Floats:
    if z.ndim == 2:
        products = (z[:, None] * z[None, :]).reshape(D * D, -1)
        return (weights @ products.T).reshape(-1, D, D)
    return (z * weights[:, None]) @ z.transpose(0, 2, 1)
