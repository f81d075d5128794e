"""Cell lines as mutations and copy number: a linear path, and a state of its own for a line without a profile.

In training some lines lose their profile at each step, so that what stands for "no profile" is learned even where every
training line has one, and is what the network expects of a line of which only the expression is known.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bdrp.model.architecture import Architecture
from bdrp.model.dropout import Dropout
from bdrp.model.lines import LineStates

PROFILE_DROPOUT = 0.1  # chosen: a tenth of the lines teach what to expect without a profile


class MutationEncoder(nn.Module):
    """Standardised alterations and "no profile" -> line states without gene programmes.

    An alteration adds a direction of its own; how it acts with a drug and with expression, the pair features say.
    """

    def __init__(self, size: Architecture, width: int) -> None:
        super().__init__()
        self.dropout: nn.Module = Dropout(size.gene_dropout)
        self.linear = nn.Linear(width - 1, size.width, bias=False)
        self.absent = nn.Parameter(torch.zeros(size.width))
        nn.init.normal_(self.linear.weight, std=0.3 / math.sqrt(width))

    def forward(self, alterations: Tensor) -> LineStates:
        """Encode (L, F) numbers of `bdrp.features.lines.mutations`."""
        absent = alterations[:, -1:] > 0
        if self.training:
            absent = absent | (torch.rand(len(alterations), 1, device=alterations.device) < PROFILE_DROPOUT)
        state = torch.where(absent, self.absent, self.linear(self.dropout(alterations[:, :-1])))
        return LineStates(state, alterations.new_zeros(len(alterations), 0))


ENCODER = MutationEncoder
