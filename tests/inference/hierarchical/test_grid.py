"""Pairs sorted and parted, and what they name."""

from __future__ import annotations

import pytest
import torch

from bdrp.features.batch import Batch, Pairs
from bdrp.inference.hierarchical import predictor
from bdrp.inference.hierarchical.grid import keep_named, keep_named_lines, sort_by_line
from bdrp.inference.hierarchical.predictor import rowwise_dot


def pairs_of(line: list[int], drug: list[int]) -> Pairs:
    nothing = torch.full((len(line),), torch.nan)
    return Pairs(torch.tensor(line, dtype=torch.int64), torch.tensor(drug, dtype=torch.int64), *[nothing] * 4)


def test_chunks_hold_every_pair_once_and_results_go_back_in_order() -> None:
    pairs = pairs_of([4, 1, 4, 0, 1], [0, 1, 2, 3, 4])
    ordered = sort_by_line(pairs)
    chunks = ordered.chunks(2)
    assert [chunk.lines.tolist() for chunk in chunks] == [[0, 1], [1, 4], [4]]
    line = torch.cat([chunk.lines[chunk.line] for chunk in chunks])
    drug = torch.cat([chunk.drug for chunk in chunks])
    back = ordered.restore_order((line, drug.expand(2, -1)))
    assert torch.equal(back[0], pairs.line) and torch.equal(back[1][1], pairs.drug)


def test_no_pairs_are_one_empty_chunk() -> None:
    (chunk,) = sort_by_line(pairs_of([], [])).chunks(4)
    assert len(chunk.lines) == len(chunk.line) == len(chunk.drug) == 0


def test_gathered_rows_and_the_grid_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = torch.arange(12.0).view(4, 3), torch.arange(15.0).view(5, 3)
    line, drug = torch.tensor([3, 0, 3]), torch.tensor([4, 2, 0])
    by_grid = rowwise_dot(left, right, line, drug)
    monkeypatch.setattr(predictor, "PRODUCT_A_PAIR", 0)
    assert torch.equal(rowwise_dot(left, right, line, drug), by_grid)
    assert torch.equal(by_grid, (left[line] * right[drug]).sum(1))


def test_drugs_that_are_not_named_are_left_out_where_most_are_not(some_unseen: Batch) -> None:
    inputs = some_unseen.inputs
    few, pairs = keep_named(inputs, pairs_of([5, 2, 5], [3, 1, 3]))
    assert few.drug_ids == (inputs.drug_ids[1], inputs.drug_ids[3])
    assert few.line_ids == (inputs.line_ids[2], inputs.line_ids[5])
    assert pairs.line.tolist() == [1, 0, 1] and pairs.drug.tolist() == [1, 0, 1]
    assert torch.equal(few.drug_effect, inputs.drug_effect[[1, 3]]) and len(few.molecules) == 2
    sizes = {name: len(getattr(few, name)) for name in ("drug_ids", "molecules", "drug_effect", "top_dose")}
    assert set(sizes.values()) == {2}
    every = pairs_of([0] * len(inputs.drug_ids), list(range(len(inputs.drug_ids))))
    assert keep_named(inputs, every)[0].molecules is inputs.molecules
    assert keep_named_lines(inputs, every)[0].line_ids == inputs.line_ids[:1]


def test_draws_multiplied_a_drug_at_a_time_and_the_grid_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = torch.arange(12.0).view(4, 3), torch.arange(30.0).view(2, 5, 3)
    line, drug = torch.tensor([3, 0, 3]), torch.tensor([4, 2, 0])
    by_drug = rowwise_dot(left, right, line, drug)
    monkeypatch.setattr(predictor, "DRAWN_PRODUCT_A_PAIR", 1_000)
    assert torch.equal(rowwise_dot(left, right, line, drug), by_drug)
    assert torch.equal(by_drug, (left[line] * right[:, drug]).sum(2))
