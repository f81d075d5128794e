"""Decisions are read from every format alike; a row that cannot be used is named, and then nothing is taken."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from bdrp.errors import DataError
from bdrp.triage.decision import FIELDS
from bdrp.triage.review import Asked, read_decisions

DIGEST, EARLIER = "a" * 64, "b" * 64
USUAL = {
    "rank": "1",
    "cell_line_id": "L1",
    "drug_id": "D1",
    "model": DIGEST,
    "decision": "accept",
    "reviewer": "Ann",
    "time": "2026-03-01T10:00:00Z",
}


def write(path: Path, *rows: dict[str, object]) -> Path:
    records = [USUAL | row for row in rows]
    names = list(dict.fromkeys(name for record in records for name in record))
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(records)
    elif path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        book.active.append(names)
        for record in records:
            book.active.append([record.get(name) for name in names])
        book.save(path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        path.write_text(json.dumps({"decisions": records}))
    return path


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "json", "jsonl"])
def test_every_format_says_the_same(tmp_path: Path, asked: Asked, suffix: str) -> None:
    rows = (
        {"decision": "Assay ", "comment": "why, really?", "measured": ">10", "measured_unit": "µM"},
        {"decision": "", "drug_id": "D2"},
        {"decision": "reject", "cell_line_id": "L2", "drug_id": 1003, "time": "2026-03-01T12:00:00+02:00"},
    )
    read = read_decisions(write(tmp_path / f"d.{suffix}", *rows), asked)
    assert tuple(read.columns) == FIELDS and len(read) == 2
    first, second = read.to_dict(orient="records")
    assert (first["decision"], first["comment"], first["measured"]) == ("assay", "why, really?", ">10")
    assert (second["cell_line_id"], second["drug_id"]) == ("L2", "1003")
    assert first["time"] == second["time"] == "2026-03-01T10:00:00Z"


def test_rows_in_which_nothing_is_written_are_no_decisions(tmp_path: Path, asked: Asked) -> None:
    assert read_decisions(write(tmp_path / "d.csv", {"decision": ""}, {"decision": " "}), asked).empty


def test_semicolons_and_a_byte_order_mark_of_european_spreadsheets_are_read(tmp_path: Path, asked: Asked) -> None:
    path = tmp_path / "d.csv"
    path.write_text("cell_line_id;drug_id;decision;reviewer;comment\nL1;D1;accept;Ann;yes, sure\n", "utf-8-sig")
    (read,) = read_decisions(path, asked).to_dict(orient="records")
    assert (read["comment"], read["time"], read["model"]) == ("yes, sure", "", "")


def test_a_spreadsheet_s_own_date_cell_is_a_time(tmp_path: Path, asked: Asked) -> None:
    path = write(tmp_path / "d.xlsx", {"time": pd.Timestamp("2026-03-01 10:00").to_pydatetime()})
    assert read_decisions(path, asked)["time"].tolist() == ["2026-03-01T10:00:00Z"]


def test_an_id_that_was_written_harmless_for_spreadsheets_is_the_id(tmp_path: Path, asked: Asked) -> None:
    path = write(tmp_path / "d.csv", {"drug_id": "'=D"}, {"drug_id": "=D", "cell_line_id": "L2"})
    assert read_decisions(path, asked)["drug_id"].tolist() == ["=D", "=D"]


def test_the_reviewer_of_the_command_line_stands_where_a_row_names_none(tmp_path: Path, asked: Asked) -> None:
    path = write(tmp_path / "d.csv", {"reviewer": ""}, {"reviewer": "Ben", "drug_id": "D2"})
    assert read_decisions(path, asked, reviewer="Cleo")["reviewer"].tolist() == ["Cleo", "Ben"]
    with pytest.raises(DataError, match=r"row 1 \(L1 with D1\): nobody is named as reviewer.*with reviewer"):
        read_decisions(path, asked)


def test_a_model_is_named_by_its_digest_or_the_first_twelve_digits(tmp_path: Path, asked: Asked) -> None:
    rows = {"model": DIGEST[:12]}, {"model": EARLIER, "drug_id": "D2"}, {"model": "", "cell_line_id": "L2"}
    assert read_decisions(write(tmp_path / "d.csv", *rows), asked)["model"].tolist() == [DIGEST, EARLIER, ""]


WRONG = {
    "unknown line": ({"cell_line_id": "L9"}, r"the cell line 'L9' is not known.*give the predictions"),
    "unknown drug": ({"drug_id": "D9"}, "the drug 'D9' is not known"),
    "case": ({"drug_id": "d1"}, "'d1' is not known; did you mean D1"),
    "date": ({"cell_line_id": "1-Mar"}, "a spreadsheet took it for a date"),
    "day": ({"cell_line_id": "2026-03-01 00:00:00"}, "a spreadsheet took it for a date"),
    "zeros": ({"cell_line_id": "12"}, "a spreadsheet dropped the zeros of 0012"),
    "rounded": ({"drug_id": "1E+05"}, "a spreadsheet rounded it"),
    "error value": ({"drug_id": "#NAME?"}, r"drug_id holds #NAME\?, a spreadsheet's error"),
    "error elsewhere": ({"comment": "#REF!"}, "comment holds #REF!, a spreadsheet's error"),
    "no line": ({"cell_line_id": ""}, r"row 2 \(no line with D1\): there is no cell line"),
    "other model": (
        {"model": "c" * 64},
        "it is about another model, ccc.*the model aaaaaaaaaaaa or bbbbbbbbbbbb.*with earlier",
    ),
    "short digest": ({"model": "aaaa"}, "it is about another model, aaaa"),
    "decision": ({"decision": "acept"}, "there is no decision 'acept'; did you mean accept"),
    "other word": ({"decision": "yes"}, "there is no decision 'yes'.*Allowed: decisions accept, reject, assay, skip"),
    "only a comment": ({"decision": "", "comment": "hm"}, "something is written and no decision; .* write skip"),
    "only a value": ({"decision": "", "measured": "3", "measured_unit": "µM"}, "something is written and no decision"),
    "local time": ({"time": "01.03.2026 10:00"}, "'01.03.2026 10:00' is no ISO time such as 2026-03-01T10:30:00Z"),
    "american time": ({"time": "3/1/26 10:00 AM"}, "is no ISO time"),
    "year": ({"time": "0026-03-01"}, "'0026-03-01' is no ISO time"),
    "day number": ({"time": "46082.41"}, "is no ISO time .* a spreadsheet made a day's number of it"),
    "unit": ({"measured": "3"}, "the measured value has no unit"),
    "comma": ({"measured": "0,5", "measured_unit": "µM"}, "write a point for the decimal comma"),
    "said twice": ({"decision": "reject"}, "Ann says reject, and accept in row 1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_row_that_cannot_be_used_is_named_with_what_is_allowed(tmp_path: Path, asked: Asked, case: str) -> None:
    row, said = WRONG[case]
    with pytest.raises(
        DataError, match=rf"d.csv has 1 rows that cannot be used, and nothing was recorded.*{said}"
    ) as no:
        read_decisions(write(tmp_path / "d.csv", {}, row), asked)
    assert "row 2 (" in str(no.value) and "row 1 (" not in str(no.value)


def test_one_refusal_names_all_rows_that_are_wrong(tmp_path: Path, asked: Asked) -> None:
    rows = [{"drug_id": f"X{at}", "decision": "yes"} for at in range(8)]
    with pytest.raises(DataError, match="has 8 rows") as refusal:
        read_decisions(write(tmp_path / "d.csv", *rows), asked)
    assert re.findall(r"row (\d) \(", str(refusal.value)) == ["1", "1", "2", "2", "3", "3", "4", "4", "5", "5"]
    assert "and 6 more" in str(refusal.value)


def test_with_predictions_only_their_pairs_are_known_and_new_lines_are(tmp_path: Path, asked: Asked) -> None:
    pairs = pd.DataFrame({"cell_line_id": ["new", "new", "L1"], "drug_id": ["D1", "D2", "D2"]})
    told = Asked(asked.model, pairs, asked.earlier)
    assert len(read_decisions(write(tmp_path / "d.csv", {"cell_line_id": "new"}), told)) == 1
    with pytest.raises(DataError, match=r"row 1 \(L1 with D1\): this pair is not among the predictions"):
        read_decisions(write(tmp_path / "d.csv", {}), told)
    with pytest.raises(DataError, match="the cell line 'L2' is not known.*Allowed: .* the pairs of the predictions"):
        read_decisions(write(tmp_path / "d.csv", {"cell_line_id": "L2"}), told)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("d.txt", "x", r"cannot be read from d.txt. Allowed are .csv, .xlsx, .json, .jsonl"),
        ("d.csv", "cell_line_id,drug_id\nL1,D1\n", "lacks the columns decision"),
        ("d.json", "{}", "holds no list of decisions"),
        ("d.json", '["accept"]', "holds no list of decisions"),
        ("d.json", '[{"decision": "accept"}]', "record 1, lacks cell_line_id, drug_id"),
        ("d.json", '[{"decision": ["accept"], "cell_line_id": "L1", "drug_id": "D1"}]', "has no text in decision"),
        ("d.json", '[{"decision": NaN}]', "not readable JSON.*NaN"),
        ("d.jsonl", '{"decision": "accept"}\n{', "d.jsonl, line 2 is not readable JSON"),
        ("d.xlsx", "no workbook", "d.xlsx"),
        ("missing.csv", None, "missing.csv"),
        ("missing.json", None, "missing.json cannot be read"),
    ],
)
def test_a_file_that_holds_no_decisions_is_refused(
    tmp_path: Path, asked: Asked, name: str, content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=said):
        read_decisions(tmp_path / name, asked)


def test_hostile_text_of_any_length_stays_text(tmp_path: Path, asked: Asked) -> None:
    comments = ["<script>alert(1)</script>", "=1+1", "x" * 10_000, "\u202eright to left", 'a"b,c\nd', "\ud800"]
    rows = [{"comment": text, "time": f"2026-03-01T10:00:0{at}Z"} for at, text in enumerate(comments)]
    assert read_decisions(write(tmp_path / "d.json", *rows), asked)["comment"].tolist() == [*comments[:-1], "?"]
