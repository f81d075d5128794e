"""Cross-attention between a drug's atoms and a cell line's gene programs, factorised so that a pair stays cheap.

A drug's query is attention pooling of its atoms: the sum of their states, weighted by the mean of H softmaxes over
them. The query meets program m of line l as

    logit[l, d, h, m] = offset[d, h, m] + slope[d, h, m] * activity[l, m],

and the softmax over the M programs weighs their values, activity[l, m] * value[h, m]. Offset and slope are computed
once a drug and the activity once a line, so a pair costs H x M multiplications and no pass over genes. Weights are
read as drug x program, and through the programs' gene loadings as drug x gene. (Scaled dot products of Vaswani
et al. 2017, with the key split into a constant part and a part proportional to the activity.)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bdrp.errors import FitError
from bdrp.features.molecules import MoleculeGraphs
from bdrp.features.structures import FINGERPRINT_BITS
from bdrp.model.architecture import Architecture
from bdrp.model.dropout import Dropout
from bdrp.model.graph import GraphEncoder
from bdrp.model.lines import LineStates
from bdrp.model.message_passing import softmax_within, sum_within


class DrugStates(NamedTuple):
    """D encoded drugs.

    Attributes:
        state: (D, width).
        gate: (D, H * value_width) factors on the heads' values; (D, 0) without attention, as are offset and slope.
        factors: (D, R) that a line's own deviations multiply.
        offset: (D, H, M) attention logits at an activity of 0. slope: (D, H, M) attention logits a unit of activity.
        summary: (D, width) input of the noise and mean heads.
    """

    state: Tensor
    gate: Tensor
    factors: Tensor
    offset: Tensor
    slope: Tensor
    summary: Tensor

    def select(self, index: Tensor) -> DrugStates:
        """The drugs at `index`."""
        return DrugStates(*(part.index_select(0, index) for part in self))

    def unsqueeze(self, place: int) -> DrugStates:
        """The same with an axis of length one at `place`, to broadcast over lines."""
        return DrugStates(*(part.unsqueeze(place) for part in self))


class DrugEncoder(nn.Module):
    """Drugs -> drug states: molecular graphs with attention pooling, or what an ablation has in their place."""

    def __init__(self, size: Architecture) -> None:
        super().__init__()
        self.size = size
        if size.drug_encoder == "graph":
            self.graph = GraphEncoder(size.width, size.graph_layers, size.drug_dropout)
            self.ask = nn.Linear(
                size.width, size.heads
            )  # logits of the atoms' pooling; the name that they are saved under
        elif size.drug_encoder == "fingerprint":
            bits = nn.Linear(FINGERPRINT_BITS, size.width)
            self.fingerprint = nn.Sequential(bits, nn.GELU(), Dropout(size.drug_dropout))
        else:
            self.one_hot = nn.Parameter(torch.randn(size.compounds, size.width) / math.sqrt(size.width))
        self.mix = nn.Sequential(nn.Linear(size.width, size.width), nn.GELU(), Dropout(size.drug_dropout))
        self.state = nn.Linear(size.width, size.width)
        if size.has_attention:
            self.gate = nn.Linear(size.width, size.context_width)
        self.factors = nn.Linear(size.width, size.factors)
        if size.has_attention:
            self.offset = nn.Linear(size.width, size.heads * size.programmes)
            self.slope = nn.Linear(size.width, size.heads * size.programmes)
        nn.init.zeros_(self.factors.weight)  # a compound's own loadings come first; structure explains them later
        nn.init.zeros_(self.factors.bias)

    def forward(self, molecules: MoleculeGraphs, compounds: Tensor | None = None) -> DrugStates:
        """Encode D molecules, which are the training compounds at `compounds` (D,), -1 for an unseen one."""
        summary = self.mix(self._summaries(molecules, compounds))
        if not self.size.has_attention:
            none = summary.new_zeros(len(summary), 0)
            return DrugStates(self.state(summary), none, self.factors(summary), none, none, summary)
        shape = (len(molecules), self.size.heads, self.size.programmes)
        return DrugStates(
            self.state(summary),
            self.gate(summary),
            self.factors(summary),
            self.offset(summary).view(shape),
            self.slope(summary).view(shape),
            summary,
        )

    def _summaries(self, molecules: MoleculeGraphs, compounds: Tensor | None) -> Tensor:
        """(D, width) of the drugs, before they are mixed."""
        if self.size.drug_encoder == "graph":
            atoms = self.graph(molecules)
            weights = self.atom_weights(atoms, molecules)
            return sum_within(weights.mean(1, keepdim=True) * atoms, molecules.molecule, len(molecules))
        if self.size.drug_encoder == "fingerprint":
            return torch.as_tensor(self.fingerprint(molecules.fingerprints))
        if compounds is None:
            raise FitError(
                "drug_encoder is one_hot, and compounds is None. Give the positions of the drugs among them."
            )
        return torch.where((compounds >= 0)[:, None], self.one_hot[compounds.clamp(min=0)], self.one_hot.mean(0))

    def atom_weights(self, atoms: Tensor, molecules: MoleculeGraphs) -> Tensor:
        """(A, H): the weight of each atom in the drug's query; sums to one over a molecule's atoms."""
        return softmax_within(self.ask(atoms), molecules.molecule, len(molecules))


class CrossAttention(nn.Module):
    """The context of a pair: what the heads of a drug read from the gene programs of a line."""

    def __init__(self, size: Architecture) -> None:
        super().__init__()
        self.value = nn.Parameter(0.3 * torch.randn(size.heads, size.programmes, size.value_width))

    @staticmethod
    def weights(drugs: DrugStates, activity: Tensor) -> Tensor:
        """(..., H, M) attention weights of pairs, given as rows of `drugs` and `activity` (..., M) that broadcast."""
        return torch.softmax(torch.addcmul(drugs.offset, drugs.slope, activity[..., None, :]), dim=-1)

    def forward(self, drugs: DrugStates, lines: LineStates) -> Tensor:
        """(..., H * value_width) of pairs, gated by the drug."""
        activity = lines.activity
        read = self.weights(drugs, activity) * activity[..., None, :]
        return torch.as_tensor((read.flatten(-2) @ self._side_by_side()) * drugs.gate)

    def _side_by_side(self) -> Tensor:
        """(H * M, H * value_width) the heads' values as blocks of one matrix: one product for all heads is faster."""
        heads, programs, width = self.value.shape
        own = torch.eye(heads, dtype=self.value.dtype, device=self.value.device)
        return (self.value[:, :, None, :] * own[:, None, :, None]).reshape(heads * programs, heads * width)
