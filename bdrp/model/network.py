"""The network: drugs and lines encoded once, pairs scored cheaply; deterministic, no Pyro."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bdrp.features.molecules import MoleculeGraphs
from bdrp.model.architecture import Architecture
from bdrp.model.attention import CrossAttention, DrugEncoder, DrugStates
from bdrp.model.concatenation import Concatenation
from bdrp.model.expression import ExpressionEncoder, LineStates

GRID_A_PAIR = 1.5  # chosen: to copy a pair's states costs as much as to compute half of another pair


class Encoded(NamedTuple):
    """What the encoders say of a block's D drugs and L lines; each was encoded once."""

    drugs: DrugStates
    lines: LineStates


class PairFeatures(NamedTuple):
    """N pairs in standardised response units.

    Attributes:
        features: (N, P) what the last layer weighs.
        offset: (N,) the part of the mean that structure alone and expression alone explain.
        own: (N,) the part of `offset` that structure alone explains.
        noise: (N, 3) level, slope and bend of the log noise that structure, expression and the pair explain.
        drug_noise: (N,) the part of its level that structure alone explains.
    """

    features: Tensor
    offset: Tensor
    own: Tensor
    noise: Tensor
    drug_noise: Tensor


class Network(nn.Module):
    """Graph encoder, expression encoder and cross-attention, with heads for mean and noise.

    A pair's features are a bilinear product of drug and line state beside what cross-attention brought back, or what
    an ablation has in its place. The last layer that weighs them belongs to the method that fits it.
    """

    def __init__(self, size: Architecture) -> None:
        super().__init__()
        self.size = size
        self.drugs = DrugEncoder(size)
        self.lines = ExpressionEncoder(size)
        if size.attends:
            self.attention = CrossAttention(size)
        else:
            self.concatenation = Concatenation(size)
        self.drug_heads = nn.Linear(size.width, 4)
        self.line_heads = nn.Linear(size.width, 2)
        self.pair_noise = nn.Linear(size.pair_width, 1)
        for head in (self.drug_heads, self.line_heads, self.pair_noise):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def encode(self, molecules: MoleculeGraphs, genes: Tensor, compounds: Tensor | None = None) -> Encoded:
        """Encode D molecules and the expression (L, G) of L lines.

        `compounds` (D,) are their places among the training compounds, -1 for an unseen one; "one_hot" alone asks.
        """
        return Encoded(self.drugs(molecules, compounds), self.lines(genes))

    def pairs(self, encoded: Encoded, line: Tensor, drug: Tensor) -> PairFeatures:
        """Features of the pairs (line[n], drug[n]), n < N, of encoded lines and drugs."""
        drugs, lines = encoded
        by_drug = self.drug_heads(drugs.summary).index_select(0, drug)
        by_line = self.line_heads(lines.state).index_select(0, line)
        features = self._features(encoded, line, drug)
        level = by_drug[:, 1:2] + by_line[:, 1:2] + self.pair_noise(features)
        noise = torch.cat([level, by_drug[:, 2:]], dim=1)
        return PairFeatures(features, by_drug[:, 0] + by_line[:, 0], by_drug[:, 0], noise, by_drug[:, 1])

    def _features(self, encoded: Encoded, line: Tensor, drug: Tensor) -> Tensor:
        """(N, P); from the whole grid of lines and drugs where most of it is asked for, so that no state is copied."""
        drugs, lines = encoded
        if len(lines.state) * len(drugs.state) > GRID_A_PAIR * len(line):
            return self._joined(drugs.at(drug), lines.at(line))
        grid = self._joined(drugs.along(0), lines.along(1))
        return grid.flatten(0, 1).index_select(0, line * len(drugs.state) + drug)

    def _joined(self, drugs: DrugStates, lines: LineStates) -> Tensor:
        """(..., P) of states that broadcast."""
        return torch.cat([drugs.state * lines.state, self._context(drugs, lines)], dim=-1)

    def _context(self, drugs: DrugStates, lines: LineStates) -> Tensor:
        """(..., H * value_width) what drug and line say together beside their product."""
        if self.size.attends:
            return torch.as_tensor(self.attention(drugs, lines.activity))
        return torch.as_tensor(self.concatenation(drugs.summary, lines.state))
