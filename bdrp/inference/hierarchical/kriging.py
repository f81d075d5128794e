"""Kriging over compounds: a Gaussian-process prior by which an unseen one borrows intercept, slopes and loadings.

Each column a of the C trained compounds' coefficients is taken as

    a ~ Normal(0, s^2 R),   R = p_0 I + sum_k p_k K_k,   p_0 + sum_k p_k = 1,

K_k the kernels of `similarity`, with one set of shares p for each kind of coefficient, of highest marginal likelihood
of a/lambda under one s^2 for all of its columns, lambda the prior SDs: a column of which the responses say little has
small a and little to say. Given p, s^2 is each column's own maximiser. An unseen compound with
k = sum_k p_k K_k(., trained) has

    mean k' R^-1 a,   variance s^2 (k_0 - k' R^-1 k) + e,   k_0 = p_0 + sum_k p_k K_k with itself,

e the mean posterior variance of the column, for a is itself an estimate: a compound similar to none keeps the whole
variance between compounds, one similar to some borrows and is surer. An id of a compound that was trained on under
another id borrows from that one, and p_0 is the share of what two assays of one compound do not have in common.
(Rasmussen & Williams 2006, chapters 2 and 5.)
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from bdrp.inference.hierarchical.identity import identity_matrices
from bdrp.inference.hierarchical.similarity import KERNELS, CompoundDescriptors, SimilarityKernels

START = -1.5  # chosen: log of a kernel's share over that of the identity; little is borrowed until the data say so
BOUNDS = (-6.0, 2.5)  # chosen: the identity keeps a share of some hundredth, so that R can be inverted
STEPS = 40  # chosen: of L-BFGS; some fifteen are usual
FIRST_KERNELS: Final = 3
"""The kernels of the first model folders: structure, descriptors, dose."""
COMPOUND_OF_THE_REST = 0.5  # chosen: of what no other kernel explains, where no compound has two ids to learn it from


class Kriging(nn.Module):
    """Kriging of the coefficients of C compounds; empty until `learn`.

    Args:
        compounds: C.
        kinds: how many columns there are of each kind of coefficient, T in all.
        laboratories: whose assays the compounds are.
    """

    inverse: Tensor
    weights: Tensor
    shares: Tensor
    variance: Tensor
    unsure: Tensor

    def __init__(self, compounds: int, kinds: tuple[int, ...], laboratories: int = 1) -> None:
        super().__init__()
        self.kinds = kinds
        self.likeness = SimilarityKernels(compounds, laboratories)  # the name that its tensors are saved under
        self.register_buffer("inverse", identity_matrices(len(kinds), compounds))
        self.register_buffer("weights", torch.zeros(compounds, sum(kinds)))
        self.register_buffer("shares", torch.zeros(len(kinds), len(self.similarity.names)))
        self.register_buffer("variance", torch.ones(sum(kinds)))
        self.register_buffer("unsure", torch.zeros(sum(kinds)))
        self.register_load_state_dict_pre_hook(_add_later_kernels)

    @property
    def similarity(self) -> SimilarityKernels:
        """The kernels with the trained compounds."""
        return self.likeness

    @torch.no_grad()
    def learn(self, compounds: CompoundDescriptors, mean: Tensor, variance: Tensor, scale: Tensor) -> None:
        """Estimate shares and variances.

        Args:
            compounds: the C trained ones.
            mean: (C, T) of their coefficients.
            variance: (C, T) of them.
            scale: (T,) prior SDs of these.
        """
        self.similarity.learn(compounds)
        across, own = (part.double() for part in self.similarity(compounds))
        kernels = across + torch.diag_embed(own - across.diagonal(dim1=1, dim2=2))  # unknown doses: like itself alone
        weights, variances = [], []
        columns = zip(*(part.double().split(self.kinds, dim=-1) for part in (mean, scale)), strict=True)
        for kind, (target, prior) in enumerate(columns):
            shares = _most_likely_shares(kernels, target / prior)
            factor = torch.linalg.cholesky(_correlation(kernels, shares))
            self.inverse[kind], self.shares[kind] = torch.cholesky_inverse(factor), shares
            weights.append(torch.cholesky_solve(target, factor))
            variances.append(_most_likely_variance(factor, target))
        self.weights.copy_(torch.cat(weights, dim=1))
        self.variance.copy_(torch.cat(variances))
        self.unsure.copy_(variance.mean(0))

    def donor_weights(self, compounds: CompoundDescriptors) -> Tensor:
        """(T kinds, D, C) k' R^-1: what coefficients of trained compounds count for in the means of D unseen ones."""
        across, _ = self.similarity(compounds)
        return torch.einsum("tk,kdc->tdc", self.shares, across) @ self.inverse

    def forward(self, compounds: CompoundDescriptors) -> tuple[Tensor, Tensor]:
        """Mean and variance of the coefficients of D unseen compounds, (D, T) each."""
        across, own = self.similarity(compounds)
        shared = torch.einsum("tk,kdc->tdc", self.shares, across)
        prior = 1 - self.shares.sum(1)[:, None] + self.shares @ own
        explained = torch.minimum(((shared @ self.inverse) * shared).sum(2), prior)
        sizes = torch.tensor(self.kinds, device=across.device)
        kind = torch.repeat_interleave(torch.arange(len(self.kinds), device=across.device), sizes)
        mean = torch.cat([one @ w for one, w in zip(shared, self.weights.split(self.kinds, dim=1), strict=True)], dim=1)
        return mean, self.variance * (prior - explained)[kind].T + self.unsure


