"""Cell lines as any further profile: nothing that the network reads, for such a profile acts through slopes alone.

Slopes have a prior variance of the modality's own, learned from the training lines; a network would learn the few lines
that have a rare feature by heart.
"""

from __future__ import annotations

from torch import Tensor, nn

from bdrp.model.architecture import Architecture
from bdrp.model.lines import LineStates


class NoEncoder(nn.Module):
    """Features -> the state that adds nothing."""

    def __init__(self, size: Architecture, features: int) -> None:
        super().__init__()
        self.width = size.width

    def forward(self, features: Tensor) -> LineStates:
        """No state and no gene programmes of (L, F) features."""
        nothing = features.new_zeros(len(features), self.width)
        return LineStates(nothing, nothing[:, :0])


ENCODER = NoEncoder
