"""A queue on disk: whole or absent, the same in four formats, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import errno
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdrp.errors import OutputError
from bdrp.files.tables import FORMULA_STARTS, neutralised
from bdrp.predictive import Normal, Predictions
from bdrp.triage import export, places, rank


def queue_of(names: list[str], lines: list[str] | None = None) -> pd.DataFrame:
    size = len(names)
    frame = pd.DataFrame(
        {"cell_line_id": lines or [f"L{i}" for i in range(size)], "drug_id": [f"D{i}" for i in range(size)]}
    )
    moments = np.linspace(-3, -1, size), np.full(size, 0.6), np.full(size, 0.8)
    pred = Normal.from_std(frame, "ln_ic50_um", *moments, unit="ln(µM)")
    return rank(Predictions(pred, pd.DataFrame({"drug_name": names})), budget=size)


HOSTILE = [
    "=cmd|'/c calc'!A0",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    'a,b"c\nd',
    "nul\0",
    "＝1",
    "ok",
]


def test_all_four_files_appear_with_the_same_rows(tmp_path: Path) -> None:
    queue = queue_of(["a", "b", "µ"])
    paths = export(queue, tmp_path / "new" / "queue.csv")
    assert [path.name for path in paths] == ["queue.csv", "queue.xlsx", "queue.jsonl", "queue.parquet"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(path.name for path in paths)
    from_csv = pd.read_csv(paths[0], keep_default_na=False, na_values={"mean": ""})
    from_json = pd.DataFrame([json.loads(line) for line in paths[2].read_text().splitlines()])
    from_parquet = pd.read_parquet(paths[3])
    from_workbook = pd.read_excel(paths[1])
    assert sorted(from_workbook.columns) == sorted(queue.columns)
    for read in (from_csv, from_json, from_parquet, from_workbook[queue.columns]):
        assert list(read.columns) == list(queue.columns)
        assert read["drug_name"].tolist() == queue["drug_name"].tolist()
        np.testing.assert_allclose(read["priority"], queue["priority"], rtol=1e-15)
    assert from_json["upper_limit"].isna().all()
    assert json.loads(pq.read_schema(paths[3]).metadata[b"bdrp"])["unit"] == "ln(µM)"


def test_no_text_cell_of_the_csv_starts_like_a_formula_and_numbers_stay_numbers(tmp_path: Path) -> None:
    path, *_ = export(queue_of(HOSTILE, [f"{name}{i}" for i, name in enumerate(HOSTILE)]), tmp_path / "queue.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(HOSTILE) == path.read_bytes().count(b"\n") - 1
    for row in rows:
        for name in ("cell_line_id", "drug_id", "drug_name", "reasons", "explanation", "nearest_drugs"):
            assert not row[name].strip().startswith(FORMULA_STARTS)
        assert float(row["mean"]) < 0 and row["mean"].startswith("-")


def test_hostile_names_come_back_as_they_are_from_json_and_parquet(tmp_path: Path) -> None:
    *_, jsonl, parquet = export(queue_of(HOSTILE), tmp_path / "queue.csv")
    expected = {name.replace("\0", "?") for name in HOSTILE}
    assert {json.loads(line)["drug_name"] for line in jsonl.read_text(encoding="utf-8").split("\n") if line} == expected
    assert set(pd.read_parquet(parquet)["drug_name"]) == expected


def test_a_comment_that_utf8_cannot_hold_does_not_stop_the_export(tmp_path: Path) -> None:
    queue = queue_of(["a"]).assign(comment=pd.Series(["odd \ud800"], dtype=object), reviewer=None)
    *_, parquet = export(queue, tmp_path / "queue.csv")
    assert pd.read_parquet(parquet)[["comment", "reviewer"]].values.tolist() == [["odd ?", ""]]


@given(st.text())
def test_neutralised_text_never_starts_like_a_formula_and_keeps_its_content(text: str) -> None:
    safe = neutralised(text)
    assert not safe.lstrip().startswith(FORMULA_STARTS)
    assert safe.isprintable() or not text.isprintable()
    assert len(safe) - len(text) in (0, 1)


@pytest.mark.parametrize("name", ["queue.parquet", "queue.jsonl", "queue.xlsx", "queue"])
def test_any_of_the_four_names_gives_all_four(name: str, tmp_path: Path) -> None:
    assert [path.name for path in export(queue_of(["a"]), tmp_path / name)] == [
        "queue.csv",
        "queue.xlsx",
        "queue.jsonl",
        "queue.parquet",
    ]


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot be written as '.ods'. Allowed are .csv, .xlsx, .jsonl, .parquet"):
        export(queue_of(["a"]), tmp_path / "queue.ods")


def test_a_full_disk_leaves_the_old_queue_and_no_debris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(queue_of(["old"]), tmp_path / "queue.csv")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OutputError, match=r"No space left on device.*Free some space"):
        export(queue_of(["new"]), tmp_path / "queue.csv")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_or_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "queue.jsonl").mkdir()
    with pytest.raises(OutputError, match=r"queue.jsonl is a folder"):
        export(queue_of(["a"]), tmp_path / "queue.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be written"):
        export(queue_of(["a"]), tmp_path / "file" / "queue.csv")


@pytest.mark.parametrize("place", [".", "..", "/"])
def test_a_queue_is_not_named_by_a_folder_alone(place):
    with pytest.raises(OutputError, match="a folder. It is a file. Name it"):
        export(queue_of(["a"]), place)


@pytest.mark.parametrize("name", ["queue.csv", "queue.xlsx", "queue.jsonl", "queue.parquet"])
def test_a_queue_replaces_a_queue_that_nobody_has_reviewed_and_nothing_else(tmp_path: Path, name: str) -> None:
    export(queue_of(["old"]), tmp_path / "queue.csv")
    export(queue_of(["new"]), tmp_path / "queue.csv")
    reviewed = queue_of(["reviewed"]).assign(comment="resistant after all")
    export(reviewed, tmp_path / "reviewed.csv")
    (tmp_path / f"reviewed{Path(name).suffix}").replace(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    with pytest.raises(OutputError, match=f"{name} .there is something else"):
        export(queue_of(["newer"]), tmp_path / "queue.csv")
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("name", ["q.csv", "q.xlsx", "q.jsonl", "q.parquet", "q"])
def test_a_queue_does_not_replace_the_predictions_that_it_is_made_of(tmp_path: Path, name: str) -> None:
    (tmp_path / "q.parquet").write_bytes(b"predictions")
    with pytest.raises(OutputError, match="q.parquet .an input of the same command"):
        places(tmp_path / name, [tmp_path / "q.parquet"])
