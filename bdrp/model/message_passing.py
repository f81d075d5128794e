"""Message passing over atoms and bonds, from operations that `vmap` batches without copying an index a feature.

The same as `GINEConv` and `softmax` of torch-geometric, which tests hold them against: to import that takes longer than
to predict a screen.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding


class GineConvolution(nn.Module):
    """h((1 + eps) x[i] + sum over bonds j -> i of relu(x[j] + e[j, i])), eps fixed at 0 (Hu et al. 2020).

    Args:
        mlp: h, of linear layers that are drawn anew, as torch-geometric does.
    """

    eps: Tensor

    def __init__(self, mlp: nn.Sequential) -> None:
        super().__init__()
        self.nn = mlp
        self.register_buffer("eps", torch.zeros(1))
        for layer in mlp:
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()

    def forward(self, states: tuple[Tensor, Tensor], bonds: Tensor, bond: Tensor) -> Tensor:
        """(B, width) from states that send (A, width) and receive (B, width), bonds (2, E) and theirs (E, width)."""
        source, target = bonds
        sending, own = states
        message = torch.relu(embedding(source, sending) + bond)
        received = torch.zeros_like(own).index_add(0, target, message)
        return torch.as_tensor(self.nn(received + (1 + self.eps) * own))


def sum_within(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """(groups, W) sums of the rows (A, W) of each group."""
    return values.new_zeros(groups, values.shape[1]).index_add(0, group, values)


def softmax_within(logits: Tensor, group: Tensor, groups: int) -> Tensor:
    """(A, H) softmax over the rows of each group, (A,)."""
    at = group[:, None].expand_as(logits)
    largest = logits.new_zeros(groups, logits.shape[1]).scatter_reduce(
        0, at, logits.detach(), "amax", include_self=False
    )
    shares = (logits - largest.index_select(0, group)).exp()
    return shares / (sum_within(shares, group, groups) + 1e-16).index_select(0, group)
