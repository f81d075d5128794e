"""Drug and line side by side in a small perceptron: what may stand beside their product.

As in published networks without attention (for example DeepCDR; Liu et al. 2020, doi:10.1093/bioinformatics/btaa822),
the two states are concatenated; the context is as wide as the attention's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bdrp.model.architecture import Architecture
from bdrp.model.attention import DrugStates
from bdrp.model.lines import LineStates


class Concatenation(nn.Module):
    """A perceptron on the concatenated states of drug and line."""

    def __init__(self, size: Architecture) -> None:
        super().__init__()
        self.perceptron = nn.Sequential(
            nn.Linear(2 * size.width, size.width), nn.GELU(), nn.Linear(size.width, size.context_width)
        )

    def forward(self, drugs: DrugStates, lines: LineStates) -> Tensor:
        """(..., H * value_width) of pairs, given as drug and line states that broadcast."""
        beside = torch.broadcast_tensors(drugs.summary, lines.state)
        return torch.as_tensor(self.perceptron(torch.cat(beside, dim=-1)))
