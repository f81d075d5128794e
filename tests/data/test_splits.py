"""Splits never tear a compound or a patient, depend on the seed alone, and say what is wrong."""

from __future__ import annotations

import gzip
import json
import os
import warnings
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bdrp.data.screen import MEASURES, Screen
from bdrp.data.splits import BY, PARTS, Split, check_leaks, from_file, make
from bdrp.data.splits.clusters import (
    assign_clusters,
    compound_of_each_response,
    murcko_scaffold,
    patient_of_each_response,
)
from bdrp.data.splits.folds import deal_into_folds, draw_clusters
from bdrp.errors import BdrpWarning, DataError, OutputError, SplitError

SMILES = [
    ("CCO", "LFQSCWFLJHTTHZ"),
    ("CC(C)O", "KFZMGEQAYNKOFK"),
    ("c1ccccc1", "UHOVQNZJYSORNB"),
    ("Cc1ccccc1", "YXFVVABEGXRONW"),
    ("c1ccncc1", "JUJWROOIHBZHMG"),
    ("c1ccc2ccccc2c1", "UFWIBTONFRDIAS"),
    ("C1CCCCC1", "XDTMQSROBMDMFD"),
    ("C1CCNCC1", "NQRYJNQNLNOLGT"),
    ("c1ccoc1", "YLQBMQCUIZJEEH"),
    ("c1ccsc1", "YTPLMLYBLZKORZ"),
    ("C1CCOC1", "WYURNTSHIVDZCO"),
    ("c1c[nH]cn1", "RAXXELZNTBOGNW"),
]


