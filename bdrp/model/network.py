"""The network: drugs and lines encoded once, pairs scored cheaply; deterministic, no Pyro."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from bdrp.data.profiles import EXPRESSION
from bdrp.features.batch import Inputs
from bdrp.model import lines as line_encoders
from bdrp.model.architecture import Architecture
from bdrp.model.attention import CrossAttention, DrugEncoder, DrugStates
from bdrp.model.concatenation import Concatenation
from bdrp.model.lines import LineStates
from bdrp.model.lines.expression import ExpressionEncoder
from bdrp.model.product import NoContext

PAIRINGS: Final = {"product": NoContext, "attention": CrossAttention, "concatenation": Concatenation}
"""How a drug and a line meet beside their product: modules of (..., width) drug and line states that broadcast."""
GRID_A_PAIR = 1.5  # chosen: to copy a pair's states costs as much as to compute half of another pair


class Encoded(NamedTuple):
    """States of a block's D drugs and L lines; each was encoded once."""

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
    """Encoders of drugs and of lines and what pairs them, with heads for mean and noise.

    A pair's features are the product of drug and line state and, where the pairing is not that alone, a context beside
    it. The last layer that weighs them belongs to the method that fits it.
    """

    def __init__(self, size: Architecture) -> None:
        super().__init__()
        self.size = size
        self.drugs = DrugEncoder(size)
        self.lines = ExpressionEncoder(size, size.genes)
        self.add_module(size.pairing, PAIRINGS[size.pairing](size))  # weights are saved under the name of the pairing
        self.drug_heads = nn.Linear(size.width, 4)
        self.line_heads = nn.Linear(size.width, 2)
        self.pair_noise = nn.Linear(size.pair_width, 1)
        for head in (self.drug_heads, self.line_heads, self.pair_noise):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        # Last, so that whatever else is read of a line, everything above starts the same.
        further = {name: line_encoders.make(name, size, width) for name, width in size.profiles.items()}
        self.profiles = nn.ModuleDict(further)

    @property
    def pairing(self) -> NoContext | CrossAttention | Concatenation:
        """How drug and line meet beside their product."""
        pairing: NoContext | CrossAttention | Concatenation = getattr(self, self.size.pairing)
        return pairing

    def encode(self, inputs: Inputs, lines: Tensor | None = None, drugs: DrugStates | None = None) -> Encoded:
        """Encode all drugs (or take their states as they are), and the lines at these positions (B,), all if None."""
        states = self.drugs(inputs.molecules, inputs.drug_effect) if drugs is None else drugs
        return Encoded(states, self._encoded_lines(inputs, lines))

    def _encoded_lines(self, inputs: Inputs, lines: Tensor | None) -> LineStates:
        def profile(name: str) -> Tensor:
            return inputs.lines[name] if lines is None else inputs.lines[name][lines]

        states: LineStates = self.lines(profile(EXPRESSION))
        for name, encoder in self.profiles.items():
            states = states.combine(encoder(profile(name)))
        return states

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
            return self._joined(drugs.select(drug), lines.select(line))
        grid = self._joined(drugs.unsqueeze(0), lines.unsqueeze(1))
        return grid.flatten(0, 1).index_select(0, line * len(drugs.state) + drug)

    def _joined(self, drugs: DrugStates, lines: LineStates) -> Tensor:
        """(..., P) of states that broadcast."""
        return torch.cat([drugs.state * lines.state, self.pairing(drugs, lines)], dim=-1)
