"""A batch on plates."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from bdrp.design.plates import CONTROL, DRUG, assign_slots, find_format, group_lines, lay_out
from bdrp.errors import DataError


def random_batch(seed=0, lines=14, drugs=30, pairs=120):
    rng = np.random.default_rng(seed)
    every = list(itertools.product(range(lines), range(drugs)))
    some = [every[at] for at in rng.choice(len(every), pairs, replace=False)]
    table = pd.DataFrame([(f"L{line}", f"D{drug}") for line, drug in some], columns=["cell_line_id", "drug_id"])
    return table.assign(line_name=table["cell_line_id"].str.lower(), drug_name=table["drug_id"].str.lower())


@pytest.mark.parametrize("name", ["96", "384"])
def test_every_pair_has_one_column_and_no_column_two_drugs(name):
    batch, plate = random_batch(), find_format(name)
    found = lay_out(batch, plate, 4)
    drugs = found[found["content"] == DRUG]
    keys = ["cell_line_id", "drug_id"]
    pd.testing.assert_frame_equal(
        drugs[keys].sort_values(keys, ignore_index=True), batch[keys].sort_values(keys, ignore_index=True)
    )
    assert not found.duplicated(["plate", "column"]).any()
    assert drugs["column"].between(2, plate.columns - 1).all()
    assert (found.groupby("plate")["cell_line_id"].nunique() == 1).all()


def test_controls_are_in_the_first_and_the_last_column_of_every_plate():
    found = lay_out(random_batch(), find_format("96"), 4)
    controls = found[found["content"] == CONTROL].groupby("plate")["column"].agg(list)
    assert controls.tolist() == [[1, 12]] * found["plate"].nunique()
    assert found.loc[found["column"] == 1, "wells"].unique().tolist() == ["A1-H1"]


def test_a_drug_takes_the_same_column_on_all_lines_of_a_thaw_and_thaws_are_as_large_as_said():
    found = lay_out(random_batch(), find_format("96"), 4)
    drugs = found[found["content"] == DRUG]
    assert (drugs.groupby(["thaw", "drug_id"])["column"].nunique() == 1).all()
    assert found.groupby("thaw")["cell_line_id"].nunique().tolist() == [4, 4, 4, 2]
    assert (found.groupby("cell_line_id")["thaw"].nunique() == 1).all()


def test_drugs_that_meet_on_no_line_share_a_slot():
    slots = assign_slots({"a": {"x", "y"}, "b": {"y", "z"}})
    assert slots["x"] == slots["z"] != slots["y"]


def test_a_line_of_few_drugs_that_all_have_needs_one_plate():
    pairs = [("all", f"D{drug:02d}") for drug in range(20)] + [("few", f"D{drug}") for drug in (17, 18, 19)]
    batch = pd.DataFrame(pairs, columns=["cell_line_id", "drug_id"])
    found = lay_out(batch.assign(line_name="", drug_name=""), find_format("96"), 2)
    assert found.groupby("cell_line_id")["plate"].nunique().to_dict() == {"all": 2, "few": 1}


def test_lines_that_share_drugs_are_thawed_together():
    by_line = {"a": {"x", "y", "z"}, "b": {"p", "q"}, "c": {"x", "y"}, "d": {"p", "q"}}
    assert group_lines(by_line, 2) == [["a", "c"], ["b", "d"]]


def test_another_plate_is_refused_with_those_there_are():
    with pytest.raises(DataError, match="no plate of '394' wells. Allowed: 96, 384"):
        find_format("394")
