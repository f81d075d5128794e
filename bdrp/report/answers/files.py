"""Where an answer goes: a page with its workbook and CSV beside it, or one table alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bdrp.errors import OutputError
from bdrp.files import atomic, outputs, tables
from bdrp.report.answers import sheet
from bdrp.report.answers.answer import Answer
from bdrp.report.answers.page import render_page
from bdrp.report.html.output import write_page

PAGE: Final = ".html"
BESIDE: Final = (".xlsx", ".csv")


def places(path: Path | str, inputs: Iterable[Path] = ()) -> list[Path]:
    """The files of an answer: a page, then its tables beside it; or one table.

    Args:
        path: of the page (.html), or of one table (.csv, .xlsx, .parquet).
        inputs: the files and model folders that the answer is made of.

    Raises:
        OutputError: the suffix is another, a folder stands there, or something would be lost.
    """
    path = Path(path)
    if path.suffix.lower() not in (PAGE, *tables.SUFFIXES):
        seen = f"as '{path.suffix}'" if path.suffix else "without a suffix"
        raise OutputError(
            f"The answer cannot be written {seen}, asked for by {path}. Allowed are {PAGE} with its tables beside "
            f"it, and "
            f"{', '.join(tables.SUFFIXES)} for the table alone. Name the file {path.stem or 'answer'}{PAGE}."
        )
    if path.is_dir():
        raise OutputError(
            f"The answer cannot be written to {path}: a folder stands there. Name the file in it, "
            f"{path / 'answer.html'}."
        )
    is_page = path.suffix.lower() == PAGE
    finals = [path, *(path.with_suffix(suffix) for suffix in BESIDE)] if is_page else [path]
    own = outputs.has_columns(sheet.KNOWN_BY)
    outputs.guard({one: outputs.is_page if one.suffix.lower() == PAGE else own for one in finals}, inputs)
    return finals


def write(answer: Answer, path: Path | str) -> list[Path]:
    """Write an answer in the format of the suffix; a page with a workbook and a CSV file beside it.

    Returns:
        The files, the page first.

    Raises:
        OutputError: see `places`, or they cannot be written.
    """
    finals = places(path)
    table, look = sheet.tabulate(answer), sheet.look(answer)
    with atomic.refusing("The answer", finals[0]):
        for final in finals:
            if final.suffix.lower() == PAGE:
                write_page(final, render_page(answer))
            else:
                tables.write(table, final, {}, look)
    return finals
