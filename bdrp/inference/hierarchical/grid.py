"""Pairs as cells of the grid of lines and drugs: some of them at a time, and those lines alone that they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from bdrp.features.batch import Inputs, Pairs

PAIRS_A_PASS = 4_096  # chosen: what a pass makes of its pairs stays in a processor's cache


class Part(NamedTuple):
    """Some of N cells: `rows` which; `lines` (B,) that they name; `line` (n,) among these; `drug` (n,)."""

    rows: slice
    lines: Tensor
    line: Tensor
    drug: Tensor


class Cells(NamedTuple):
    """N pairs, those of one line together: `line`, `drug` (N,) positions; `place` (N,) where each pair stands now."""

    line: Tensor
    drug: Tensor
    place: Tensor

    def parts(self, size: int) -> list[Part]:
        """All cells, `size` at a time: a part names few lines, and most of their grid. Of no cells an empty part."""
        return [self._part(slice(start, start + size)) for start in range(0, max(1, len(self.line)), size)]

    def _part(self, rows: slice) -> Part:
        lines, line = torch.unique_consecutive(self.line[rows], return_inverse=True)
        return Part(rows, lines, line, self.drug[rows])

    def in_order(self, found: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """What was found of the cells, (..., N) each, in the order of the pairs."""
        return tuple(each.index_select(-1, self.place) for each in found)


def cells(pairs: Pairs) -> Cells:
    """Pairs sorted by line."""
    order = torch.argsort(pairs.line, stable=True)
    place = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
    return Cells(pairs.line.index_select(0, order), pairs.drug.index_select(0, order), place)


def narrowed(inputs: Inputs, pairs: Pairs) -> tuple[Inputs, Pairs]:
    """Only the lines that the pairs name, and the pairs as positions among them."""
    lines, line = torch.unique(pairs.line, return_inverse=True)
    return of_lines(inputs, lines), replace(pairs, line=line)


def named(inputs: Inputs, pairs: Pairs) -> tuple[Inputs, Pairs]:
    """Only the lines and, where they are fewer than half, the drugs that the pairs name, and the pairs among them.

    For many networks: to find which atoms of so many drugs look alike takes as long as to encode them some times.
    """
    inputs, pairs = narrowed(inputs, pairs)
    drugs, drug = torch.unique(pairs.drug, return_inverse=True)
    if 2 * len(drugs) > len(inputs.drug_ids) or not len(drugs):
        return inputs, pairs
    return of_drugs(inputs, drugs), replace(pairs, drug=drug)


def of_drugs(inputs: Inputs, drugs: Tensor) -> Inputs:
    """Only the drugs at these positions."""
    return replace(
        inputs,
        drug_ids=tuple(inputs.drug_ids[position] for position in drugs.tolist()),
        molecules=inputs.molecules.select(drugs),
        drug_effect=inputs.drug_effect[drugs],
        top_dose=inputs.top_dose[drugs],
    )


def of_lines(inputs: Inputs, lines: Tensor) -> Inputs:
    """Only the lines at these positions."""
    return replace(
        inputs,
        line_ids=tuple(inputs.line_ids[position] for position in lines.tolist()),
        lines={name: profile[lines] for name, profile in inputs.lines.items()},
        components=inputs.components[lines],
        line_effect=inputs.line_effect[lines],
    )
