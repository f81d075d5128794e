"""The suffix says what is written, and no cell of it runs in a spreadsheet."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from bdrp.errors import OutputError
from bdrp.files import tables

HOSTILE = ["=cmd|'/c calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", "nul\0", "odd \ud800", "\ufffe", "＝1", "µ", ""]
FRAME = pd.DataFrame(
    {"name": pd.Series(HOSTILE, dtype=object), "value": -np.linspace(0.1, 1, len(HOSTILE)), "limit": np.nan}
)


def test_each_suffix_gives_its_own_format_with_the_same_numbers(tmp_path: Path) -> None:
    plain = FRAME.assign(name="a")
    for name in ("t.parquet", "t.csv", "t.xlsx", "T.CSV"):
        tables.write(plain, tmp_path / name, {b"bdrp": b"{}"})
        assert tables.columns(tmp_path / name) == ["name", "value", "limit"]
    starts = {name: (tmp_path / name).read_bytes()[:4] for name in os.listdir(tmp_path)}
    assert starts == {"t.parquet": b"PAR1", "t.csv": b'"nam', "t.xlsx": b"PK\x03\x04", "T.CSV": b'"nam'}
    for read in (
        pd.read_parquet(tmp_path / "t.parquet"),
        pd.read_csv(tmp_path / "t.csv"),
    ):
        pd.testing.assert_frame_equal(read, plain, check_dtype=False, rtol=1e-15)
    pd.testing.assert_frame_equal(pd.read_excel(tmp_path / "t.xlsx"), plain, check_dtype=False, rtol=1e-15)
    assert pq.read_schema(tmp_path / "t.parquet").metadata[b"bdrp"] == b"{}"


def test_every_text_of_a_csv_is_quoted_and_no_number_is(tmp_path: Path) -> None:
    tables.write(pd.DataFrame({"name": ["a;=1+1", 'b "c"'], "value": [0.5, 2.0]}), tmp_path / "t.csv", {})
    assert (tmp_path / "t.csv").read_text().splitlines() == ['"name","value"', '"a;=1+1",0.5', '"b ""c""",2.0']


def test_no_cell_of_a_spreadsheet_is_a_formula(tmp_path: Path) -> None:
    tables.write(FRAME, tmp_path / "t.csv", {})
    tables.write(FRAME, tmp_path / "t.xlsx", {})
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        from_csv = [row["name"] for row in csv.DictReader(file)]
    cells = [row[0] for row in openpyxl.load_workbook(tmp_path / "t.xlsx").active.iter_rows(min_row=2)]
    assert [cell.value or "" for cell in cells] == from_csv
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    for text in from_csv:
        assert not text.strip().startswith(tables.FORMULA_STARTS)


@pytest.mark.parametrize("name", ["p", "p.pdf", "p.parquet.gz", "p.xls", ".csv"])
def test_another_suffix_is_refused_with_those_allowed(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"Allowed are .parquet, .csv, .xlsx.*Name the file"):
        tables.check_suffix(tmp_path / name, "The predictions")
    with pytest.raises(OutputError):
        tables.write(FRAME, tmp_path / name, {})
    assert not os.listdir(tmp_path)


def test_more_rows_than_a_sheet_holds_are_refused_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 3)
    with pytest.raises(OutputError, match="cannot hold 11 rows"):
        tables.write(FRAME, tmp_path / "t.xlsx", {})
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("unseen", ["\u200b", "\ufeff", "\u202e", "\u00ad", "\u2060 \u3000", "\t\u200d"])
def test_what_is_not_seen_hides_no_formula(unseen: str) -> None:
    assert tables.neutralised(f"{unseen}=1+1").startswith("'")
    assert not tables.neutralised(f"{unseen}Erlotinib").startswith("'")
    assert tables.neutralised("") == ""
