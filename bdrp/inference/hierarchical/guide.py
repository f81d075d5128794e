"""The variational posterior of the last layer's weights: the Pyro guide of `hierarchical.model`.

Pyro is imported where weights are drawn or learned: predictions of a fitted guide are sums of its moments.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bdrp.features.batch import Inputs
from bdrp.inference.hierarchical.identity import identity_matrices
from bdrp.inference.hierarchical.model import Block, LastLayer

if TYPE_CHECKING:
    import pyro.distributions as dist

MOST_SHARE = (
    0.999  # chosen: a factor that a line's drugs do not inform starts a thousandth below its prior SD, and can move
)


class Guide(nn.Module):
    """Normal posterior of w, v, u and the loadings g.

    Args:
        model: whose sizes it takes.
        covariance: of w: "full", "diagonal" or "low_rank".
        rank: of the low-rank covariance.
    """

    u_root: Tensor
    g_root: Tensor

    def __init__(self, model: LastLayer, covariance: str, rank: int = 8) -> None:
        super().__init__()
        width = model.weight_scale.shape[0]
        self.covariance = covariance
        self.w_mean = nn.Parameter(torch.zeros(width))
        self.w_log_scale = nn.Parameter(torch.full((width,), math.log(0.02)))
        shape = {"full": (width, width), "low_rank": (width, min(rank, width)), "diagonal": (0,)}[covariance]
        self.w_factor = nn.Parameter(torch.zeros(shape))
        self.v_mean = nn.Parameter(torch.zeros(model.compounds, len(model.log_compound_scale)))
        self.v_log_scale = nn.Parameter(torch.full(self.v_mean.shape, math.log(0.02)))
        self.u_mean = nn.Parameter(torch.zeros(model.lines, len(model.log_line_scale)))
        self._model = (model,)  # in a tuple, so that its parameters are not taken for the guide's
        self.u_share = nn.Parameter(torch.full(self.u_mean.shape, -1.4))  # a fifth
        factors = self.u_mean.shape[1] - 1
        self.register_buffer("u_root", identity_matrices(model.lines, 1 + factors))
        self.g_mean = nn.Parameter(torch.zeros(model.compounds, factors))
        self.g_log_scale = nn.Parameter(torch.full(self.g_mean.shape, math.log(0.04)))
        self.register_buffer("g_root", identity_matrices(model.compounds, factors))

    def w(self) -> dist.Distribution:
        """The posterior of w, with `.mean` and `.covariance_matrix` or `.variance`."""
        import pyro.distributions as dist

        if self.covariance == "full":
            return dist.MultivariateNormal(self.w_mean, scale_tril=self.w_scale_tril())
        scale = self.w_log_scale.exp()
        if self.covariance == "low_rank":
            return dist.LowRankMultivariateNormal(self.w_mean, scale[:, None] * self.w_factor, scale**2)
        return dist.Normal(self.w_mean, scale).to_event(1)

    def w_scale_tril(self) -> Tensor:
        """Cholesky factor of a full covariance of w, (P, P)."""
        # Rows scaled together keep the triangular factor well conditioned; a free diagonal does not.
        unit = torch.tril(self.w_factor, -1) + torch.eye(len(self.w_factor), device=self.w_factor.device)
        return self.w_log_scale.exp()[:, None] * unit

    def weight_variance(self, features: Tensor) -> Tensor:
        """Variance of w . features, (n,), of features (n, P)."""
        if self.covariance == "full":
            root, cut = self.w_scale_tril(), 2 * features.shape[1] // 3  # most of the root's zeros are left out
            first, second = features @ root[:, :cut], features[:, cut:] @ root[cut:, cut:]
            return torch.linalg.vecdot(first, first) + torch.linalg.vecdot(second, second)
        variance = (features**2) @ (self.w_log_scale * 2).exp()
        if self.covariance == "low_rank":
            factor = self.w_log_scale.exp()[:, None] * self.w_factor
            shared = features @ factor
            variance = variance + torch.linalg.vecdot(shared, shared)
        return variance

    def weight_roots(self, features: Tensor) -> Tensor:
        """Roots (n, P or more) of the covariance of w . features: products of two rows are their covariance."""
        if self.covariance == "full":
            return features @ self.w_scale_tril()
        diagonal = features * self.w_log_scale.exp()
        if self.covariance == "low_rank":
            return torch.cat([diagonal, diagonal @ self.w_factor], dim=1)
        return diagonal

    def w_deviations(self, draws: int) -> Tensor:
        """S draws of w about its mean, (S, P)."""
        return torch.as_tensor(self.w().sample((draws,)) - self.w_mean)

    def v_variance(self) -> Tensor:
        """(C, 1 + K)."""
        return (2 * self.v_log_scale).exp()

    def u_scale_tril(self, lines: Tensor) -> Tensor:
        """Cholesky factors of the covariance of u of lines (B,), (B, 1 + R, 1 + R)."""
        scale = self._model[0].log_line_scale.exp() * torch.sigmoid(self.u_share[lines])
        return scale[:, :, None] * self.u_root[lines]

    def g_scale_tril(self, compounds: Tensor | slice = slice(None)) -> Tensor:
        """Cholesky factors of the covariance of the loadings of compounds (B,), all if left out, (B, R, R)."""
        return self.g_log_scale[compounds].exp()[:, :, None] * self.g_root[compounds]

    def set_scales(self, v_variance: Tensor, u_covariance: Tensor, g_covariance: Tensor) -> None:
        """Take the scales of exact posteriors of v, (C, 1 + K), u, (L, 1 + R, 1 + R), and the loadings, (C, R, R)."""
        self.v_log_scale.copy_(0.5 * v_variance.log())
        (u_size, u_root), (g_size, g_root) = _sizes_and_root(u_covariance), _sizes_and_root(g_covariance)
        share = u_size / self._model[0].log_line_scale.exp()
        self.u_share.copy_(torch.logit(share.clamp(max=MOST_SHARE)))
        self.g_log_scale.copy_(g_size.log())
        self.u_root.copy_(u_root)
        self.g_root.copy_(g_root)

    def forward(self, inputs: Inputs, block: Block) -> None:
        """Sample the weights that the block needs."""
        import pyro
        import pyro.distributions as dist
        from pyro import poutine

        pyro.sample("w", self.w())
        with pyro.plate("compounds", len(self.v_mean)):
            pyro.sample("v", dist.Normal(self.v_mean, self.v_log_scale.exp()).to_event(1))
            pyro.sample("loadings", dist.MultivariateNormal(self.g_mean, scale_tril=self.g_scale_tril()))
        lines = inputs.line_effect[block.lines]
        with pyro.plate("lines", len(self.u_mean), subsample=lines), poutine.mask(mask=block.unmasked):
            pyro.sample("u", dist.MultivariateNormal(self.u_mean[lines], scale_tril=self.u_scale_tril(lines)))


def _sizes_and_root(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """SDs (M, W) of covariances (M, W, W), and Cholesky factors (M, W, W) of their correlations."""
    size = covariance.diagonal(dim1=1, dim2=2).sqrt()
    return size, (torch.linalg.cholesky(covariance.double()) / size[:, :, None]).to(covariance)
