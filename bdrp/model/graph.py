"""Drugs as graphs: message passing over atoms and bonds (GINE; Hu et al. 2020, Strategies for Pre-training GNNs)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bdrp.features.molecules import ATOM_WIDTH, BOND_WIDTH, MoleculeGraphs
from bdrp.model.dropout import Dropout
from bdrp.model.message_passing import GineConvolution


class GraphEncoder(nn.Module):
    """Atoms and bonds -> a state an atom.

    Residual GINE layers with layer normalisation. A molecule without a bond keeps the states of its atoms.
    Atoms that look alike as far as k bonds have one state after k layers, which is computed once for all of them; a
    dropout drops the same of them all.
    """

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.atom = nn.Linear(ATOM_WIDTH, width)
        self.bond = nn.Linear(BOND_WIDTH, width)
        self.convolutions = nn.ModuleList(GineConvolution(_mlp(width)) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout: nn.Module = Dropout(dropout)

    def forward(self, molecules: MoleculeGraphs) -> Tensor:
        """Atom states, (A, width)."""
        classes = molecules.classes
        state, kinds, of = self.atom(classes.atom_features), self.bond(classes.bond_features), classes.start
        for number, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            step, sending = classes.step(number), norm(state)
            pair = sending, sending.index_select(0, step.own)
            change = convolution(pair, step.bonds, kinds.index_select(0, step.kind))
            state, of = state.index_select(0, step.own) + self.dropout(change), step.of
        return torch.as_tensor(state.index_select(0, of))


def _mlp(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
