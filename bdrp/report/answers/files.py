"""Where an answer goes: a page with its workbook and CSV beside it, or one table alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bdrp.files import atomic, tables
from bdrp.report.answers import sheet
from bdrp.report.answers.answer import Answer
from bdrp.report.answers.page import render_page
from bdrp.report.html.output import PAGE, places_of_page, write_page


def places(path: Path | str, inputs: Iterable[Path] = ()) -> list[Path]:
    """The files of an answer: a page, then its tables beside it; or one table.

    Args:
        path: of the page (.html), or of one table (.csv, .xlsx, .parquet).
        inputs: the files and model folders that the answer is made of.

    Raises:
        OutputError: the suffix is another, a folder stands there, or something would be lost.
    """
    return places_of_page(Path(path), "The answer", sheet.KNOWN_BY, inputs)


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
