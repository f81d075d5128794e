"""The queue as a workbook that people fill in: decisions at the left, drop-downs, a frozen header, a legend."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bdrp.data.measures import MEASURES
from bdrp.files.tables import neutralised
from bdrp.triage.decision import ANSWER, DECISIONS
from bdrp.triage.reasons import MEANINGS
from bdrp.triage.review.measured import name_units

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

QUEUE, LEGEND = "queue", "legend"
LEFT: Final = ("rank", "cell_line_id", "line_name", "drug_id", "drug_name", *ANSWER)
"""The first columns; the pair and the decision stay in view when the rest is scrolled."""
TEXT: Final = frozenset({"cell_line_id", "drug_id", "model", *ANSWER})
"""Columns of the format "text", so that no spreadsheet makes a number or a date of what stands or is typed there."""
WIDTHS: Final[Mapping[str, float]] = MappingProxyType({"rank": 6, "comment": 30, "explanation": 80, "reasons": 30})
USUAL_WIDTH: Final = 13.0
COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "rank": "place in the queue, the most urgent first",
        "cell_line_id": "the cell line",
        "line_name": "the line's name, where it is known",
        "drug_id": "the drug",
        "drug_name": "the drug's name",
        "decision": "yours: choose from the list below",
        "reviewer": "who decides: your name",
        "time": "when, as 2026-03-01T10:30:00Z; may stay empty",
        "comment": "yours: anything",
        "measured": "a value that was measured, such as 0.8, or >10 where the assay saw no more",
        "measured_unit": "its unit: choose from the list, or write one",
        "tissue": "of the cell line",
        "predicted_um": "predicted mean as a concentration, µM; so are the next five, with three digits",
        "low_um": "a measurement lies between low and high with a chance of 90 %",
        "high_um": "see low_um",
        "threshold_um": "responses below it count as sensitive",
        "lowest_dose_um": "lowest dose that was tested",
        "highest_dose_um": "highest dose that was tested; above it no assay at these doses could confirm a prediction",
        "mean": "predicted mean, in the unit below; so are q05 to epistemic_std, threshold and the limits",
        "q05": "the response is below it with a chance of 5 %",
        "q95": "the response is above it with a chance of 5 %",
        "std": "standard deviation of the prediction",
        "aleatoric_std": "its part that is noise of the assay",
        "epistemic_std": "its part that more data would reduce",
        "priority": "how urgent a look is, 0 to 1",
        "wrong_side_probability": "chance that the call by the mean, sensitive or not, is wrong",
        "threshold": "responses below it count as sensitive",
        "reasons": "why this pair is asked about; see below",
        "explanation": "the same in a sentence with its numbers",
        "nearest_drugs": "the most similar drugs that were trained on",
        "drug_similarity": "Tanimoto similarity to the nearest of them, 0 to 1",
        "line_distance_percentile": "how far the line is from its nearest training line, as a share of these",
        "lower_limit": "lowest dose that was tested, as a response",
        "upper_limit": "highest dose that was tested, as a response",
        "model": "digest of the model that predicted",
    }
)


def write_workbook(queue: pd.DataFrame, path: Path) -> None:
    """Write a queue as .xlsx; text that a spreadsheet would run as a formula gets an apostrophe in front.

    Raises:
        OSError: the place cannot be written to.
    """
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = QUEUE
    _fill_queue(sheet, queue[[*LEFT, *(name for name in queue if name not in LEFT)]])
    _offer_choices(sheet, queue)
    _fill_legend(book, queue)
    book.save(path)


def _fill_queue(sheet: Worksheet, table: pd.DataFrame) -> None:
    from openpyxl.styles import Alignment
    from openpyxl.utils import get_column_letter

    names = list(table)
    sheet.append(names)
    for row in table.itertuples(index=False):
        sheet.append([_cell(value) for value in row])
    for at, name in enumerate(names, 1):
        letter = get_column_letter(at)
        sheet.column_dimensions[letter].width = WIDTHS.get(name, USUAL_WIDTH)
        cells = sheet[letter][1:]
        for cell in cells if name in TEXT else ():
            cell.number_format = "@"
        if pd.api.types.is_float_dtype(table[name]):
            for cell in cells:
                cell.number_format = "General" if name.endswith("_um") else "0.00"
    for cell in sheet[1]:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    _emphasise(sheet[1])
    sheet.freeze_panes = sheet.cell(2, LEFT.index("decision") + 2)
    sheet.auto_filter.ref = sheet.dimensions


def _offer_choices(sheet: Worksheet, queue: pd.DataFrame) -> None:
    """Drop-downs: a decision is one of four; a unit may be another than those offered."""
    measure = MEASURES.get(str(queue.attrs.get("measure", "")))
    _offer(sheet, "decision", list(DECISIONS), strict=True)
    if measure is not None:
        _offer(sheet, "measured_unit", name_units(measure)[:6], strict=False)


def _offer(sheet: Worksheet, name: str, choices: list[str], *, strict: bool) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    listed = DataValidation(type="list", formula1=f'"{",".join(choices)}"', allow_blank=True, showErrorMessage=strict)
    listed.errorTitle, listed.error = name, f"Allowed: {', '.join(choices)}."
    letter = get_column_letter(LEFT.index(name) + 1)
    listed.add(f"{letter}2:{letter}{max(sheet.max_row, 2)}")
    sheet.add_data_validation(listed)


def _fill_legend(book: Workbook, queue: pd.DataFrame) -> None:
    sheet = book.create_sheet(LEGEND)
    unit = str(queue.attrs.get("unit", "")) or "the measure's unit"
    blocks: list[tuple[str, Mapping[str, str]]] = [
        ("This file", {"to fill in": "the columns decision to measured_unit of the other sheet; bdrp review reads it"}),
        ("Decision", DECISIONS),
        ("Reason", MEANINGS),
        ("Column", {name: COLUMNS.get(name, "") for name in queue}),
        ("Unit", {"responses": neutralised(unit)}),
    ]
    for title, entries in blocks:
        sheet.append([title, "Meaning"])
        _emphasise(sheet[sheet.max_row])
        for name, meaning in entries.items():
            sheet.append([name, meaning])
        sheet.append([])
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 26, 100


def _emphasise(cells: Any) -> None:
    from openpyxl.styles import Font

    for cell in cells:
        cell.font = Font(bold=True)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return neutralised(value) or None
    return None if pd.isna(value) else value
