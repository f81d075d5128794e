from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bdrp.data import randomisation
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import DataError

TABLES = ("responses", "drugs", "cell_lines", "expression")
CHANGED = {
    "genes": {"expression", "cell_lines"},  # the tissue goes with the line
    "structures": {"drugs"},
    "targets": {"drugs"},
    "doses": {"responses"},
    "labels": {"responses"},
}


@pytest.mark.parametrize("kind", randomisation.KINDS)
def test_one_table_changes_the_same_way_for_the_same_seed(kind: str, tiny_screen: Screen, tiny_split: Split) -> None:
    one, again, other = (randomisation.shuffle_screen(tiny_screen, tiny_split, kind, seed) for seed in (0, 0, 1))
    for name in TABLES:
        same = getattr(one, name).equals(getattr(tiny_screen, name))
        assert same == (name not in CHANGED[kind])
        assert getattr(one, name).equals(getattr(again, name))
    assert not any(getattr(one, name).equals(getattr(other, name)) for name in CHANGED[kind])
    assert f"The {kind} were shuffled on purpose" in one.notices[-1]


def test_every_line_takes_the_whole_expression_of_another(tiny_screen: Screen, tiny_split: Split) -> None:
    before = tiny_screen.expression.to_numpy()
    after = randomisation.shuffle_screen(tiny_screen, tiny_split, "genes", 0).expression.to_numpy()
    taken = [int(np.flatnonzero((before == row).all(axis=1))[0]) for row in after]
    assert sorted(taken) == list(range(len(before)))
    assert all(line != other for line, other in enumerate(taken))


def test_every_compound_takes_another_structure_and_two_ids_of_one_the_same(
    tiny_screen: Screen, tiny_split: Split
) -> None:
    drugs = tiny_screen.drugs
    twin = drugs.index[1]
    drugs.loc[twin, ["smiles", "structure_key"]] = drugs.loc[drugs.index[0], ["smiles", "structure_key"]].to_numpy()
    screen = Screen(
        "twins", tiny_screen.measure, tiny_screen.responses, drugs, tiny_screen.cell_lines, tiny_screen.expression
    )
    after = randomisation.shuffle_screen(screen, tiny_split, "structures", 0).drugs
    assert after.loc[twin, "structure_key"] == after.loc[drugs.index[0], "structure_key"]
    assert set(after["structure_key"]) == set(drugs["structure_key"])
    assert (after["structure_key"] != drugs["structure_key"]).all()
    assert after["name"].equals(drugs["name"])


def test_every_compound_takes_the_targets_and_the_pathway_of_another(tiny_screen: Screen, tiny_split: Split) -> None:
    drugs = tiny_screen.drugs
    told = drugs.assign(target=[f"T{i}" for i in range(len(drugs))], pathway=[f"P{i}" for i in range(len(drugs))])
    screen = replace(tiny_screen, drugs=told)
    after = randomisation.shuffle_screen(screen, tiny_split, "targets", 0).drugs
    assert (after["target"].str[1:] == after["pathway"].str[1:]).all()  # of one and the same compound
    assert set(after["target"]) == set(told["target"]) and (after["target"] != told["target"]).all()
    assert after["structure_key"].equals(told["structure_key"])


def test_every_compound_takes_the_doses_of_another_and_keeps_its_responses(
    tiny_screen: Screen, tiny_split: Split
) -> None:
    before, shuffled = tiny_screen.tested_drugs(), randomisation.shuffle_screen(tiny_screen, tiny_split, "doses", 0)
    after = shuffled.tested_drugs()["upper_limit"]
    assert before["upper_limit"].nunique() > 5
    assert np.sort(after.to_numpy()) == pytest.approx(np.sort(before["upper_limit"].to_numpy()))
    assert (np.abs(after - before["upper_limit"]) > 1e-9).mean() > 0.5  # two compounds may have the same doses
    assert shuffled.responses["response"].equals(tiny_screen.responses["response"])


def test_labels_change_places_with_their_limits_and_the_test_part_keeps_its_own(
    tiny_screen: Screen, tiny_split: Split
) -> None:
    before = tiny_screen.responses[randomisation.LABEL].to_numpy()
    after = randomisation.shuffle_screen(tiny_screen, tiny_split, "labels", 0).responses[randomisation.LABEL].to_numpy()
    test = tiny_split.rows("test")
    assert np.array_equal(before[test], after[test], equal_nan=True)
    rest = np.setdiff1d(np.arange(len(before)), test)
    assert sorted(map(tuple, before[rest].tolist())) == sorted(map(tuple, after[rest].tolist()))
    assert (before[rest, 0] != after[rest, 0]).mean() > 0.9


def test_unused_rows_keep_their_labels(tiny_screen: Screen, tiny_split: Split) -> None:
    parts = tiny_split.parts.copy()
    parts.iloc[::3] = ""
    after = randomisation.shuffle_screen(tiny_screen, replace(tiny_split, parts=parts), "labels", 0).responses[
        "response"
    ]
    assert after.iloc[::3].equals(tiny_screen.responses["response"].iloc[::3])


def test_what_cannot_be_shuffled_is_refused(tiny_screen: Screen, tiny_split: Split, small_screen: Screen) -> None:
    with pytest.raises(
        DataError, match=r"Nothing called 'tissues' can be shuffled. Allowed: genes, structures, targets, doses, labels"
    ):
        randomisation.shuffle_screen(tiny_screen, tiny_split, "tissues", 0)
    drugs = small_screen.drugs
    drugs.loc["b", ["smiles", "structure_key"]] = drugs.loc["a", ["smiles", "structure_key"]].to_numpy()
    alike = Screen(
        "alike", small_screen.measure, small_screen.responses, drugs, small_screen.cell_lines, small_screen.expression
    )
    with pytest.raises(DataError, match="Only 1 of the compounds can be shuffled"):
        randomisation.shuffle_screen(alike, tiny_split, "structures", 0)
