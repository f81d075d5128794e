"""The workbook is one that people can fill in, and what they fill in is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from bdrp.data.measures import MEASURES
from bdrp.fitted.identity import ModelIdentity
from bdrp.predictive import Normal, Predictions
from bdrp.triage import DECISIONS, REASONS, Policy, export, rank
from bdrp.triage.decision import ANSWER
from bdrp.triage.review import Asked, read_decisions
from bdrp.triage.workbook import COLUMNS, LEFT

DIGEST = "a" * 64
LINES, DRUGS = ["=1+1", "0012", "MAR-1"], ["1003", "@D", "1E5"]


@pytest.fixture
def queue() -> pd.DataFrame:
    """Three pairs whose ids a spreadsheet would run or mangle."""
    keys = pd.DataFrame({"cell_line_id": LINES, "drug_id": DRUGS})
    pred = Normal.from_std(keys, "ln_ic50_um", [-1.0, 0.0, 1.0], np.ones(3), np.ones(3), unit="ln(µM)")
    context = pd.DataFrame({"drug_name": ["+A", "B", "C\x07"]})
    return rank(Predictions(pred, context, model=DIGEST), Policy(sensitivity_threshold=0.0), budget=3)


@pytest.fixture
def book(queue: pd.DataFrame, tmp_path: Path) -> openpyxl.Workbook:
    export(queue, tmp_path / "queue.csv")
    return openpyxl.load_workbook(tmp_path / "queue.xlsx")


def test_decisions_stand_at_the_left_below_a_header_that_stays(book: openpyxl.Workbook) -> None:
    sheet = book["queue"]
    assert book.sheetnames == ["queue", "legend"]
    assert [cell.value for cell in sheet[1]][: len(LEFT)] == list(LEFT)
    assert LEFT[5:] == ANSWER
    assert sheet.freeze_panes == "G2" and sheet.auto_filter.ref == sheet.dimensions
    assert all(cell.font.bold for cell in sheet[1])


def test_a_decision_is_chosen_from_a_list_and_a_unit_offered(book: openpyxl.Workbook) -> None:
    lists = {str(one.sqref): one for one in book["queue"].data_validations.dataValidation}
    assert lists["F2:F4"].formula1 == f'"{",".join(DECISIONS)}"' and lists["F2:F4"].showErrorMessage
    assert lists["K2:K4"].formula1 == '"M,mM,µM,nM,pM,ln(µM)"' and not lists["K2:K4"].showErrorMessage
    assert all(len(one.formula1) <= 257 for one in lists.values())  # what a spreadsheet takes


def test_nothing_in_it_is_a_formula_and_numbers_are_numbers(book: openpyxl.Workbook) -> None:
    for sheet in book:
        assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"n", "s"}
    rows = pd.DataFrame(list(book["queue"].values)[1:], columns=[cell.value for cell in book["queue"][1]])
    assert set(rows["cell_line_id"]) == {"'=1+1", "0012", "MAR-1"} and set(rows["drug_id"]) == {"1003", "'@D", "1E5"}
    assert pd.api.types.is_numeric_dtype(rows["mean"])
    assert rows["upper_limit"].isna().all()


def test_what_is_typed_into_ids_and_answers_stays_text(book: openpyxl.Workbook) -> None:
    sheet = book["queue"]
    named = {cell.value: cell.column_letter for cell in sheet[1]}
    assert {sheet[f"{named[name]}2"].number_format for name in ("cell_line_id", "drug_id", *ANSWER)} == {"@"}
    assert sheet[f"{named['mean']}2"].number_format == "0.00"


def test_the_legend_explains_every_column_every_reason_and_every_decision(
    book: openpyxl.Workbook, queue: pd.DataFrame
) -> None:
    meanings = {row[0]: row[1] for row in book["legend"].values}
    assert set(queue.columns) == set(COLUMNS)
    for name in (*queue.columns, *REASONS, *DECISIONS):
        assert meanings[name]
    assert meanings["responses"] == "ln(µM)"


def test_what_is_filled_into_it_is_read_with_the_ids_that_were_asked(queue: pd.DataFrame, tmp_path: Path) -> None:
    export(queue, tmp_path / "queue.csv")
    book = openpyxl.load_workbook(tmp_path / "queue.xlsx")
    sheet = book["queue"]
    named = {cell.value: cell.column_letter for cell in sheet[1]}
    for at, word in enumerate(("accept", "Reject", "assay"), 2):
        sheet[f"{named['decision']}{at}"], sheet[f"{named['reviewer']}{at}"] = word, "Ann"
    sheet[f"{named['measured']}2"], sheet[f"{named['measured_unit']}2"] = 0.8, "µM"
    book.save(tmp_path / "filled.xlsx")
    model = ModelIdentity(DIGEST, MEASURES["ln_ic50_um"], frozenset(), frozenset())
    read = read_decisions(
        tmp_path / "filled.xlsx", Asked(model, pd.DataFrame({"cell_line_id": LINES, "drug_id": DRUGS}))
    )
    assert read["decision"].tolist() == ["accept", "reject", "assay"]
    assert read[["cell_line_id", "drug_id"]].equals(queue[["cell_line_id", "drug_id"]].astype("str"))
    assert read["measured"].tolist() == ["0.8", "", ""] and set(read["model"]) == {DIGEST}
