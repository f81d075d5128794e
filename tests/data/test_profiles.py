from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdrp.data import harmonise, joining, randomisation, splits
from bdrp.data.screen import Screen
from bdrp.errors import DataError
from bdrp.studies.execution.run_matrix import fingerprint

Make = Callable[..., Screen]


def marks(lines: list[str], columns: str = "AB") -> pd.DataFrame:
    values = np.arange(len(lines) * len(columns), dtype=np.float32).reshape(len(lines), len(columns))
    return pd.DataFrame(
        values, index=pd.Index(lines, dtype="str", name="cell_line_id"), columns=pd.Index(list(columns), dtype="str")
    )


def with_marks(screen: Screen, table: pd.DataFrame) -> Screen:
    parts = {name: getattr(screen, name) for name in Screen.__dataclass_fields__}
    return Screen(**{**parts, "profiles": {**screen.profiles, "marks": table}})


def test_a_table_alone_is_the_expression(make_screen: Make, parts: Any) -> None:
    expression = parts["profiles"]["expression"]
    screen = make_screen(profiles=expression)
    assert list(screen.profiles) == ["expression", "tissue"]
    pd.testing.assert_frame_equal(screen.expression, expression)


def test_a_line_may_lack_any_profile_but_expression(make_screen: Make, parts: Any) -> None:
    profiles = parts["profiles"] | {"marks": marks(["3", "1"])}
    screen = make_screen(profiles=profiles)
    assert repr(screen).endswith("3 lines x 2 drugs, 4 genes, 2 marks, 1 tissue)")
    assert screen.profiles["marks"].index.tolist() == ["3", "1"]
    with pytest.raises(DataError, match=r"that expression does not know \(3\)"):
        make_screen(profiles={"expression": profiles["expression"].drop("3"), "marks": profiles["marks"]})


@pytest.mark.parametrize(
    "profiles, message",
    [
        (lambda e: {"marks": marks(["1"])}, "profiles hold marks. Every line needs expression"),
        (lambda e: {"expression": e, "marks": marks(["1", "9"])}, r"cell_lines does not know \(9\)"),
        (lambda e: {"expression": e, "marks": marks(["1", "1"])}, r"marks holds 1 duplicated lines \(1\)"),
        (lambda e: {"expression": e, "marks": marks(["1"], "AA")}, r"marks holds 1 duplicated features \(A\)"),
        (lambda e: {"expression": e, "marks": marks(["1"]) / 0}, "marks has .* infinite values"),
        (lambda e: {"expression": e, "marks": marks(["1"]).astype(float)}, "2 features that are not float32"),
        (lambda e: {"expression": e, "copy number": marks(["1"])}, "A profile is named 'copy number'"),
        (lambda e: {"expression": e, "marks": [1]}, "marks is a list. A pandas DataFrame is needed"),
        (lambda e: [e], "profiles is a list"),
    ],
)
def test_profiles_that_are_not_what_a_screen_needs_are_refused(
    profiles: Callable[[pd.DataFrame], Any], message: str, make_screen: Make, parts: Any
) -> None:
    with pytest.raises(DataError, match=message):
        make_screen(profiles=profiles(parts["profiles"]["expression"]))


def test_nobody_changes_a_screens_profiles(small_screen: Screen) -> None:
    with pytest.raises(TypeError):
        small_screen.profiles["marks"] = marks(["1"])  # type: ignore[index]
    taken = small_screen.profiles["expression"]
    taken.iloc[0, 0] = 99.0
    assert small_screen.expression.iloc[0, 0] == 0.0


def test_profiles_survive_a_pickle(small_screen: Screen) -> None:
    screen = with_marks(small_screen, marks(["2"]))
    again = pickle.loads(pickle.dumps(screen))
    pd.testing.assert_frame_equal(again.profiles["marks"], screen.profiles["marks"])


