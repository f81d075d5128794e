"""Drugs as graphs: message passing over atoms and bonds (GINE; Hu et al. 2020, Strategies for Pre-training GNNs)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import GINEConv

from bdrp.features.molecules import ATOM_WIDTH, BOND_WIDTH, MoleculeGraphs


class GraphEncoder(nn.Module):
    """Atoms and bonds -> a state an atom.

    Residual GINE layers with layer normalisation. A molecule without a bond keeps what its atoms say of themselves.
    """

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.atom = nn.Linear(ATOM_WIDTH, width)
        self.bond = nn.Linear(BOND_WIDTH, width)
        self.convolutions = nn.ModuleList(GINEConv(_mlp(width)) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)

    def forward(self, molecules: MoleculeGraphs) -> Tensor:
        """Atom states, (A, width)."""
        state = self.atom(molecules.atoms)
        bond = self.bond(molecules.bond_features)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            state = state + self.dropout(convolution(norm(state), molecules.bonds, bond))
        return torch.as_tensor(state)


def _mlp(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
