"""Holding out a fifth of what other screens share."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bdrp.data import splits
from bdrp.data.screen import Screen
from bdrp.data.splits.clusters import compound_of_each_response, patient_of_each_response
from bdrp.errors import SplitError


def part_of(screen: Screen, name: str, lines, drugs) -> Screen:
    """The corner of a screen that some lines and drugs are."""
    rows = screen.responses
    kept = rows["cell_line_id"].isin(lines) & rows["drug_id"].isin(drugs)
    return Screen(
        name,
        screen.measure,
        rows[kept].reset_index(drop=True),
        screen.drugs.loc[drugs],
        screen.cell_lines.loc[lines],
        screen.expression.loc[lines],
    )


@pytest.fixture(scope="module")
def others(tiny_screen):
    lines, drugs = tiny_screen.expression.index, tiny_screen.drugs.index
    return [part_of(tiny_screen, "north", lines[:20], drugs), part_of(tiny_screen, "south", lines[10:30], drugs[:5])]


def test_a_fifth_of_the_shared_patients_and_compounds_is_held_out_with_all_their_pairs(tiny_screen, others):
    split = splits.hold_out_shared(tiny_screen, others)
    taught = split.parts.isin(["train", "validation", "calibration"])
    for unit, shared in (
        (patient_of_each_response, set().union(*(set(patient_of_each_response(one)) for one in others))),
        (compound_of_each_response, None),
    ):
        held = set(unit(tiny_screen)) - set(unit(tiny_screen)[taught])
        shared = shared or set().union(*(set(compound_of_each_response(one)) for one in others))
        assert held <= shared
        assert abs(len(held) - len(shared) / 5) <= 1
    held_lines = ~patient_of_each_response(tiny_screen).isin(patient_of_each_response(tiny_screen)[taught])
    held_drugs = ~compound_of_each_response(tiny_screen).isin(compound_of_each_response(tiny_screen)[taught])
    assert ((split.parts == "test") == (held_lines | held_drugs)).all()


def test_each_target_shares_held_out_lines(tiny_screen, others):
    split = splits.hold_out_shared(tiny_screen, others)
    held = set(patient_of_each_response(tiny_screen)) - set(
        patient_of_each_response(tiny_screen)[(split.parts == "train").to_numpy()]
    )
    for other in others:
        assert held & set(patient_of_each_response(other))


def test_validation_and_calibration_are_patients_of_their_own(tiny_screen, others):
    split = splits.hold_out_shared(tiny_screen, others)
    own = [
        set(patient_of_each_response(tiny_screen).iloc[split.rows(part)])
        for part in ("train", "validation", "calibration")
    ]
    assert all(own) and not (own[0] & own[1] or own[0] & own[2] or own[1] & own[2])


def test_the_seed_decides_and_the_order_of_rows_does_not(tiny_screen, others):
    one = splits.hold_out_shared(tiny_screen, others, seed=3)
    order = np.random.default_rng(0).permutation(len(tiny_screen.responses))
    parts = {field.name: getattr(tiny_screen, field.name) for field in dataclasses.fields(Screen)}
    mixed = Screen(**{**parts, "responses": tiny_screen.responses.iloc[order].reset_index(drop=True)})
    two = splits.hold_out_shared(mixed, others, seed=3)
    assert one.parts.to_numpy()[order].tolist() == two.parts.tolist()
    assert splits.hold_out_shared(tiny_screen, others, seed=4).parts.tolist() != one.parts.tolist()


def test_screens_that_share_nothing_are_refused(tiny_screen, small_screen):
    with pytest.raises(SplitError, match="shares no line and no drug with small"):
        splits.hold_out_shared(tiny_screen, [small_screen])
