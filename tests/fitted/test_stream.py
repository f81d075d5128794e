"""Predictions part by part: the same rows as at once, whatever the parts, and the same file after an interruption."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet as arrow

from bdrp.data.screen import Screen
from bdrp.errors import DataError, OutputError
from bdrp.files import tables as written_tables
from bdrp.files.parts import Parts
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.predict import ask, predict
from bdrp.fitted.question import BYTES_A_DRUG, BYTES_A_PAIR, Question
from bdrp.fitted.stream import GIB, stream
from bdrp.predictive import Predictions, load
from bdrp.predictive.selection import Selection

KEYS = ["cell_line_id", "drug_id"]


@pytest.fixture(scope="module")
def model(trained: tuple[TrainedModel, Path]) -> TrainedModel:
    return TrainedModel.load(trained[1])


@pytest.fixture(scope="module")
def question(model: TrainedModel, tiny_screen: Screen) -> Question:
    return ask(model, screen=tiny_screen)


def memory(drugs: int, lines: int = 36) -> float:
    """GiB in which a part has so many drugs."""
    return (drugs * (lines * BYTES_A_PAIR + BYTES_A_DRUG) + 1) / GIB


def sorted_rows(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(KEYS, ignore_index=True)


def assert_close(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(sorted_rows(one), sorted_rows(other), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("drugs", [1, 5, 12])
def test_parts_hold_the_rows_that_are_predicted_at_once(question: Question, tmp_path: Path, drugs: int) -> None:
    said = stream(question, tmp_path / "p.parquet", memory=memory(drugs))
    assert said.asked == said.kept == 36 * 12
    at_once, loaded = question.answer(), Predictions.load(tmp_path / "p.parquet")
    assert_close(loaded.to_frame(), at_once.to_frame())
    assert loaded.model == at_once.model != ""
    assert arrow.ParquetFile(tmp_path / "p.parquet").num_row_groups == -(-12 // drugs)
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


def test_one_part_is_the_very_file_that_is_saved_at_once(question: Question, tmp_path: Path) -> None:
    stream(question, tmp_path / "part.parquet")
    question.answer().save(tmp_path / "once.parquet")
    assert (tmp_path / "part.parquet").read_bytes() == (tmp_path / "once.parquet").read_bytes()


def test_named_pairs_keep_their_order_in_parts(model: TrainedModel, tiny_screen: Screen, tmp_path: Path) -> None:
    pairs = tiny_screen.responses[KEYS].drop_duplicates().sample(90, random_state=0)
    asked = ask(model, screen=tiny_screen, pairs=pairs)
    few = (12 * BYTES_A_DRUG + 40 * BYTES_A_PAIR) / GIB
    assert [len(asked.answer(part).context) for part in asked.parts(int(GIB * 2 * few))][:1] == [90]
    stream(asked, tmp_path / "p.parquet", memory=(BYTES_A_DRUG + BYTES_A_PAIR) * 40 / GIB)
    found = load(tmp_path / "p.parquet")
    pd.testing.assert_frame_equal(found.keys, pairs.reset_index(drop=True), check_dtype=False)
    np.testing.assert_allclose(found.mean, asked.answer().distribution.mean, rtol=1e-5)


@pytest.mark.parametrize(("drugs", "given"), [(100, 10**7), (3, 10**6), (50_000, 10**7)])
def test_no_part_takes_more_memory_than_was_given(question: Question, drugs: int, given: int) -> None:
    many = pd.DataFrame({"drug_id": np.arange(drugs).astype(str)}).set_index("drug_id")
    grid = Question(question.model, many, question.lines, question.by_line, None, None)
    pairs = pd.DataFrame({"cell_line_id": "1", "drug_id": np.resize(np.asarray(many.index), 3 * drugs)})
    named = Question(question.model, many, question.lines, question.by_line, pairs, None)
    for asked, count, cost in ((grid, drugs, 36 * BYTES_A_PAIR + BYTES_A_DRUG), (named, 3 * drugs, BYTES_A_PAIR)):
        parts = asked.parts(given)
        assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
        assert (parts[0].start, parts[-1].stop) == (0, count)
        size = parts[0].stop
        alone = 0 if asked is grid else min(size, drugs) * BYTES_A_DRUG
        assert size * cost + alone <= given


def test_what_was_interrupted_goes_on_to_the_very_same_file(
    question: Question, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream(question, tmp_path / "whole.parquet", memory=memory(2))
    answer, answered = Question.answer, []

    def interrupted(self: Question, part: slice) -> Predictions:
        if len(answered) == 3:
            raise KeyboardInterrupt
        answered.append(part)
        return answer(self, part)

    monkeypatch.setattr(Question, "answer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stream(question, tmp_path / "p.parquet", memory=memory(2))
    assert not (tmp_path / "p.parquet").exists()
    answered.clear()
    monkeypatch.setattr(Question, "answer", lambda self, part: answered.append(part) or answer(self, part))
    told: list[tuple[int, int]] = []
    said = stream(question, tmp_path / "p.parquet", memory=memory(2), report=lambda *count: told.append(count))
    assert said.resumed == 3 and len(answered) == 3 and told == [(3, 6), (4, 6), (5, 6), (6, 6)]
    assert (tmp_path / "p.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert not (tmp_path / "p.parquet.parts").exists()


def begin(question: Question, out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Finish two parts of six, and stop."""
    answer = Question.answer

    def stop(self: Question, part: slice) -> Predictions:
        if part.start == 4:
            raise KeyboardInterrupt
        return answer(self, part)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Question, "answer", stop)
        stream(question, out, memory=memory(2))
    return out.with_name(f"{out.name}.parts")