def tiny_screen(
    lines: int = 12,
    drugs: int = 12,
    *,
    per_patient: int = 1,
    ids: int = 1,
    tissues: int = 6,
    keep: float = 1.0,
    seed: int = 0,
) -> Screen:
    """Every `per_patient` lines share a patient, every `ids` drug ids share a structure."""
    random = np.random.default_rng(seed)
    line_ids, drug_ids = [f"L{i:02d}" for i in range(lines)], [f"D{i:02d}" for i in range(drugs)]
    grid = pd.DataFrame([(a, b) for a in line_ids for b in drug_ids], columns=["cell_line_id", "drug_id"])
    grid = grid[random.random(len(grid)) < keep].sample(frac=1, random_state=seed).reset_index(drop=True)
    responses = grid.assign(
        response=random.normal(size=len(grid)), lower_limit=np.nan, upper_limit=np.nan, laboratory=""
    )
    structures = [SMILES[(i // ids) % len(SMILES)] for i in range(drugs)]
    drug_table = pd.DataFrame(structures, columns=["smiles", "structure_key"], index=pd.Index(drug_ids, name="drug_id"))
    patient = [f"P{i // per_patient:02d}" for i in range(lines)]
    tissue = [f"T{(i // per_patient) % tissues}" for i in range(lines)]
    index = pd.Index(line_ids, name="cell_line_id")
    line_table = pd.DataFrame({"name": line_ids, "tissue": tissue, "patient_id": patient}, index=index)
    expression = pd.DataFrame(random.normal(size=(lines, 2)).astype("float32"), index=index, columns=["A1", "B2"])
    drug_table = drug_table.assign(
        name=drug_ids, target="", pathway="", laboratory=[("north", "south", "south")[i % 3] for i in range(drugs)]
    )[["name", "smiles", "structure_key", "target", "pathway", "laboratory"]]
    return Screen("tiny", MEASURES["ln_ic50_um"], responses, drug_table, line_table, expression)


def with_rows(screen: Screen, responses: pd.DataFrame) -> Screen:
    tables = (responses.reset_index(drop=True), screen.drugs, screen.cell_lines, screen.expression)
    return Screen(screen.name, screen.measure, *tables)


def parts_by_pair(screen: Screen, split: Split) -> dict[tuple[str, str], str]:
    keys = screen.responses
    return dict(zip(zip(keys["cell_line_id"], keys["drug_id"], strict=True), split.parts, strict=True))


screens = st.builds(
    tiny_screen,
    lines=st.integers(8, 16),
    drugs=st.integers(8, 20),
    per_patient=st.integers(1, 3),
    ids=st.integers(1, 2),
    keep=st.floats(0.6, 1.0),
    seed=st.integers(0, 99),
)


@settings(max_examples=60, deadline=None)
@given(screen=screens, by=st.sampled_from(BY), seed=st.integers(0, 5), fold=st.integers(0, 1))
def test_no_split_leaks_and_every_part_holds_something(screen: Screen, by: str, seed: int, fold: int) -> None:
    try:
        split = make(screen, by, seed=seed, fold=fold, folds=2)
    except SplitError as error:
        assert "would be empty" in str(error) or "is empty" in str(error)
        return
    table = pd.DataFrame(
        {
            "patient": patient_of_each_response(screen),
            "compound": compound_of_each_response(screen),
            "part": split.parts,
        }
    )
    used = table[table["part"] != ""]
    if by in ("cell_line", "tissue", "both"):
        assert used.groupby("patient")["part"].nunique().max() == 1
    if by in ("drug", "scaffold", "both"):
        assert used.groupby("compound")["part"].nunique().max() == 1
    assert used.groupby(["patient", "compound"])["part"].nunique().max() == 1
    assert all(len(split.rows(part)) for part in PARTS)


@pytest.mark.parametrize("by", [by for by in BY if by != "both"])
def test_each_group_is_in_exactly_one_test_fold(by: str) -> None:
    screen = tiny_screen(18, 12, per_patient=2)
    tests = [set(make(screen, by, seed=3, fold=fold, folds=3).rows("test")) for fold in range(3)]
    assert sorted(row for test in tests for row in test) == list(range(len(screen.responses)))
    keys = assign_clusters(screen, by)
    named = [set(keys.iloc[sorted(test)]) for test in tests]
    assert not (named[0] & named[1] or named[0] & named[2] or named[1] & named[2])


def test_both_unseen_tests_every_line_and_every_drug_once() -> None:
    screen = tiny_screen(20, 12)
    tested = [screen.responses.iloc[make(screen, "both", fold=fold, folds=3).rows("test")] for fold in range(3)]
    for key in ("cell_line_id", "drug_id"):
        assert sorted(i for rows in tested for i in rows[key].unique()) == sorted(screen.responses[key].unique())


def test_both_unseen_shares_no_line_and_no_drug_between_parts_and_leaves_mixed_pairs_unused() -> None:
    screen = tiny_screen(20, 12)
    split = make(screen, "both", folds=3)
    for key in ("cell_line_id", "drug_id"):
        assert (
            screen.responses[split.parts != ""].groupby(key).apply(lambda r: split.parts[r.index].nunique()).max() == 1
        )
    assert len(split.rows("")) > 0


@settings(max_examples=25, deadline=None)
@given(by=st.sampled_from(BY), order=st.integers(0, 1000))
def test_permuting_the_rows_permutes_the_parts(by: str, order: int) -> None:
    screen = tiny_screen(18, 12, ids=2 if by == "pair" else 1)
    shuffled = with_rows(screen, screen.responses.sample(frac=1, random_state=order))
    options = {"seed": 1, "fold": 1, "folds": 3}
    assert parts_by_pair(screen, make(screen, by, **options)) == parts_by_pair(shuffled, make(shuffled, by, **options))


def test_the_seed_decides_alone() -> None:
    screen = tiny_screen(30, 4)
    first, again, other = (make(screen, "cell_line", seed=seed) for seed in (0, 0, 1))
    assert first.parts.equals(again.parts)
    assert not first.parts.equals(other.parts)


def test_a_golden_fold_pins_the_hash() -> None:
    fold_of = deal_into_folds(pd.Series(1, index=[f"P{i}" for i in range(6)]), 3, "0:cell_line", even=True)
    assert fold_of.sort_index().tolist() == [0, 1, 2, 2, 0, 1]  # from `printf 0:cell_line:P0 | sha256sum` and so on


def test_one_more_cell_line_moves_few_others() -> None:
    more = tiny_screen(101, 2)
    fewer = with_rows(more, more.responses[more.responses["cell_line_id"] != "L100"])
    before, after = (parts_by_pair(s, make(s, "cell_line")) for s in (fewer, more))
    assert sum(after[pair] != part for pair, part in before.items()) <= 0.08 * len(before)


def test_folds_of_uneven_tissues_are_balanced_and_none_is_empty() -> None:
    sizes = pd.Series([900, 500, 300, 200, 150, 120, 80, 40, 20, 10], index=[f"T{i}" for i in range(10)])
    for seed in range(20):
        totals = sizes.groupby(deal_into_folds(sizes, 5, f"{seed}:tissue", even=False)).sum()
        assert len(totals) == 5
        assert totals.drop(totals.idxmax()).max() <= 560


def test_a_drawn_part_is_near_its_share_and_passes_over_a_giant() -> None:
    sizes = pd.Series([1000, *[10] * 50], index=[f"T{i:02d}" for i in range(51)])
    for seed in range(20):
        taken = sizes[draw_clusters(sizes, 0.1, str(seed), leave=1)]
        assert 145 <= taken.sum() <= 155


@pytest.mark.parametrize("by", ["pair", "cell_line", "drug"])
def test_shares_are_kept(by: str) -> None:
    screen = tiny_screen(100, 12) if by != "drug" else tiny_screen(12, 12)
    sizes = {part: len(make(screen, by).rows(part)) / len(screen.responses) for part in PARTS}
    loose = 0.1 if by == "drug" else 0.02
    assert sizes["test"] == pytest.approx(0.2, abs=loose)
    assert sizes["calibration"] == pytest.approx(0.8 * 0.12, abs=loose)
    assert sizes["validation"] == pytest.approx(0.8 * 0.08, abs=loose)


def test_a_part_of_share_zero_is_left_out_on_purpose() -> None:
    split = make(tiny_screen(), "cell_line", validation=0.0, calibration=0.0, folds=3)
    assert {part: len(split.rows(part)) > 0 for part in PARTS} == {
        "train": True, "validation": False, "calibration": False, "test": True
    }  # fmt: skip


def test_replicates_and_ids_of_one_compound_on_one_line_stay_together_by_pair() -> None:
    screen = tiny_screen(10, 12, ids=2)
    screen = with_rows(screen, pd.concat([screen.responses, screen.responses]))
    split = make(screen, "pair")
    keys = screen.responses["cell_line_id"] + compound_of_each_response(screen)
    assert split.parts.groupby(keys).nunique().max() == 1
    assert keys.value_counts().min() == 4


def test_an_acyclic_molecule_is_its_own_scaffold_and_rings_share_theirs() -> None:
    assert murcko_scaffold("CCO", "LFQSCWFLJHTTHZ") == "LFQSCWFLJHTTHZ"
    assert murcko_scaffold("Cc1ccccc1", "x") == murcko_scaffold("Oc1ccccc1", "y") == "c1ccccc1"
    assert murcko_scaffold("N.N.[Cl-].[Cl-].[Pt+2]", "LXZZYRPGZAFOLE") == "LXZZYRPGZAFOLE"


def test_a_scaffold_split_keeps_benzene_and_toluene_together() -> None:
    screen = tiny_screen(6, 12)
    for seed in range(5):
        parts = make(screen, "scaffold", seed=seed).parts.groupby(screen.responses["drug_id"]).first()
        assert parts["D02"] == parts["D03"]


def test_lines_of_unknown_tissue_are_unused_and_told() -> None:
    screen = tiny_screen(12, 3)
    lines = screen.cell_lines.assign(tissue=["unknown", *screen.cell_lines["tissue"][1:]])
    screen = Screen("tiny", screen.measure, screen.responses, screen.drugs, lines, screen.expression)
    split = make(screen, "tissue", folds=3)
    assert set(screen.responses.iloc[split.rows("")]["cell_line_id"]) == {"L00"}
    assert "3 responses on lines of unknown tissue are unused" in split.description


def test_tissues_joined_by_one_patient_are_held_out_together() -> None:
    screen = tiny_screen(12, 3)
    lines = screen.cell_lines.copy()
    lines.loc["L01", "patient_id"] = lines.loc["L00", "patient_id"]
    screen = Screen("tiny", screen.measure, screen.responses, screen.drugs, lines, screen.expression)
    assert assign_clusters(screen, "tissue").nunique() == 5
    make(screen, "tissue", folds=2)


@pytest.mark.parametrize(
    ("lines", "drugs", "by", "said"),
    [
        (12, 1, "drug", "1 compounds for 5 folds"),
        (1, 12, "cell_line", "1 patients for 5 folds"),
        (12, 1, "both", "1 compounds for 5 folds"),
        (4, 1, "pair", "4 patient and compound pairs for 5 folds"),
        (12, 12, "tissue", "would be empty"),
    ],
)
def test_too_few_groups_say_which_part_how_many_and_what_to_do(lines: int, drugs: int, by: str, said: str) -> None:
    with pytest.raises(SplitError, match=said) as caught:
        make(tiny_screen(lines, drugs, tissues=2), by)
    assert "part" in str(caught.value) and "fewer folds" in str(caught.value)


def test_groups_that_suffice_for_folds_but_not_for_parts_name_the_starved_part() -> None:
    with pytest.raises(SplitError, match="The calibration part .* of 3 patients, 2 are left"):
        make(tiny_screen(3, 4), "cell_line", folds=3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "random"}, "no split by 'random'"),
        ({"by": "pair", "fold": 5}, "numbered 0 to 4"),
        ({"by": "pair", "folds": 1}, "at least 2"),
        ({"by": "pair", "validation": 0.5, "calibration": 0.5}, "leave nothing to train on"),
        ({"by": "pair", "validation": float("nan")}, "leave nothing to train on"),
        ({"by": "pair", "calibration": -0.1}, "leave nothing to train on"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(SplitError, match=said):
        make(tiny_screen(), **options)  # type: ignore[arg-type]


def planted(screen: Screen, by: str, moved: pd.Series) -> Split:
    split = make(screen, by, folds=3)
    part = split.parts.mask(moved & (split.parts == "test"), "train")
    return Split(by, part, 0, 0, 3, "planted", split.keys)


def test_a_planted_patient_is_found_by_name() -> None:
    screen = tiny_screen(18, 4, per_patient=2)
    line = screen.responses["cell_line_id"].iloc[make(screen, "cell_line", folds=3).rows("test")[0]]
    leaky = planted(screen, "cell_line", screen.responses["cell_line_id"] == line)
    with pytest.raises(SplitError, match=f"1 patient in more than one part: .*{line} in train"):
        check_leaks(screen, leaky)


def test_a_planted_compound_under_two_ids_is_found_by_name() -> None:
    screen = tiny_screen(4, 20, ids=2)
    drug = screen.responses["drug_id"].iloc[make(screen, "drug", folds=3).rows("test")[0]]
    with pytest.raises(SplitError, match=f"1 compound in more than one part: .*{drug} in train"):
        check_leaks(screen, planted(screen, "drug", screen.responses["drug_id"] == drug))


def test_a_planted_row_of_both_unseen_tears_its_patient_and_its_compound() -> None:
    screen = tiny_screen(18, 12)
    first = screen.responses.index == make(screen, "both", folds=3).rows("test")[0]
    with pytest.raises(SplitError, match="1 patient in more than one part.* 1 compound in more than one part"):
        check_leaks(screen, planted(screen, "both", pd.Series(first)))


@pytest.mark.parametrize(
    ("by", "key", "torn"),
    [
        ("tissue", "cell_line_id", ["1 patient in more", "1 tissue in more"]),
        ("scaffold", "drug_id", ["1 compound in more", "1 scaffold in more"]),
    ],
)
def test_a_planted_tissue_or_scaffold_is_found_row_by_row_and_member_by_member(
    by: str, key: str, torn: list[str]
) -> None:
    # A row torn from its line (or drug) tears both; a line (or drug) torn from its tissue (or scaffold) that one alone.
    screen = tiny_screen(18, 12)
    keys, found = screen.responses[key], assign_clusters(screen, by)
    tested = keys.iloc[make(screen, by, folds=3).rows("test")]
    shared = next(each for each in tested.unique() if keys[found.eq(found[keys == each].iloc[0])].nunique() > 1)
    row = pd.Series(screen.responses.index == keys[keys == shared].index[0])
    with pytest.raises(SplitError) as caught:
        check_leaks(screen, planted(screen, by, row))
    assert all(sentence in str(caught.value) for sentence in torn)
    with pytest.raises(SplitError, match=f"^{torn[1]} than one part: .*{shared} in train"):
        check_leaks(screen, planted(screen, by, keys == shared))


def test_a_planted_repeat_of_a_pair_is_found() -> None:
    screen = tiny_screen(6, 12, ids=2)
    first = screen.responses.index == make(screen, "pair", folds=3).rows("test")[0]
    with pytest.raises(SplitError, match="1 measured pair in more than one part"):
        check_leaks(screen, planted(screen, "pair", pd.Series(first)))


def write(path: Path, rows: str) -> Path:
    path.write_text("cell_line_id,drug_id,part\n" + rows)
    return path


@pytest.mark.parametrize("by", BY)
def test_a_saved_split_is_read_back_the_same(by: str, tmp_path: Path) -> None:
    screen = tiny_screen(20, 12)
    split = make(screen, by, folds=3)
    split.save(tmp_path / "split.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = from_file(screen, tmp_path / "split.csv")
    assert read.parts.equals(split.parts)
    assert read.by == "file"


def test_a_summary_counts_each_part_and_goes_through_json() -> None:
    screen = tiny_screen(10, 12)
    summary = json.loads(json.dumps(make(screen, "cell_line").summary()))
    assert summary["parts"]["test"] == {"responses": 24, "pairs": 24, "cell_lines": 2, "drugs": 12}
    assert sum(part["responses"] for part in summary["parts"].values()) == 120
    assert (summary["by"], summary["fold"], summary["folds"]) == ("cell_line", 0, 5)


def test_numeric_ids_that_a_spreadsheet_made_floats_are_found(tmp_path: Path) -> None:
    screen = renamed(tiny_screen(8, 3))
    rows = "".join(f"9068{i:02d}.0,D{d:02d},{part_of(i)}\n" for i in range(8) for d in range(3))
    split = from_file(screen, write(tmp_path / "s.csv", rows))
    assert len(split.rows("test")) == 6 and len(split.rows("")) == 0


def part_of(line: int) -> str:
    return "test" if line < 2 else "calibration" if line == 2 else "validation" if line == 3 else "train"


def renamed(screen: Screen) -> Screen:
    new = {line: f"9068{line[1:]}" for line in screen.cell_lines.index}
    responses = screen.responses.assign(cell_line_id=screen.responses["cell_line_id"].map(new))
    lines = screen.cell_lines.rename(index=new).assign(patient_id=list(new.values()))
    return Screen("tiny", screen.measure, responses, screen.drugs, lines, screen.expression.rename(index=new))


@pytest.mark.parametrize(
    ("tested", "kind"),
    [(lambda i, d: i < 3, "cell_line"), (lambda i, d: d < 3, "drug"), (lambda i, d: (i + d) % 5 == 0, "pair")],
)
def test_parts_that_a_file_lacks_are_drawn_by_what_it_holds_out(tested: object, kind: str, tmp_path: Path) -> None:
    screen = tiny_screen(12, 12)
    rows = "".join(f"L{i:02d},D{d:02d},{'test' if tested(i, d) else 'train'}\n" for i in range(12) for d in range(12))  # type: ignore[operator]
    split = from_file(screen, write(tmp_path / "s.csv", rows))
    assert f"Validation and calibration drawn from train by {kind}" in split.description
    assert all(len(split.rows(part)) for part in PARTS)
    check_leaks(screen, split)
    keys = assign_clusters(screen, kind)
    assert set(keys.iloc[split.rows("calibration")]).isdisjoint(keys.iloc[split.rows("train")])


def test_a_file_of_both_unseen_gets_a_both_unseen_calibration(tmp_path: Path) -> None:
    screen = tiny_screen(12, 12)
    rows = "".join(
        f"L{i:02d},D{d:02d},{'test' if i < 3 else 'train'}\n"
        for i in range(12)
        for d in range(12)
        if (i < 3) == (d < 3)
    )
    with pytest.warns(BdrpWarning, match="54 of the 144 responses"):
        split = from_file(screen, write(tmp_path / "s.csv", rows))
    train, calibration = (screen.responses.iloc[split.rows(part)] for part in ("train", "calibration"))
    assert set(train["cell_line_id"]).isdisjoint(calibration["cell_line_id"])
    assert set(train["drug_id"]).isdisjoint(calibration["drug_id"])


def test_unknown_ids_and_unlisted_pairs_are_counted_and_listed(tmp_path: Path) -> None:
    screen = tiny_screen(8, 3)
    rows = (
        "".join(f"L{i:02d},D{d:02d},{part_of(i)}\n" for i in range(8) for d in range(2))
        + "HELA,D00,train\nL00,NO1,test\n"
    )
    with pytest.warns(BdrpWarning, match=r"1 cell lines .*HELA.*; 1 drugs .*NO1.*; not 8 of the 24 responses"):
        split = from_file(screen, write(tmp_path / "s.csv", rows))
    assert len(split.rows("")) == 8


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("L00,D00,train\nL00,D00,test\n", "1 pairs are listed in two parts .*L00 with drug D00 in train and test"),
        ("L00,D00,train\nL01,D00,testing\n", "1 rows .* name no part .line 3: testing"),
        ("L00,D00,train\n,D00,test\n", "1 rows .* lack an id .line 3"),
        ("HELA,D00,train\n", "No pair of s.csv was measured"),
        ("L00,D00,train\n", "The test part of a split by file is empty"),
        ("L00,D00,test\n", "The train part of a split by file is empty"),
        ("L00,D00,train\nL01,D00,test\n", "cannot give one"),
    ],
)
@pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")
def test_bad_rows_are_refused_by_name(rows: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SplitError, match=said):
        from_file(tiny_screen(), write(tmp_path / "s.csv", rows))


def test_a_file_is_read_as_every_other_table_is(tmp_path: Path) -> None:
    screen = tiny_screen(8, 3)
    rows = "".join(f"L{i:02d},D{d:02d},{part_of(i)}\n" for i in range(8) for d in range(3))
    text = write(tmp_path / "s.csv", rows).read_text()
    split = from_file(screen, tmp_path / "s.csv")
    for name, content in (
        ("semicolons.csv", text.replace(",", ";").encode()),
        ("tabs.csv", text.replace(",", "\t").encode()),
        ("wide.csv", text.encode("utf-16")),
        ("packed.csv", gzip.compress(text.encode())),
    ):
        (tmp_path / name).write_bytes(content)
        assert from_file(screen, tmp_path / name).parts.equals(split.parts)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace(",part", ""), "3 in its first row"),
        (lambda text: text.replace("L05,D01,train", "L05,D01,train,1", 1), "not as many cells as the header"),
        (lambda text: text.replace("L05,D01,train", "L05,D01", 1), "not as many cells as the header"),
        (lambda text: "".join(f"{line},part\n" for line in text.splitlines()), "duplicated columns"),
    ],
)
def test_rows_that_are_not_as_wide_as_the_header_are_refused(
    change: Callable[[str], str], said: str, tmp_path: Path
) -> None:
    rows = "".join(f"L{i:02d},D{d:02d},{part_of(i)}\n" for i in range(8) for d in range(3))
    text = write(tmp_path / "s.csv", rows).read_text()
    (tmp_path / "s.csv").write_text(change(text))
    with pytest.raises(DataError, match=said):
        from_file(tiny_screen(8, 3), tmp_path / "s.csv")


