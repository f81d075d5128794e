"""Nothing beside the product of drug and line state: what bdrp fits, for nothing beside it earns its cost."""

from __future__ import annotations

from torch import Tensor, nn

from bdrp.model.architecture import Architecture
from bdrp.model.attention import DrugStates
from bdrp.model.lines import LineStates


class NoContext(nn.Module):
    """A context of no width; see docs/attention.md for what others added."""

    def __init__(self, size: Architecture) -> None:
        super().__init__()

    def forward(self, drugs: DrugStates, lines: LineStates) -> Tensor:
        """(..., 0) of pairs, given as drug and line states that broadcast."""
        return drugs.state[..., :0] * lines.state[..., :0]