def test_a_further_profile_is_part_of_what_a_screen_is(small_screen: Screen) -> None:
    one, two = (fingerprint(with_marks(small_screen, marks(["1", "2"]) + more))["tables"] for more in (0, 1))
    before = fingerprint(small_screen)["tables"]
    assert before == {name: one[name] for name in before} and one["marks"] != two["marks"]


def test_joining_keeps_lines_that_lack_a_further_profile_and_says_so(small_screen: Screen) -> None:
    notices = joining.Notices()
    profiles = {"expression": small_screen.expression, "marks": marks(["9", "2"]).assign(C=np.float32(np.nan))}
    parts = joining.RawTables(small_screen.responses, small_screen.drugs, small_screen.cell_lines, profiles, {})
    made = joining.join_screen("joined", "ln_ic50_um", parts, notices)
    assert made.responses["cell_line_id"].nunique() == 3
    assert made.profiles["marks"].index.tolist() == ["2"] and list(made.profiles["marks"].columns) == ["A", "B"]
    assert "2 cell lines have no marks (1, 3): they stay." in made.notices
    assert "1 features dropped: no line of the screen has a value (C)." in made.notices


def test_a_profile_of_none_of_the_lines_is_refused_with_the_ids_of_both(small_screen: Screen) -> None:
    tables = {"expression": small_screen.expression, "marks": marks(["ACH-1", "ACH-2"])}
    parts = joining.RawTables(small_screen.responses, small_screen.drugs, small_screen.cell_lines, tables, {})
    with pytest.raises(DataError, match="None of the 3 cell lines has marks: its lines are like ACH-1, ACH-2, the"):
        joining.join_screen("s", "ln_ic50_um", parts, joining.Notices())


def test_shuffled_genes_take_the_further_profiles_along(tiny_screen: Screen) -> None:
    screen = with_marks(tiny_screen, marks(list(tiny_screen.expression.index[:20])))
    shuffled = randomisation.shuffle_screen(screen, splits.make(screen, "pair"), "genes", 0)
    before = {tuple(row): line for line, row in zip(screen.expression.index, screen.expression.to_numpy(), strict=True)}
    taken = {line: before[tuple(row)] for line, row in shuffled.expression.iterrows()}
    assert set(shuffled.profiles["marks"].index) == {
        line for line, one in taken.items() if one in screen.profiles["marks"].index
    }
    for name in ("marks", "tissue"):
        for line, row in shuffled.profiles[name].iterrows():
            assert row.tolist() == screen.profiles[name].loc[taken[str(line)]].tolist()
    assert not shuffled.profiles["tissue"].equals(screen.profiles["tissue"])


def test_the_tissues_of_a_screen_are_always_those_of_its_lines(tiny_screen: Screen) -> None:
    told = tiny_screen.cell_lines["tissue"]
    table = tiny_screen.profiles["tissue"]
    assert table.idxmax(axis=1).to_dict() == told.to_dict()
    moved = replace(tiny_screen, cell_lines=tiny_screen.cell_lines.assign(tissue="Elsewhere"))
    assert moved.profiles["tissue"].columns.tolist() == ["Elsewhere"]
    untold = replace(tiny_screen, cell_lines=tiny_screen.cell_lines.assign(tissue="unknown"))
    assert list(untold.profiles) == ["expression"]


def test_harmonised_screens_share_the_features_of_a_modality_that_both_have(tiny_screen: Screen) -> None:
    lines = list(tiny_screen.expression.index)
    one = with_marks(tiny_screen, marks(lines[:9], "ABC"))
    parts = {name: getattr(tiny_screen, name) for name in Screen.__dataclass_fields__} | {"name": "other"}
    bare = Screen(**parts)
    two = with_marks(bare, marks(lines[4:], "CB"))
    first, second = harmonise.harmonise(one, two).screens
    for screen, before in ((first, one), (second, two)):
        pd.testing.assert_frame_equal(screen.profiles["marks"], before.profiles["marks"][["B", "C"]])
    first, second = harmonise.harmonise(one, bare).screens
    assert list(first.profiles) == ["expression", "marks", "tissue"]
    assert list(second.profiles) == ["expression", "tissue"]
