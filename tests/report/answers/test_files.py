"""An answer is written as its suffix says, over nothing but an earlier answer, and runs in no spreadsheet."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import openpyxl
import pandas as pd
import pytest

from bdrp.errors import OutputError
from bdrp.predictive.readable import write_number
from bdrp.report.answers import sheet, write
from bdrp.report.answers.doses import write_response


def test_a_page_has_its_tables_beside_it_and_they_hold_the_same(few, tmp_path):
    written = write(few, tmp_path / "answer.html")
    assert [path.name for path in written] == ["answer.html", "answer.xlsx", "answer.csv"]
    assert sorted(tmp_path.iterdir()) == sorted(written)
    table = pd.read_csv(tmp_path / "answer.csv")
    pd.testing.assert_frame_equal(table, pd.read_excel(tmp_path / "answer.xlsx"), check_dtype=False)
    assert table["drug_name"].tolist() == list(few.pairs["drug_name"])
    assert write(few, tmp_path / "answer.html") == written  # over an earlier answer


def test_numbers_have_three_digits_and_are_concentrations(few):
    table = sheet.tabulate(few).set_index("drug_name")
    assert table.loc["Sure", "predicted_um"] == 0.135 and table.loc["Sure", "highest_dose_um"] == 10.0
    assert table.loc["Sure", "in_words"] == "IC50 0.135 µM (90 %: 0.0700 to 0.262)"
    assert table.loc["Beyond", "in_words"] == "IC50 > 10 µM (all of the 90 % interval > 10)"
    assert table.loc["Sure", "nearest_other_drugs"] == "Other; one (0.62): not measured"


def test_the_workbook_is_one_to_work_with(few, tmp_path):
    write(few, tmp_path / "answer.xlsx")
    book = openpyxl.load_workbook(tmp_path / "answer.xlsx")
    table, legend = book.worksheets
    assert table.freeze_panes == "D2" and table.auto_filter.ref.startswith("A1:")
    heads = [cell.value for cell in table[1]]
    explained = {row[0].value for row in legend.iter_rows() if row and row[0].value}
    assert {head for head in heads if not head.endswith("_id")} <= explained
    answer, chance = (table.cell(2, heads.index(name) + 1) for name in ("answer", "chance_active"))
    assert answer.fill.fgColor.rgb.endswith("CFE8DF") and chance.number_format == "0.0%"
    assert isinstance(chance.value, float | int)


def test_names_run_in_no_spreadsheet(few, tmp_path):
    name = "=HYPERLINK(1)\n" + "y" * 40_000
    harmful = replace(few, pairs=few.pairs.assign(drug_name=name, drug_id="@SUM(A1)"), name=name)
    harmful = replace(harmful, sources={"Screen": "=cmd()"})
    write(harmful, tmp_path / "answer.html")
    book = openpyxl.load_workbook(tmp_path / "answer.xlsx")
    cells = [cell for page in book.worksheets for row in page.iter_rows() for cell in row if cell.value is not None]
    assert not [cell for cell in cells if cell.data_type == "f" or str(cell.value).startswith(("=", "@"))]
    text = (tmp_path / "answer.csv").read_text()
    assert "'=HYPERLINK(1) y" in text and text.count("\n") == 5


@pytest.mark.parametrize("name", ["answer.txt", "answer", "answer.pdf"])
def test_other_suffixes_are_refused_with_those_that_can_be(few, tmp_path, name):
    with pytest.raises(OutputError, match=r"Allowed are .html with its tables beside it, and .parquet, .csv, .xlsx"):
        write(few, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_is_no_answer_is_kept(few, tmp_path):
    (tmp_path / "answer.csv").write_text("mine,too\n1,2\n")
    with pytest.raises(OutputError, match=r"answer.csv \(there is something else"):
        write(few, tmp_path / "answer.html")
    assert [path.name for path in tmp_path.iterdir()] == ["answer.csv"]


def test_a_table_alone_is_parquet_too(few, tmp_path):
    write(few, tmp_path / "answer.parquet")
    assert list(pd.read_parquet(tmp_path / "answer.parquet")["rank"]) == [1, 2, 3, 4]


def test_no_number_stands_beyond_doses_and_every_other_has_three_digits(few):
    low, high = math.log(0.01), math.log(10.0)
    assert write_response(high + 1e-9, low, high, few.unit) == "> 10"
    assert write_response(low - 1e-9, low, high, few.unit) == "< 0.01"
    assert write_response(high, math.nan, math.nan, few.unit) == "10.0"
    assert [write_number(value) for value in (0.99951, 12.345, 1e5, -0.0123, 0.0)] == [
        "1.00",
        "12.3",
        "100,000",
        "−0.0123",
        "0",
    ]
    assert np.isnan(few.pairs["measured"]).all()
