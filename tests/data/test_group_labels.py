"""What a screen tells of the groups that its drugs and cell lines are in."""

from __future__ import annotations

import pytest

from bdrp import calibration
from bdrp.data import group_labels
from bdrp.data.screen import Screen
from bdrp.errors import DataError


def test_every_grouping_of_the_recalibrators_is_told_by_a_screen(tiny_screen: Screen) -> None:
    for by in calibration.groupings():
        labels = group_labels.read_group_labels(tiny_screen, by)
        assert labels.keys() <= set(tiny_screen.drugs.index) | set(tiny_screen.cell_lines.index)
        assert all(isinstance(label, str) and label for label in labels.values())


def test_tissues_scaffolds_and_laboratories_are_those_of_the_tables(tiny_screen: Screen) -> None:
    tissues, scaffolds = (group_labels.read_group_labels(tiny_screen, by) for by in ("tissue", "scaffold"))
    assert tissues == tiny_screen.cell_lines["tissue"].to_dict()
    keys = tiny_screen.drugs["structure_key"]
    assert scaffolds.keys() == set(keys.index)
    one_each = keys.map(str).groupby(keys).apply(lambda ids: {scaffolds[drug] for drug in ids.index})
    assert one_each.map(len).eq(1).all()  # ids of one structure share its scaffold


def test_a_drug_of_two_laboratories_is_of_both(tiny_screen: Screen) -> None:
    responses = tiny_screen.responses
    first, second, third = responses["drug_id"].drop_duplicates()[:3]
    laboratory = responses["drug_id"].map({first: "A", second: "B"}).fillna("")
    laboratory[(responses["drug_id"] == second).idxmax()] = "A"
    screen = Screen(
        "told",
        tiny_screen.measure,
        responses.assign(laboratory=laboratory),
        tiny_screen.drugs,
        tiny_screen.cell_lines,
        tiny_screen.expression,
    )
    labels = group_labels.read_group_labels(screen, "laboratory")
    assert (labels[first], labels[second]) == ("A", "A + B")
    assert third not in labels


def test_a_screen_that_does_not_know_is_refused(tiny_screen: Screen) -> None:
    responses = tiny_screen.responses.assign(laboratory="")
    tables = tiny_screen.drugs, tiny_screen.cell_lines, tiny_screen.expression
    with pytest.raises(DataError, match="does not tell the laboratory of any"):
        group_labels.read_group_labels(Screen("nameless", tiny_screen.measure, responses, *tables), "laboratory")