def test_parts_of_another_question_are_never_taken_nor_lost(
    model: TrainedModel, question: Question, tiny_screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "p.parquet"
    begin(question, out, monkeypatch)
    renamed = tiny_screen.tested_drugs().assign(name="another")
    others = {
        "other drugs": (ask(model, screen=tiny_screen, drugs=renamed), memory(2), None),
        "another laboratory": (ask(model, screen=tiny_screen, laboratory="other"), memory(2), None),
        "another memory": (question, memory(3), None),
        "another selection": (question, memory(2), Selection(top=2)),
        "other lines": (ask(model, screen=tiny_screen, expression=tiny_screen.expression + 0.01), memory(2), None),
    }
    for asked, given, selection in others.values():
        with pytest.raises(OutputError, match=r"2 finished parts of an interrupted run that asked for something else"):
            stream(asked, out, memory=given, selection=selection)
    assert stream(question, out, memory=memory(2)).resumed == 2


@pytest.mark.parametrize("how", ["cut", "swapped", "linked", "plan"])
def test_a_part_that_is_not_what_was_written_is_made_anew(
    question: Question, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    out = tmp_path / "p.parquet"
    folder = begin(question, out, monkeypatch)
    zero, one = (folder / f"part-00000{number}.parquet" for number in range(2))
    if how == "cut":
        one.write_bytes(one.read_bytes()[:-40])
    elif how == "swapped":
        content = zero.read_bytes()
        zero.write_bytes(one.read_bytes())
        one.write_bytes(content)
    elif how == "linked":
        one.rename(tmp_path / "elsewhere.parquet")
        one.symlink_to(tmp_path / "elsewhere.parquet")
    else:
        plan = folder / "parts.json"
        plan.write_text(plan.read_text().replace('"finished"', '"finishes"'))
        with pytest.raises(OutputError, match="2 finished parts"):
            stream(question, out, memory=memory(2))
        return
    assert stream(question, out, memory=memory(2)).resumed == {"cut": 1, "swapped": 0, "linked": 1}[how]
    stream(question, tmp_path / "whole.parquet", memory=memory(2))
    assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_part_that_is_damaged_meanwhile_is_named(
    question: Question, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = Parts.keep

    def keep_and_damage(self: Parts, number: int) -> None:
        keep(self, number)
        self.path(number).write_bytes(self.path(number).read_bytes()[:-40])

    monkeypatch.setattr(Parts, "keep", keep_and_damage)
    with pytest.raises(OutputError, match=r"part-000000.parquet is damaged.*Remove the damaged one"):
        stream(question, tmp_path / "p.parquet", memory=memory(2))


def test_a_users_folder_in_the_place_of_parts_is_left_alone(question: Question, tmp_path: Path) -> None:
    (tmp_path / "p.parquet.parts").mkdir()
    (tmp_path / "p.parquet.parts" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"would be lost: thesis\.txt"):
        stream(question, tmp_path / "p.parquet")
    assert (tmp_path / "p.parquet.parts" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("per", ["line", "drug"])
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_the_lowest_of_all_parts_are_those_of_the_whole(
    question: Question, tmp_path: Path, per: str, suffix: str
) -> None:
    selection = Selection(top=3, per=per, below=0.5)
    said = stream(question, tmp_path / f"p{suffix}", memory=memory(2), selection=selection)
    everything = question.answer().to_frame()
    group = {"line": "cell_line_id", "drug": "drug_id"}[per]
    low = everything[everything["q50"] < 0.5].sort_values("q50").groupby(group).head(3)
    read = pd.read_parquet if suffix == ".parquet" else pd.read_csv
    found = read(tmp_path / f"p{suffix}").astype({key: str for key in KEYS})
    assert 0 < said.kept == len(found) < said.asked
    assert_close(found[KEYS + ["q50"]], low[KEYS + ["q50"]].astype({key: str for key in KEYS}))
    if suffix == ".parquet":
        np.testing.assert_allclose(load(tmp_path / "p.parquet").quantile(0.5), found["q50"], rtol=1e-6)


def test_nothing_below_is_a_file_without_rows(question: Question, tmp_path: Path) -> None:
    assert stream(question, tmp_path / "p.parquet", memory=memory(5), selection=Selection(below=-99.0)).kept == 0
    assert len(load(tmp_path / "p.parquet")) == 0


def test_another_laboratory_is_said_of_all_parts(model: TrainedModel, tiny_screen: Screen, tmp_path: Path) -> None:
    asked = ask(model, screen=tiny_screen, laboratory="other")
    said = stream(asked, tmp_path / "p.parquet", memory=memory(2))
    loaded, at_once = Predictions.load(tmp_path / "p.parquet"), predict(model, screen=tiny_screen, laboratory="other")
    assert said.laboratory == loaded.laboratory and loaded.laboratory is not None and at_once.laboratory is not None
    assert loaded.laboratory["width_ratio"] == pytest.approx(at_once.laboratory["width_ratio"], rel=0.1)
    assert loaded.laboratory["from"] == at_once.laboratory["from"]


def test_lines_are_prepared_once_for_all_parts(
    model: TrainedModel, tiny_screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    scaler = type(model.features.scalers["expression"])
    transform = scaler.transform
    monkeypatch.setattr(scaler, "transform", lambda self, table: counted.append(len(table)) or transform(self, table))
    stream(ask(model, screen=tiny_screen), tmp_path / "p.parquet", memory=memory(1))
    assert counted == [36]


def test_more_memory_than_is_free_is_refused(question: Question, tmp_path: Path) -> None:
    for wrong in (0.0, -1.0, 1e9, float("nan")):
        with pytest.raises(DataError, match=r"at most the .* GiB that are free. Ask for less, such as memory 0.25"):
            stream(question, tmp_path / "p.parquet", memory=wrong)
    assert not list(tmp_path.iterdir())


def test_a_workbook_of_too_many_rows_is_refused_before_any_is_predicted(
    question: Question, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written_tables, "MOST_ROWS", 400)
    with pytest.raises(OutputError, match=r"cannot hold 432 rows.*top or below"):
        stream(question, tmp_path / "p.xlsx")
    assert not list(tmp_path.iterdir())


def test_pairs_that_name_what_is_unknown_are_refused_at_the_door(model: TrainedModel, tiny_screen: Screen) -> None:
    pairs = tiny_screen.responses[KEYS].head(5)
    for key in KEYS:
        with pytest.raises(DataError, match=f"5 pairs have a {key} with no"):
            ask(model, screen=tiny_screen, pairs=pairs.assign(**{key: "nobody"}))
