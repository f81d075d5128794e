"""Message passing over atoms and bonds: torch-geometric's where a network is trained, else the same in short.

What predicts asks for no gradients through messages, and to import torch-geometric takes longer than to predict a
screen; it is also what `vmap` batches without copying an index a feature. Tests hold the two together.
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
        self._trained: list[nn.Module] = []  # in a list, for its weights are those of `nn` and are saved once
        for layer in mlp:
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()

    def forward(self, states: tuple[Tensor, Tensor], bonds: Tensor, bond: Tensor) -> Tensor:
        """(B, width) from states that send (A, width) and receive (B, width), bonds (2, E) and theirs (E, width)."""
        sending, own = states
        if self.training:
            return torch.as_tensor(self._in_training()(states, bonds, bond, (len(sending), len(own))))
        source, target = bonds
        message = torch.relu(embedding(source, sending) + bond)
        received = torch.zeros_like(own).index_add(0, target, message)
        return torch.as_tensor(self.nn(received + (1 + self.eps) * own))

    def _in_training(self) -> nn.Module:
        """torch-geometric's convolution with these weights."""
        if not self._trained:
            from torch_geometric.nn import GINEConv

            convolution = GINEConv(nn.Identity())  # which draws the weights of what it is given
            convolution.nn = self.nn
            self._trained.append(convolution)
        self._trained[0].eps = self.eps  # where the weights are, which may have moved to another device
        return self._trained[0]


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
