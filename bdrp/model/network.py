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
        by_drug = self.drug_heads(drugs.summary)[drug]
        by_line = self.line_heads(lines.state)[line]
        features = torch.cat([drugs.state[drug] * lines.state[line], self._context(encoded, line, drug)], dim=-1)
        level = by_drug[:, 1:2] + by_line[:, 1:2] + self.pair_noise(features)
        noise = torch.cat([level, by_drug[:, 2:]], dim=1)
        return PairFeatures(features, by_drug[:, 0] + by_line[:, 0], by_drug[:, 0], noise, by_drug[:, 1])

    def _context(self, encoded: Encoded, line: Tensor, drug: Tensor) -> Tensor:
        """(N, H * value_width) what drug and line say together beside their product."""
        drugs, lines = encoded
        if self.size.attends:
            return torch.as_tensor(self.attention(drugs.at(drug), lines.activity[line]))
        return torch.as_tensor(self.concatenation(drugs.summary[drug], lines.state[line]))
