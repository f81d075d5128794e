"""The linear predictor: the mean of a pair given the weights, in the one place where it is written.

In standardised units, for drug d (of compound c), line l and their pair features phi,

    mean[l, d] = offset[l, d] + w . phi[l, d] + v[c] . (1, h[l]) + u[l] . (1, s[d] + loadings[c]),

h the line's expression components and s the network's factors of the drug's structure. Weights may have any number of
leading axes: one value in training, S draws of a posterior, the passes of dropout, the means of a closed form.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

LOG_NOISE_RANGE = (-4.0, 1.5)  # chosen: noise SDs from 0.02 to 4.5 response SDs; keeps a step away from overflow
DRAWN_PRODUCT_A_PAIR = 2  # chosen: of draws, a product a drug is as fast where half of the grid is asked for
PRODUCT_A_PAIR = 48  # chosen: rows gathered for a pair leave the cache, so a product this much larger is as fast


class Terms(NamedTuple):
    """What the random weights of n pairs multiply, and the rest of their mean and noise.

    Attributes:
        features: (n, P) for w. by_compound: (L, 1 + K) for v, a line. by_line: (D, 1 + R) for u, a
            drug, as far as it is predicted from structure.
        offset: (n,). own: (n,) the part of the mean that is the drug's alone. noise: (n, 3) see `log_noise`.
    """

    features: Tensor
    by_compound: Tensor
    by_line: Tensor
    offset: Tensor
    own: Tensor
    noise: Tensor

    def log_noise(self, mean: Tensor, own: Tensor) -> Tensor:
        """(..., n) log SD of the noise: quadratic in how far a pair's mean lies from its drug's own.

        A line that a drug hits harder than others is measured within the tested doses, where curves differ; the others
        are extrapolated to nearly one value. So the noise follows the mean, drug by drug.
        """
        deviation = (mean - own).clamp(-1.5, 1.5)
        level, slope, bend = self.noise.unbind(-1)
        return (level + slope * deviation + bend * deviation**2).clamp(*LOG_NOISE_RANGE)


class Weights(NamedTuple):
    """Values of everything random: w (..., P); v (..., D, 1 + K) and loadings (..., D, R) a drug; u (..., L, 1 + R)."""

    w: Tensor
    v: Tensor
    loadings: Tensor
    u: Tensor


class Predicted(NamedTuple):
    """The linear predictor of n pairs, (..., n) each, by its terms.

    Attributes:
        network: offset and w. slopes: v. factors: u and the loadings.
        own: the part of the mean that is the drug's alone.
    """

    network: Tensor
    slopes: Tensor
    factors: Tensor
    own: Tensor

    @property
    def mean(self) -> Tensor:
        """(..., n) the linear predictor."""
        return self.network + self.slopes + self.factors


def predict(terms: Terms, weights: Weights, line: Tensor, drug: Tensor) -> Predicted:
    """The linear predictor of the pairs (line[n], drug[n])."""
    return Predicted(
        network_term(terms, weights.w),
        rowwise_dot(terms.by_compound, weights.v, line, drug),
        rowwise_dot(weights.u, add_loadings(terms.by_line, weights.loadings), line, drug),
        terms.own + weights.v[..., 0].index_select(-1, drug),
    )


def network_term(terms: Terms, w: Tensor) -> Tensor:
    """(..., n) offset + w . phi."""
    return terms.offset + w @ terms.features.mT


def add_loadings(by_line: Tensor, loadings: Tensor) -> Tensor:
    """(..., D, 1 + R) what u multiplies: a one, and factors of structure (D, 1 + R) plus the drug's own loadings."""
    return by_line + nn.functional.pad(loadings, (1, 0))


def rowwise_dot(left: Tensor, right: Tensor, line: Tensor, drug: Tensor) -> Tensor:
    """left[line[n]] . right[drug[n]] for n < N, by one product of the whole grid or one a drug where that is cheaper.

    Args:
        left: (..., L, W).
        right: (..., D, W).
        line: (N,) positions.
        drug: (N,) positions.
    """
    lines, drugs = left.shape[-2], right.shape[-2]
    drawn = left.dim() == 2 and right.dim() == 3
    if drawn and lines * drugs > DRAWN_PRODUCT_A_PAIR * len(line) > 0:
        return _product_a_drug(left, right, line, drug)
    if drawn or lines * drugs <= PRODUCT_A_PAIR * len(line):
        return (left @ right.mT).flatten(-2).index_select(-1, line * drugs + drug)
    return torch.linalg.vecdot(left.index_select(-2, line), right.index_select(-2, drug))


def _product_a_drug(left: Tensor, right: Tensor, line: Tensor, drug: Tensor) -> Tensor:
    """(S, N) the same of S draws (S, D, W): gathered for every draw, rows would take S N W numbers."""
    order = torch.argsort(drug)
    counts = torch.bincount(drug, minlength=right.shape[1]).tolist()
    rows = left.index_select(0, line[order]).split(counts)
    products = torch.cat([few @ right[:, at].mT for at, few in enumerate(rows)])  # (N, S), a drug after the other
    return torch.empty_like(products).index_copy(0, order, products).mT
