"""Pairs as entries of the grid of lines and drugs, in chunks; inputs reduced to the lines and drugs that pairs name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from bdrp.features.batch import Inputs, Pairs

PAIRS_A_PASS = 4_096  # chosen: what a pass makes of its pairs stays in a processor's cache


class GridChunk(NamedTuple):
    """n of N entries: `rows` which; `lines` (B,) that they name; `line` (n,) positions among these; `drug` (n,)."""

    rows: slice
    lines: Tensor
    line: Tensor
    drug: Tensor


class GridEntries(NamedTuple):
    """N pairs, those of one line together: `line`, `drug` (N,) positions; `place` (N,) where each pair stands now."""

    line: Tensor
    drug: Tensor
    place: Tensor

    def chunks(self, size: int) -> list[GridChunk]:
        """All entries, `size` at a time: a chunk names few lines and most of their drugs; one empty chunk for none."""
        return [self._chunk(slice(start, start + size)) for start in range(0, max(1, len(self.line)), size)]

    def _chunk(self, rows: slice) -> GridChunk:
        lines, line = torch.unique_consecutive(self.line[rows], return_inverse=True)
        return GridChunk(rows, lines, line, self.drug[rows])

    def restore_order(self, found: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Tensors over the entries, (..., N) each, in the order of the pairs."""
        return tuple(each.index_select(-1, self.place) for each in found)


def sort_by_line(pairs: Pairs) -> GridEntries:
    """The grid entries of N pairs, sorted by line."""
    order = torch.argsort(pairs.line, stable=True)
    place = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
    return GridEntries(pairs.line.index_select(0, order), pairs.drug.index_select(0, order), place)


def keep_named_lines(inputs: Inputs, pairs: Pairs) -> tuple[Inputs, Pairs]:
    """Only the lines that the pairs name, and the pairs as positions among them."""
    lines, line = torch.unique(pairs.line, return_inverse=True)
    return select_lines(inputs, lines), replace(pairs, line=line)


def keep_named(inputs: Inputs, pairs: Pairs) -> tuple[Inputs, Pairs]:
    """Only the lines and, where they are fewer than half, the drugs that the pairs name, and the pairs among them.

    For many networks: to find which atoms of so many drugs look alike takes as long as to encode them some times.
    """
    inputs, pairs = keep_named_lines(inputs, pairs)
    drugs, drug = torch.unique(pairs.drug, return_inverse=True)
    if 2 * len(drugs) > len(inputs.drug_ids) or not len(drugs):
        return inputs, pairs
    return select_drugs(inputs, drugs), replace(pairs, drug=drug)


def select_drugs(inputs: Inputs, drugs: Tensor) -> Inputs:
    """Only the drugs at these positions."""
    return replace(
        inputs,
        drug_ids=tuple(inputs.drug_ids[position] for position in drugs.tolist()),
        molecules=inputs.molecules.select(drugs),
        drug_effect=inputs.drug_effect[drugs],
        top_dose=inputs.top_dose[drugs],
        relations=inputs.relations.select(drugs),
    )


def select_lines(inputs: Inputs, lines: Tensor) -> Inputs:
    """Only the lines at these positions."""
    return replace(
        inputs,
        line_ids=tuple(inputs.line_ids[position] for position in lines.tolist()),
        lines={name: profile[lines] for name, profile in inputs.lines.items()},
        components=inputs.components[lines],
        line_effect=inputs.line_effect[lines],
        unknown=None if inputs.unknown is None else inputs.unknown[lines],
    )
