"""Splits of one laboratory among several: folds as if it were alone, and nothing of what is held out elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.data import joint, splits
from bdrp.data.screen import Screen
from bdrp.data.splits.clusters import assign_clusters, compound_of_each_response
from bdrp.errors import SplitError
from bdrp.testing.screens import cut_simulated

KINDS = ("pair", "cell_line", "drug", "scaffold", "tissue", "both")


def laboratory(name: str, lines: slice, drugs: slice, seed: int) -> Screen:
    """A corner of the simulated screen, measured again."""
    whole = cut_simulated("both", 40, 24, 20, step=4)
    rows = whole.responses
    some_lines, some_drugs = whole.cell_lines.index[lines], whole.drugs.index[drugs]
    rows = rows[rows["cell_line_id"].isin(some_lines) & rows["drug_id"].isin(some_drugs)].reset_index(drop=True)
    rows["response"] += np.random.default_rng(seed).standard_normal(len(rows))
    tables = whole.drugs.loc[some_drugs], whole.cell_lines.loc[some_lines], whole.expression.loc[some_lines]
    return Screen(name, whole.measure, rows, *tables)


@pytest.fixture(scope="module")
def north() -> Screen:
    return laboratory("north", slice(0, 30), slice(0, 18), 0)


@pytest.fixture(scope="module")
def both(north: Screen) -> Screen:
    return joint.join(north, laboratory("south", slice(10, 40), slice(6, 24), 1))


def is_north(both: Screen) -> np.ndarray:
    return both.responses["laboratory"].eq("north").to_numpy()


@pytest.mark.parametrize("partition", splits.PARTITIONS)
@pytest.mark.parametrize("by", KINDS)
def test_folds_of_one_laboratory_are_those_that_it_has_alone(
    by: str, partition: str, north: Screen, both: Screen
) -> None:
    alone = splits.make(north, by, fold=1, folds=3, partition=partition)
    within = splits.make_within(both, "north", by=by, fold=1, folds=3, partition=partition)
    assert within.parts[is_north(both)].tolist() == alone.parts.tolist()
    assert within.by == by and within.laboratory == within.summary()["laboratory"] == "north"
    assert "laboratory" not in alone.summary()


@pytest.mark.parametrize("by", KINDS)
def test_nothing_that_is_held_out_is_learned_from_another_laboratory(by: str, both: Screen) -> None:
    split = splits.make_within(both, "north", by=by, folds=3)
    own, parts = is_north(both), split.parts.to_numpy()
    assert set(parts[~own]) == {"train", ""}  # others are never tested
    for kind in {"both": ("cell_line", "drug")}.get(by, (by,)):
        groups = assign_clusters(both, kind).to_numpy()
        test, others = set(groups[parts == "test"]), groups[~own & (parts == "train")]
        assert test.isdisjoint(others) and not test.isdisjoint(groups[~own])  # they are there, and are left out
        assert set(groups[~own & (parts == "")]) & test


def test_by_assay_a_compound_is_new_to_its_laboratory_and_known_from_the_other(both: Screen) -> None:
    split = splits.make_within(both, "north", by="assay", folds=3)
    own, parts = is_north(both), split.parts.to_numpy()
    compounds = compound_of_each_response(both).to_numpy()
    test = set(compounds[parts == "test"])
    assert test and test.isdisjoint(compounds[own & (parts == "train")])
    assert set(parts[~own]) == {"train"} and test & set(compounds[~own])
    assert parts[own].tolist() == splits.make_within(both, "north", by="drug", folds=3).parts[own].tolist()
    assert "not unseen compounds" in split.description and split.by == "assay"


def test_by_assay_without_a_laboratory_every_assay_is_in_one_part(both: Screen) -> None:
    split = splits.make(both, "assay", folds=3)
    table = pd.DataFrame({"drug": split.keys["drug_id"], "part": split.parts})
    assert (table.groupby("drug")["part"].nunique() == 1).all()
    compounds = pd.DataFrame({"key": compound_of_each_response(both), "part": split.parts})
    assert (compounds.groupby("key")["part"].nunique() > 1).any()  # which is no leak here, and one by drug
    drawn = splits.make(both, "drug", folds=3)
    assert (pd.DataFrame({"key": compounds["key"], "part": drawn.parts}).groupby("key")["part"].nunique() == 1).all()


def test_an_assay_that_is_torn_is_a_leak(both: Screen) -> None:
    split = splits.make(both, "assay", folds=3)
    torn = split.parts.copy()
    first = int(np.flatnonzero(torn == "train")[0])
    torn.iloc[first] = "test"
    with pytest.raises(SplitError, match="1 assay in more than one part"):
        splits.check_leaks(both, splits.Split("assay", torn, 0, 0, 3, "by hand", split.keys))


def test_a_laboratory_that_is_not_there_and_a_screen_of_one_are_refused(north: Screen, both: Screen) -> None:
    with pytest.raises(SplitError, match=r"no laboratory 'east' in north\+south. Allowed are north, south"):
        splits.make_within(both, "east", by="pair")
    with pytest.raises(SplitError, match="A screen of several is needed; join them"):
        splits.make_within(north, "north", by="pair")
    with pytest.raises(SplitError, match="does not say whose assays"):
        splits.make(north, "assay")
