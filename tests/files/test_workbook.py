"""Workbooks that people open: the header stays in view, columns are as wide as needed, numbers stay numbers."""

from __future__ import annotations

import numpy as np
import openpyxl
import pandas as pd

from bdrp.files import tables
from bdrp.files.workbook import Look

FRAME = pd.DataFrame({"name": ["a", "b"], "count": [1, 2], "share": [0.5, np.nan], "inf": [np.inf, 1.0]})


def test_a_plain_table_has_a_frozen_header_and_filters(tmp_path):
    tables.write(FRAME, tmp_path / "t.xlsx", {})
    (sheet,) = openpyxl.load_workbook(tmp_path / "t.xlsx").worksheets
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:D3")
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["name", "count", "share", "inf"], ["a", 1, 0.5, None], ["b", 2, None, 1.0],
    ]  # fmt: skip


def test_a_legend_is_a_sheet_of_its_own_and_columns_are_as_wide_as_their_words(tmp_path):
    wide = FRAME.assign(name=["a" * 30, "b" * 500])
    look = Look({"name": "who"}, {"made": "today"}, {"share": "0%"}, {"name": {"a" * 30: "FF0000"}}, frozen=1)
    tables.write(wide, tmp_path / "t.xlsx", {}, look)
    table, legend = openpyxl.load_workbook(tmp_path / "t.xlsx").worksheets
    assert table.freeze_panes == "B2" and 30 < table.column_dimensions["A"].width <= 45
    assert table["C2"].number_format == "0%" and table["A2"].fill.fgColor.rgb.endswith("FF0000")
    words = [tuple(cell.value for cell in row) for row in legend.iter_rows(max_col=2)]
    assert ("name", "who") in words and ("made", "today") in words


def test_an_empty_table_is_a_header(tmp_path):
    tables.write(FRAME.head(0), tmp_path / "t.xlsx", {})
    assert pd.read_excel(tmp_path / "t.xlsx").columns.tolist() == list(FRAME)
