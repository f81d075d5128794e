"""One value of the last layer's weights, read as a guide is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bdrp.inference.hierarchical.model import LastLayer


class PointEstimate(nn.Module):
    """Weights without a variance, read as those of a `Guide`."""

    def __init__(self, model: LastLayer) -> None:
        super().__init__()
        factors = len(model.log_line_scale) - 1
        self.w_mean = nn.Parameter(torch.zeros(model.network.size.pair_width))
        self.v_mean = nn.Parameter(torch.zeros(model.compounds, len(model.log_compound_scale)))
        self.u_mean = nn.Parameter(torch.zeros(model.lines, 1 + factors))
        self.g_mean = nn.Parameter(torch.zeros(model.compounds, factors))

    def weight_variance(self, features: Tensor) -> Tensor:
        """None, (n,)."""
        return features.new_zeros(len(features))

    def weight_roots(self, features: Tensor) -> Tensor:
        """None, (n, 0)."""
        return features.new_zeros(len(features), 0)

    def w_deviations(self, draws: int) -> Tensor:
        """None, (S, P)."""
        return self.w_mean.new_zeros(draws, len(self.w_mean))

    def v_variance(self) -> Tensor:
        """None, (C, 1 + K)."""
        return torch.zeros_like(self.v_mean)

    def u_scale_tril(self, lines: Tensor) -> Tensor:
        """None, (B, 1 + R, 1 + R)."""
        return torch.diag_embed(torch.zeros_like(self.u_mean[lines]))

    def g_scale_tril(self, compounds: Tensor | slice = slice(None)) -> Tensor:
        """None, (B, R, R)."""
        return torch.diag_embed(torch.zeros_like(self.g_mean[compounds]))

    def set_scales(self, v_variance: Tensor, u_covariance: Tensor, g_covariance: Tensor) -> None:
        """A point has no scales."""
