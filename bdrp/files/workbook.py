"""Tables as workbooks that people open: a frozen header with filters, columns as wide as needed, and a legend sheet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

LONGEST_CELL: Final = 32_767
"""Characters that a cell holds."""
WIDEST: Final = 44
"""Characters that a column shows; chosen: a sentence wraps beyond it."""
_LOOKED_AT: Final = 200
"""Rows by which a column's width is chosen."""


@dataclass(frozen=True)
class Look:
    """How a sheet looks.

    Attributes:
        legend: what each column means, by its name; a sheet of its own, where it is not empty.
        notes: facts about the table, by their name; on the same sheet.
        formats: number formats, by column, such as "0.0%".
        fills: background colours as RRGGBB, by column and by the text of the cell.
        frozen: columns at the left that stay in view.
    """

    legend: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    fills: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    frozen: int = 0


def write(frame: pd.DataFrame, path: Path, look: Look | None = None) -> None:
    """Write a frame whose text is already safe as the first sheet of a workbook; numbers stay numbers.

    Raises:
        OSError: the place cannot be written to.
    """
    from openpyxl import Workbook

    look = look or Look()
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("table")
    _lay_out(sheet, frame, look)
    sheet.append([_bold(sheet, str(name)) for name in frame.columns])
    for row in _rows(frame):
        sheet.append(
            [_styled(sheet, name, value, look) for name, value in zip(frame.columns, row, strict=True)]
            if look.formats or look.fills
            else row
        )
    if look.legend or look.notes:
        _write_legend(book.create_sheet("legend"), look)
    book.save(path)


def _lay_out(sheet: Any, frame: pd.DataFrame, look: Look) -> None:
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = f"{get_column_letter(look.frozen + 1)}2"
    if len(frame.columns):
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(frame.columns))}{len(frame) + 1}"
    for at, name in enumerate(frame.columns, 1):
        shown = [len(str(value)) for value in frame.iloc[:_LOOKED_AT, at - 1]]
        sheet.column_dimensions[get_column_letter(at)].width = min(max([len(str(name)) + 3, *shown]) + 1, WIDEST)


def _rows(frame: pd.DataFrame) -> Iterator[Sequence[Any]]:
    columns = [[_cell(value) for value in frame.iloc[:, at].tolist()] for at in range(frame.shape[1])]
    return zip(*columns, strict=True)


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value[:LONGEST_CELL] if isinstance(value, str) else value


def _styled(sheet: Any, name: str, value: Any, look: Look) -> Any:
    colour = look.fills.get(name, {}).get(value) if isinstance(value, str) else None
    if value is None or (name not in look.formats and colour is None):
        return value
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import PatternFill

    cell = WriteOnlyCell(sheet, value=value)
    if name in look.formats:
        cell.number_format = look.formats[name]
    if colour is not None:
        cell.fill = PatternFill("solid", fgColor=colour)
    return cell


def _bold(sheet: Any, text: str) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cell = WriteOnlyCell(sheet, value=text)
    cell.font = Font(bold=True)
    return cell


def _write_legend(sheet: Any, look: Look) -> None:
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 28, 120
    for title, entries in (("column", look.legend), ("about this table", look.notes)):
        if entries:
            sheet.append([_bold(sheet, title), _bold(sheet, "meaning" if entries is look.legend else "")])
            for name, meaning in entries.items():
                sheet.append([name, _cell(meaning)])
            sheet.append([])