def test_a_file_that_was_cut_short_is_warned_of(tmp_path: Path) -> None:
    rows = "".join(f"L{i:02d},D{d:02d},{part_of(i)}\n" for i in range(8) for d in range(3))
    path = write(tmp_path / "s.csv", rows)
    path.write_text(path.read_text()[:-1])
    with pytest.warns(BdrpWarning, match="ends within a line"):
        from_file(tiny_screen(8, 3), path)


@pytest.mark.parametrize("content", [None, b"", b"\x1f\x8b\x08\x00broken", b"\xff\xfe\x00\x01"])
def test_a_missing_or_broken_file_is_told(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / ("s.csv.gz" if content and content[:2] == b"\x1f\x8b" else "s.csv")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read|is empty|damaged|single column"):
        from_file(tiny_screen(), path)


def test_a_leaking_file_is_refused_or_warned_about_on_request(tmp_path: Path) -> None:
    screen = tiny_screen(8, 3, per_patient=2)
    rows = "".join(f"L{i:02d},D{d:02d},{part_of(i + 1)}\n" for i in range(8) for d in range(3))
    path = write(tmp_path / "s.csv", rows)
    with pytest.raises(SplitError, match="The split file leaks: 2 patients in more than one part: P00"):
        from_file(screen, path)
    with pytest.warns(BdrpWarning, match="scores are too good"):
        assert from_file(screen, path, allow_leaks=True).parts.isin(PARTS).all()


def test_saving_where_nothing_can_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "file" / "split.csv"):
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="could not be written"):
            make(tiny_screen(), "pair").save(path)
    (tmp_path / "file").unlink()
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_split_is_saved_over_a_split_and_over_nothing_else(tmp_path: Path) -> None:
    split = make(tiny_screen(), "pair")
    split.save(tmp_path / "s.csv")
    split.save(tmp_path / "s.csv")
    (tmp_path / "s.csv").write_text("cell_line_id,drug_id,response\n")
    with pytest.raises(OutputError, match=r"s.csv .there is something else"):
        split.save(tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text() == "cell_line_id,drug_id,response\n"


def test_a_split_refuses_unknown_parts_and_unknown_rows() -> None:
    split = make(tiny_screen(), "pair")
    with pytest.raises(SplitError, match="no part 'tests'"):
        split.rows("tests")
    with pytest.raises(SplitError, match="parts named"):
        Split("pair", split.parts.replace("test", "holdout"), 0, 0, 5, "", split.keys)
    with pytest.raises(SplitError, match="143 parts|143 responses"):
        Split("pair", split.parts, 0, 0, 5, "", split.keys[1:])


def test_published_folds_are_those_of_the_hash_of_each_key() -> None:
    screen = tiny_screen(40, 12)
    first = screen.cell_lines.index.to_series().groupby(screen.cell_lines["patient_id"]).min()
    line = patient_of_each_response(screen).map(first)
    keys = {
        "cell": line,
        "drug": compound_of_each_response(screen),
        "tissue": assign_clusters(screen, "tissue"),
        "pair": None,
    }
    keys["pair"] = line + ":" + compound_of_each_response(screen)
    for kind, key in keys.items():
        hashed = key.map(lambda one, kind=kind: int(sha256(f"v1:{kind}:{one}".encode()).hexdigest(), 16) % 2)
        by = {"cell": "cell_line"}.get(kind, kind)
        split = make(screen, by, fold=1, folds=2, partition="published", validation=0, calibration=0)
        placed = assign_clusters(screen, by).ne("").to_numpy()
        assert ((split.parts == "test").to_numpy() == (hashed == 1).to_numpy())[placed].all()


def test_what_is_no_screen_is_refused_in_words() -> None:
    with pytest.raises(SplitError, match="A split is of a screen, and 'simulated' is none"):
        make("simulated", "cell_line")  # type: ignore[arg-type]


def test_a_partition_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(SplitError, match="partition is 'random'. Choose drawn or published"):
        make(tiny_screen(), "pair", partition="random")


def test_a_pipe_is_no_split_file_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "split.csv")
    with pytest.raises(DataError, match="is a pipe or a device. A file is needed"):
        from_file(None, tmp_path / "split.csv")
