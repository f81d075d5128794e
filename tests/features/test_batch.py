from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bdrp.data import splits
from bdrp.data.identifiers import structure_key
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import DataError, SplitError
from bdrp.features import batch
from bdrp.features.batch import Batch, Pairs, grid_blocks

PARTS = ("train", "validation", "calibration", "test")


def split_of(screen: Screen, parts: list[str]) -> Split:
    keys = screen.responses[["cell_line_id", "drug_id"]]
    return Split("file", pd.Series(parts, dtype="str"), 0, 0, 1, "by hand", keys)


def rows_of(line: list[int]) -> Pairs:
    nothing = torch.full((len(line),), torch.nan, dtype=torch.float64)
    return Pairs(torch.tensor(line), torch.zeros(len(line), dtype=torch.int64), *[nothing] * 4)


def test_every_part_holds_the_rows_of_its_split(tiny_screen: Screen, tiny_split: Split, tiny_batch: Batch) -> None:
    for part in PARTS:
        rows, frame = getattr(tiny_batch, part), tiny_screen.responses.iloc[tiny_split.rows(part)]
        frame = frame.sort_values(["cell_line_id", "drug_id", "response"]) if part == "train" else frame
        lines = np.asarray(tiny_batch.inputs.line_ids)[rows.line.numpy()]
        drugs = np.asarray(tiny_batch.inputs.drug_ids)[rows.drug.numpy()]
        assert lines.tolist() == frame["cell_line_id"].tolist() and drugs.tolist() == frame["drug_id"].tolist()
        assert np.array_equal(rows.response.numpy(), frame["response"].to_numpy())
        assert np.array_equal(rows.upper_limit.numpy(), frame["upper_limit"].to_numpy(), equal_nan=True)


def test_inputs_have_the_shapes_they_promise(tiny_batch: Batch) -> None:
    inputs = tiny_batch.inputs
    assert inputs.genes.shape == (36, 50) and inputs.genes.dtype == torch.float32
    assert inputs.components.shape == (36, 8) and inputs.components.dtype == torch.float32
    assert len(inputs.molecules) == len(inputs.drug_ids) == 12
    assert inputs.drug_effect.shape == (12,) and inputs.line_effect.shape == (36,)


def test_centre_and_spread_are_those_of_the_training_responses(
    tiny_screen: Screen, tiny_split: Split, tiny_batch: Batch
) -> None:
    train = tiny_screen.responses["response"].to_numpy()[tiny_split.rows("train")]
    assert tiny_batch.features.response_mean == pytest.approx(train.mean())
    assert tiny_batch.features.response_std == pytest.approx(train.std())


def test_nothing_of_a_test_line_reaches_what_was_fitted(tiny_screen: Screen) -> None:
    split = splits.make(tiny_screen, "cell_line", folds=3)
    parts = split.parts.to_numpy()
    kept_back = tiny_screen.responses["cell_line_id"][parts != "train"].unique()
    changed = tiny_screen.expression
    changed.loc[kept_back] = changed.loc[kept_back] * 3 + 1
    responses = tiny_screen.responses
    responses.loc[parts != "train", "response"] += 5
    other = Screen(
        "x", tiny_screen.measure, responses, tiny_screen.drugs, tiny_screen.cell_lines, changed.astype(np.float32)
    )
    one, two = (batch.prepare(screen, split, components=8).features for screen in (tiny_screen, other))
    for name in ("mean", "scale", "components"):
        assert np.array_equal(one.scalers["expression"].arrays()[name], two.scalers["expression"].arrays()[name]), name
    assert (one.response_mean, one.response_std, one.lines) == (two.response_mean, two.response_std, two.lines)


def test_lines_and_drugs_that_were_not_trained_on_have_no_effect(tiny_screen: Screen) -> None:
    split = splits.make(tiny_screen, "both", folds=3)
    made = batch.prepare(tiny_screen, split, components=8)
    inputs, features = made.inputs, made.features
    for ids, effect, known in (
        (inputs.line_ids, inputs.line_effect, features.lines),
        (inputs.drug_ids, inputs.drug_effect, features.drugs.ids),
    ):
        assert [known[e] if e >= 0 else None for e in effect.tolist()] == [i if i in known else None for i in ids]
        assert (effect < 0).any() and (effect >= 0).any()
    assert (inputs.drug_effect[made.train.drug] >= 0).all() and (inputs.line_effect[made.train.line] >= 0).all()
    assert (inputs.drug_effect[made.test.drug] < 0).all() and (inputs.line_effect[made.test.line] < 0).all()


def test_each_id_of_a_structure_has_an_effect_of_its_own(
    make_screen: Callable[..., Screen], parts: dict[str, Any]
) -> None:
    drugs = parts["drugs"].assign(smiles=["CCO", "CCO"], structure_key=[structure_key("CCO")] * 2)
    made = batch.prepare(make_screen(drugs=drugs), split_of(make_screen(), ["train"] * 6))
    assert made.features.compounds == (structure_key("CCO"),) * 2
    assert made.inputs.drug_effect.tolist() == [0, 1]
    assert made.inputs.relations.compound.tolist() == [[1, 1], [1, 1]]


def test_an_id_that_was_not_trained_on_is_known_by_its_compound_alone(
    make_screen: Callable[..., Screen], parts: dict[str, Any]
) -> None:
    drugs = parts["drugs"].assign(smiles=["CCO", "OCC"], structure_key=[structure_key("CCO")] * 2)
    made = batch.prepare(make_screen(drugs=drugs), split_of(make_screen(), ["train"] * 3 + ["test"] * 3))
    assert made.inputs.drug_effect[made.test.drug].tolist() == [-1, -1, -1]
    assert made.inputs.relations.compound[made.test.drug].tolist() == [[1]] * 3


