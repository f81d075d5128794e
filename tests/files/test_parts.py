"""Parts of a long result: gone on with by the same question, lost to none."""

from __future__ import annotations

from pathlib import Path

import pytest

from bdrp.errors import OutputError
from bdrp.files.parts import Parts


def finish(parts: Parts, number: int) -> None:
    parts.path(number).write_text("done")
    parts.keep(number)


def test_the_same_question_finds_its_finished_parts(tmp_path: Path) -> None:
    parts = Parts.open(tmp_path / "p.parquet", "one", 3)
    finish(parts, 1)
    parts.path(2).write_text("whole, but killed before it was noted")
    again = Parts.open(tmp_path / "p.parquet", "one", 3)
    assert again.missing == [0, 2] and again.paths[1].read_text() == "done"
    again.remove()
    assert not list(tmp_path.iterdir())


def test_a_part_that_was_altered_since_is_missing(tmp_path: Path) -> None:
    parts = Parts.open(tmp_path / "p.parquet", "one", 3)
    for number in range(3):
        finish(parts, number)
    parts.path(1).write_text("dome")
    assert Parts.open(tmp_path / "p.parquet", "one", 3).missing == [1]


@pytest.mark.parametrize(("key", "count"), [("two", 3), ("one", 4)])
def test_another_question_is_refused_while_parts_are_finished(tmp_path: Path, key: str, count: int) -> None:
    out = tmp_path / "p.parquet"
    finish(Parts.open(out, "one", 3), 0)
    with pytest.raises(OutputError, match="1 finished parts of an interrupted run that asked for something else"):
        Parts.open(out, key, count)


def test_a_run_that_finished_no_part_is_begun_anew(tmp_path: Path) -> None:
    out = tmp_path / "p.parquet"
    (Parts.open(out, "one", 3).folder / ".part-000000.parquet.killed.part").write_text("half")
    assert Parts.open(out, "two", 5).missing == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["thesis.txt", "part-000001.parquet"])
def test_what_is_no_part_of_it_is_left_alone(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "p.parquet.parts"
    folder.mkdir()
    (folder / name).write_text("mine")
    with pytest.raises(OutputError):
        Parts.open(tmp_path / "p.parquet", "one", 3)
    assert (folder / name).read_text() == "mine"


@pytest.mark.parametrize("name", [".git", "notes.txt"])
def test_what_somebody_put_among_the_parts_outlives_them(tmp_path: Path, name: str) -> None:
    parts = Parts.open(tmp_path / "p.parquet", "one", 1)
    parts.path(0).write_text("a part")
    (parts.folder / ".part-000000.parquet.killed.part").write_text("half")
    (parts.folder / name).write_text("mine")
    parts.remove()
    assert [path.name for path in parts.folder.iterdir()] == [name]
    Parts.open(tmp_path / "other.parquet", "one", 1)
    (tmp_path / "other.parquet.parts" / name).write_text("mine")
    with pytest.raises(OutputError):
        Parts.open(tmp_path / "other.parquet", "two", 1)
    assert (tmp_path / "other.parquet.parts" / name).read_text() == "mine"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.parquet.parts").write_text("mine")
    with pytest.raises(OutputError):
        Parts.open(tmp_path / "p.parquet", "one", 3)
    assert (tmp_path / "p.parquet.parts").read_text() == "mine"
