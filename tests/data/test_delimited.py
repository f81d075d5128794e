"""Separated text: as wide as its header in every line, whole to its end, ids as they are written."""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pytest
from openpyxl import Workbook
from pyarrow import parquet

from bdrp.data import delimited, reading
from bdrp.data.sources import tables
from bdrp.errors import BdrpWarning, DataError

ROWS = "cell_line_id,drug_id,ln_ic50_um\n0012,a,-1.5\n1E05,b,2.5\n0.10,c,3.5\n"


def write(folder: Path, text: str, name: str = "t.csv") -> Path:
    (folder / name).write_bytes(text.encode())
    return folder / name


def test_ids_keep_their_text_in_every_table(tmp_path: Path) -> None:
    ids = ["0012", "1E05", "0.10", "+1", "0906001", "12.100", "1.0010"]
    expression = write(tmp_path, "cell_line_id,G1\n" + "".join(f"{one},{at}\n" for at, one in enumerate(ids)))
    assert tables.read_expression(expression).index.tolist() == ids
    pairs = write(tmp_path, "cell_line_id,drug_id\n" + "".join(f"{one},{one}\n" for one in ids), "pairs.csv")
    assert tables.read_pairs(pairs).to_numpy().tolist() == [[one, one] for one in ids]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (ROWS.replace("1E05,b,2.5", "1E05,b2.5"), r"1 lines have not as many cells.*line 3 has 2 \('1E05,b2.5'\)"),
        (ROWS.replace("1E05,b,2.5", "1E05,b,2.5,1"), "header has 3, line 3 has 4"),
        (ROWS + "0013,d\n", "line 5 has 2"),
    ],
)
def test_a_line_that_is_not_as_wide_as_the_header_is_refused(tmp_path: Path, text: str, seen: str) -> None:
    with pytest.raises(DataError, match=seen):
        reading.read_table(write(tmp_path, text))


def test_a_ragged_line_of_a_matrix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 lines have not as many cells as the header. Its header has 3"):
        tables.read_expression(write(tmp_path, "cell_line_id,G1,G2\na,1,2\nb,1\nc,3,4\n"))


def test_a_file_cut_at_any_byte_is_refused_or_warned_of(tmp_path: Path) -> None:
    begin = ROWS.index("1E05")
    ends = [end for end in range(begin + 1, len(ROWS)) if ROWS[end - 1] != "\n"]  # between two lines nothing tells
    for end in ends:
        with pytest.raises((DataError, BdrpWarning)):
            reading.read_table(write(tmp_path, ROWS[:end]))


@pytest.mark.parametrize(
    "text", ["drug_id,smiles", '"drug_id,smiles', '"drug_id,smiles\n1001,CCO\n', "drug_id,smiles\n"]
)
@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_cut_within_its_header_is_refused(tmp_path: Path, text: str, as_text: bool) -> None:
    with pytest.raises(DataError, match="has a header and no rows|single column"):
        reading.read_table(write(tmp_path, text), text=as_text, published=True)


def test_a_line_longer_than_any_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", 64)
    path = write(tmp_path, "cell_line_id,G1\n" + "L1,2\n" * 40 + "L" * 500 + ",1\n" + "L2,3\n" * 40)
    with pytest.raises(DataError, match=r"t\.csv cannot be read as a comma-separated table: straddling object"):
        reading.read_table(path)


def test_spaces_before_a_quoted_cell_do_not_matter(tmp_path: Path) -> None:
    frame = reading.read_table(write(tmp_path, 'a,b\n1, "x,y"\n2, z\n'))
    assert reading.text(frame, "b").tolist() == ["x,y", "z"]


def test_numbers_are_float32_and_a_column_that_is_not_all_numbers_stays_text(tmp_path: Path) -> None:
    frame = reading.read_table(write(tmp_path, "id,a,b,c\n1,0.5,,x\n2,NA,3,y\n3,1e2,oops,z\n"), text=False)
    assert [str(dtype) for dtype in frame.dtypes] == ["str", "float32", "str", "str"]
    np.testing.assert_array_equal(frame["a"], np.float32([0.5, np.nan, 100]))


