"""Student-t proposals in the five coordinates, one a curve, and how dense each is beside the prior.

Where a curve's own noise is small, its other coordinates are known the better: the posterior is a funnel. So a proposal
draws the scale first, and what it adds to the others shrinks with it:

    z = mean + L e,    e_1 ... e_4 times exp(funnel L_00 e_0)

for e of a Student-t; the Jacobian is |L| exp(4 funnel L_00 e_0).
"""

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
LIMIT: Final = 2.0
"""Of ln of the funnel; chosen: the prior of the scale reaches hardly farther."""
_LN_RATIO: Final = float(
    gammaln((DEGREES + D) / 2) - gammaln(DEGREES / 2) - D / 2 * np.log(DEGREES * np.pi) + D / 2 * np.log(2 * np.pi)
)


@dataclass(frozen=True)
class Proposal:
    """Student-t distributions: mean (B, 5), the Cholesky factor of their scale (B, 5, 5), and their `funnel`."""

    mean: Floats
    factor: Floats
    funnel: float

    def draw(self, size: int, seed: int) -> Floats:
        """Draws (B, 5, size) in float32, from one quasi-random set for all curves."""
        nodes = np.repeat(_student_nodes(size, seed)[None], len(self.mean), axis=0)
        nodes[:, 1:] *= np.exp(self._ln_funnel(nodes[:, 0]))[:, None]
        return (self.factor.astype(np.float32) @ nodes + self.mean[..., None]).astype(np.float32)

    def over_prior(self, z: Floats, half_square: Floats) -> Floats:
        """Density over that of a standard normal at z (5, S) of all curves, or (B, 5, S): (B, S).

        Args:
            z: coordinates.
            half_square: |z|^2 / 2, (S,) or (B, S).
        """
        inverse = np.linalg.inv(self.factor)
        shift = np.einsum("bij,bj->bi", inverse, self.mean)
        scaled = inverse.astype(np.float32) @ z - shift[..., None].astype(np.float32)
        ln_funnel = self._ln_funnel(scaled[:, 0])
        others = np.einsum("bis,bis->bs", scaled[:, 1:], scaled[:, 1:])
        distance = scaled[:, 0] ** 2 + others * np.exp(-2 * ln_funnel)
        ln_scale = _LN_RATIO - np.log(np.einsum("bii->bi", self.factor)).sum(1)
        ln_peak = half_square + ln_scale[:, None].astype(np.float32) - (D - 1) * ln_funnel
        return np.exp(np.minimum(ln_peak, 80)) / (1 + distance / np.float32(DEGREES)) ** int((DEGREES + D) / 2)

    def _ln_funnel(self, first: Floats) -> Floats:
        """Ln of what the other coordinates shrink by, at standardised scales (B, S)."""
        widths = (self.funnel * self.factor[:, 0, 0]).astype(np.float32)
        return np.clip(widths[:, None] * first, -LIMIT, LIMIT)


def fit(z: list[Floats], weights: list[Floats], funnel: float) -> Proposal:
    """The proposal with the mean and the covariance of weighted draws.

    Args:
        z: coordinates of each round, (5, S) of all curves or (B, 5, S).
        weights: of each round, (B, S); over the rounds they sum to one a curve.
        funnel: see above; 0 for a plain Student-t.
    """
    rounds = list(zip(z, weights, strict=True))
    mean = np.asarray(sum(_first_moment(one, w) for one, w in rounds), dtype=np.float64)
    second = np.asarray(sum(_second_moment(one, w) for one, w in rounds), dtype=np.float64)
    covariance = second - mean[:, :, None] * mean[:, None, :] + 1e-5 * np.eye(D)
    return Proposal(mean, WIDTH * np.linalg.cholesky(covariance), funnel)


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
