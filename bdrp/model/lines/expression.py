"""Cell lines as expression: a linear path, a small perceptron, and the activities of learned gene programs.

Without expression every gene is at its training mean, so that all lines are alike.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bdrp.model.architecture import Architecture
from bdrp.model.dropout import Dropout
from bdrp.model.lines import LineStates


class ExpressionEncoder(nn.Module):
    """Standardised expression -> line states.

    The linear path carries what ridge regression would find, the perceptron what it would not. Whole genes are dropped
    in training, so that no gene is relied upon alone: this is what lets the network match ridge on unseen lines.
    """

    def __init__(self, size: Architecture, genes: int) -> None:
        super().__init__()
        self.size = size
        self.dropout: nn.Module = Dropout(size.gene_dropout)
        if size.linear_path == "used":
            self.linear = nn.Linear(genes, size.width, bias=False)
        self.perceptron = nn.Sequential(
            nn.Linear(genes, size.hidden), nn.GELU(), Dropout(0.2), nn.Linear(size.hidden, size.width)
        )
        if size.has_attention:
            self.programmes = nn.Linear(genes, size.programmes)
        if size.linear_path == "used":
            nn.init.normal_(self.linear.weight, std=0.3 / math.sqrt(genes))
        if size.has_attention:
            nn.init.normal_(self.programmes.weight, std=1 / math.sqrt(genes))

    def forward(self, genes: Tensor) -> LineStates:
        """Encode (L, G) standardised expression."""
        genes = self.dropout(genes if self.size.expression == "used" else torch.zeros_like(genes))
        state = self.perceptron(genes)
        if self.size.linear_path == "used":
            state = self.linear(genes) + state
        if not self.size.has_attention:
            return LineStates(state, genes.new_zeros(len(genes), 0))
        return LineStates(state, torch.tanh(self.programmes(genes)))


ENCODER = ExpressionEncoder
