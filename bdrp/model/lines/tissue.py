"""Cell lines as tissues: nothing that the network reads, for tissues act through slopes of their own alone.

What a tissue has in common is linear in its indicator. A network would learn the few lines of each by heart.
"""

from __future__ import annotations

from torch import Tensor, nn

from bdrp.model.architecture import Architecture
from bdrp.model.lines import LineStates


class TissueEncoder(nn.Module):
    """Indicators -> the state that adds nothing."""

    def __init__(self, size: Architecture, tissues: int) -> None:
        super().__init__()
        self.width = size.width

    def forward(self, indicators: Tensor) -> LineStates:
        """No state and no gene programmes of (L, T) indicators."""
        nothing = indicators.new_zeros(len(indicators), self.width)
        return LineStates(nothing, nothing[:, :0])


ENCODER = TissueEncoder