def _add_later_kernels(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Give kernels that a folder was written without a share of nothing."""
    shares = state.get(f"{prefix}shares")
    if shares is not None and shares.dim() == 2 and shares.shape[1] == FIRST_KERNELS:
        state[f"{prefix}shares"] = nn.functional.pad(shares, (0, len(KERNELS) - shares.shape[1]))


def _most_likely_shares(kernels: Tensor, target: Tensor) -> Tensor:
    """(K,) shares of highest marginal likelihood for columns (C, T), from a start at which little is shared.

    A kernel by which all compounds are equally similar gets none, but for that of ids of one compound: where no
    compound has two, it is the identity, and takes a part of that.
    """
    shares, compound = _informative_shares(kernels, target), KERNELS.index("compound")
    if not shares[compound]:
        shares[compound] = COMPOUND_OF_THE_REST * (1 - shares.sum())
    return shares


def _informative_shares(kernels: Tensor, target: Tensor) -> Tensor:
    left, right = torch.tril_indices(len(target), len(target), offset=-1)
    between = kernels[:, left, right]
    informative = (between != between[:, :1]).any(1)
    if not (informative.any() and target.any()):
        return kernels.new_zeros(len(kernels))

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        with torch.enable_grad():
            at = torch.from_numpy(logs).to(kernels).requires_grad_()
            factor = torch.linalg.cholesky(_correlation(kernels, _shares(at, informative)))
            variance = _most_likely_variance(factor, target).mean()
            value = target.shape[1] * (0.5 * len(target) * variance.log() + factor.diagonal().log().sum())
            (slope,) = torch.autograd.grad(value, at)
        return float(value), slope.cpu().numpy()

    start = np.full(len(kernels), START)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[BOUNDS] * len(start), options={"maxiter": STEPS})
    return _shares(torch.from_numpy(found.x).to(kernels), informative)


def _shares(logs: Tensor, informative: Tensor) -> Tensor:
    """(K,) from logs of shares over that of the identity."""
    raw = logs.exp() * informative
    return raw / (1 + raw.sum())


def _correlation(kernels: Tensor, shares: Tensor) -> Tensor:
    """(C, C) R."""
    own = (1 - shares.sum()) * torch.eye(kernels.shape[1], dtype=kernels.dtype, device=kernels.device)
    return own + torch.einsum("k,kcd->cd", shares, kernels)


def _most_likely_variance(factor: Tensor, target: Tensor) -> Tensor:
    """(T,) s^2 of highest likelihood, from the Cholesky factor of R."""
    solved = torch.cholesky_solve(target, factor)
    return ((target * solved).sum(0) / len(target)).clamp(min=1e-8)
