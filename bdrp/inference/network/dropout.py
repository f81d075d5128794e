"""A network of which each pass drops whole features: what Monte Carlo dropout draws instead of weights."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from bdrp.model.network import Network


def keep_dropout_on(network: Network, at_once: int) -> Network:
    """A copy in which dropout stays on and drops whole features, for so many passes at a time."""
    copied = deepcopy(network)
    for module in list(copied.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout):
                setattr(module, name, _FeatureDropout(child.p))
    size = network.size
    if at_once == 1 and size.hidden != size.genes:  # passes side by side retain different genes, and not equally many
        genes = _RetainedGenes(size.gene_dropout)
        copied.lines.dropout = genes
        for module in list(copied.lines.modules()):
            for name, child in module.named_children():
                if isinstance(child, nn.Linear) and child.in_features == size.genes:
                    setattr(module, name, _RetainedLinear(child, genes))
    return copied


class _FeatureDropout(nn.Module):
    """Dropout whose mask is one for all rows; under `vmap` one for each pass."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, values: Tensor) -> Tensor:
        return values * dropout(values.new_ones(values.shape[-1]), self.rate)


class _RetainedGenes(nn.Module):
    """Dropout of genes for one pass, which hands on no more than the genes that it retains: fewer than half."""

    retained: Tensor
    scale: float

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate, self.scale = rate, 1 / (1 - rate)
        self.of: Tensor | None = None

    def forward(self, genes: Tensor) -> Tensor:
        """(L, retained) of genes (L, G), unscaled: `_RetainedLinear` scales its weights, which are fewer numbers."""
        if self.of is not genes:  # turned once for all passes: rows are copied whole, ten times faster than columns
            self.of, self.rows = genes, genes.T.contiguous()
        self.retained = torch.nonzero(dropout(genes.new_ones(genes.shape[-1]), self.rate))[:, 0]
        return self.rows.index_select(0, self.retained).T


class _RetainedLinear(nn.Module):
    """A layer on genes that multiplies those which were retained, and no zeros."""

    def __init__(self, layer: nn.Linear, genes: _RetainedGenes) -> None:
        super().__init__()
        self.layer, self.genes = layer, genes

    def forward(self, retained: Tensor) -> Tensor:
        weight = self.layer.weight.index_select(1, self.genes.retained) * self.genes.scale
        return nn.functional.linear(retained, weight, self.layer.bias)