def test_pairs_of_unknown_lines_or_drugs_are_refused_by_name(tiny_batch: Batch) -> None:
    frame = pd.DataFrame({"cell_line_id": ["SIM0001", "nowhere"], "drug_id": ["D001", "D001"]})
    with pytest.raises(DataError, match="1 pairs have a cell_line_id with no expression: nowhere"):
        batch.pairs(frame, tiny_batch.inputs)
    frame = pd.DataFrame({"cell_line_id": ["SIM0001"] * 2, "drug_id": ["nothing", "D001"]})
    with pytest.raises(DataError, match="1 pairs have a drug_id with no structure: nothing"):
        batch.pairs(frame, tiny_batch.inputs)


def test_pairs_without_responses_have_none(tiny_batch: Batch) -> None:
    rows = batch.pairs(pd.DataFrame({"cell_line_id": ["SIM0001"], "drug_id": ["D002"]}), tiny_batch.inputs)
    assert len(rows) == 1 and torch.isnan(rows.response).all() and torch.isnan(rows.upper_limit).all()


def test_no_pairs_are_no_rows(tiny_batch: Batch) -> None:
    assert len(batch.pairs(pd.DataFrame({"cell_line_id": [], "drug_id": []}, dtype=str), tiny_batch.inputs)) == 0


@pytest.mark.parametrize("value", [2.5, 0.1])  # the SD of three 0.1 rounds to 1.4e-17, not to 0
def test_training_responses_that_do_not_vary_are_refused(
    make_screen: Callable[..., Screen], parts: dict[str, Any], value: float
) -> None:
    responses = parts["responses"]
    responses.loc[:2, "response"] = value
    screen = make_screen(responses=responses)
    with pytest.raises(DataError, match=f"All 3 training responses equal {value}"):
        batch.prepare(screen, split_of(screen, ["train"] * 3 + ["test"] * 3))


def test_an_empty_training_part_is_refused(small_screen: Screen) -> None:
    with pytest.raises(SplitError, match="The training part has no rows"):
        batch.prepare(small_screen, split_of(small_screen, ["test"] * 6))


def test_parts_may_be_empty_apart_from_the_training_part(small_screen: Screen) -> None:
    made = batch.prepare(small_screen, split_of(small_screen, ["train"] * 6))
    assert [len(getattr(made, part)) for part in PARTS] == [6, 0, 0, 0]


def test_replicates_stay_rows_of_their_own(small_screen: Screen) -> None:
    made = batch.prepare(small_screen, split_of(small_screen, ["train"] * 6))
    assert sorted(made.train.response.tolist()) == [-1.0, 0.5, 2.0, 3.0, 3.5, 4.0]


def test_moving_a_batch_to_its_own_device_changes_nothing(tiny_batch: Batch) -> None:
    moved = tiny_batch.to("cpu")
    assert torch.equal(moved.train.line, tiny_batch.train.line)
    assert torch.equal(moved.inputs.genes, tiny_batch.inputs.genes)
    pairs = zip(moved.inputs.relations, tiny_batch.inputs.relations, strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)


def test_reading_the_inputs_again_gives_the_same_tensors(tiny_screen: Screen, tiny_batch: Batch) -> None:
    again = tiny_batch.features.inputs(tiny_screen.drugs, tiny_screen.expression)
    assert torch.equal(again.genes, tiny_batch.inputs.genes)
    assert torch.equal(again.components, tiny_batch.inputs.components)
    assert torch.equal(again.drug_effect, tiny_batch.inputs.drug_effect)
    assert torch.equal(again.relations.target, tiny_batch.inputs.relations.target)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(1, 12), st.integers(0, 5))
def test_grid_blocks_hold_every_row_once_and_only_rows_of_their_lines(line: list[int], size: int, seed: int) -> None:
    blocks = list(grid_blocks(rows_of(line), size, torch.Generator().manual_seed(seed)))
    rows = torch.cat([index for _, index in blocks])
    assert sorted(rows.tolist()) == list(range(len(line)))
    lines = torch.cat([block for block, _ in blocks])
    assert sorted(lines.tolist()) == sorted(set(line))
    for block, index in blocks:
        assert 1 <= len(block) <= size and torch.equal(block, block.sort().values)
        assert set(torch.tensor(line)[index].tolist()) == set(block.tolist())


def test_grid_blocks_follow_their_generator_only(tiny_batch: Batch) -> None:
    def drawn(seed: int) -> list[list[int]]:
        return [b.tolist() for b, _ in grid_blocks(tiny_batch.train, 5, torch.Generator().manual_seed(seed))]

    state = torch.random.get_rng_state()
    assert drawn(1) == drawn(1) != drawn(2)
    assert torch.equal(state, torch.random.get_rng_state())


def test_rows_are_chosen_together(tiny_batch: Batch) -> None:
    index = torch.tensor([4, 0, 4])
    chosen = tiny_batch.train.select(index)
    for name in chosen.__dataclass_fields__:
        whole = getattr(tiny_batch.train, name)
        assert torch.equal(torch.nan_to_num(getattr(chosen, name)), torch.nan_to_num(whole[index]))


def test_inputs_can_be_changed_only_by_copying(tiny_batch: Batch) -> None:
    with pytest.raises(AttributeError):
        tiny_batch.inputs.genes = torch.zeros(1)  # type: ignore[misc]
    assert replace(tiny_batch.inputs, line_ids=()).line_ids == ()