def test_numbers_are_the_same_whatever_the_parser(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(0, 10, (20, 5)).astype(np.float32)
    path = tmp_path / "e.csv"
    pd.DataFrame(values, index=pd.Index([f"L{at}" for at in range(20)], name="cell_line_id")).to_csv(path)
    np.testing.assert_array_equal(tables.read_expression(path), pd.read_csv(path, index_col=0).astype(np.float32))


def test_a_workbook_whose_stated_size_is_wrong_loses_no_row(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["a", "b"])
    for at in range(50):
        book.active.append([at, at])
    book.save(tmp_path / "t.xlsx")

    with zipfile.ZipFile(tmp_path / "t.xlsx") as read, zipfile.ZipFile(tmp_path / "u.xlsx", "w") as written:
        for name in read.namelist():
            written.writestr(name, read.read(name).replace(b'ref="A1:B51"', b'ref="A1:A9"'))
    assert reading.read_table(tmp_path / "u.xlsx").shape == (50, 2)


def test_a_pipe_or_a_folder_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for name, seen in (("pipe.csv", "a pipe or a device"), ("", "a folder")):
        with pytest.raises(DataError, match=f"is {seen}. A file is needed"):
            reading.read_table(tmp_path / name)


def test_empty_lines_without_end_are_counted_before_they_are_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "MOST_LINES", 1_000)
    with pytest.raises(DataError, match=r"t.csv has 1,001 lines. At most 1,000 are read"):
        reading.read_table(write(tmp_path, "a,b\n" + ",\n" * 1_000))


def test_bytes_in_parquet_are_read_as_the_text_that_they_are(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    for kind in (pyarrow.binary(), pyarrow.large_binary(), pyarrow.binary(2)):
        parquet.write_table(pyarrow.table({"drug_id": pyarrow.array([b"S1", None], kind), "x": [1, 2]}), path)
        assert reading.ids(reading.read_table(path), "drug_id").tolist() == ["S1", ""]
    parquet.write_table(pyarrow.table({"drug_id": [b"S\xe9"], "x": [1]}), path)
    with pytest.raises(DataError, match="cannot be used"):
        reading.read_table(path)


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_sheet_is_not_the_first(tmp_path: Path, state: str) -> None:
    book = Workbook()
    book.active.append(["drug_id", "x"])
    book.active.append(["old", 1])
    book.active.sheet_state = state
    sheet = book.create_sheet("drugs")
    for row in (["drug_id", "x"], [True, 1], ["#REF!", 2], ["#N/A", 3], ["0012", 4]):
        sheet.append(row)
    book.save(tmp_path / "t.xlsx")
    assert reading.ids(reading.read_table(tmp_path / "t.xlsx"), "drug_id").tolist() == ["TRUE", "", "", "0012"]


@pytest.mark.parametrize("renumber", [{3: 2}, {4: 1}, {2: 3, 3: 2}])
def test_rows_of_a_workbook_that_would_be_skipped_are_refused(tmp_path: Path, renumber: dict[int, int]) -> None:
    whole, odd = tmp_path / "whole.xlsx", tmp_path / "odd.xlsx"
    pd.DataFrame({"id": ["a", "b", "c"], "value": [1, 2, 3]}).to_excel(whole, index=False)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(odd, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            if name.startswith("xl/worksheets/"):
                text = re.sub(
                    rb'<row r="([0-9]+)"', lambda row: b'<row r="%d"' % renumber.get(int(row[1]), int(row[1])), text
                )
            target.writestr(name, text)
    assert len(reading.read_table(whole)) == 3
    with pytest.raises(DataError, match=r"odd.xlsx has a row [12] behind its row [23] \(xl/worksheets/sheet1.xml\)"):
        reading.read_table(odd)
