"""Tables on disk as their suffix says: Parquet, CSV or a workbook; text in the last two runs in no spreadsheet."""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bdrp.errors import OutputError
from bdrp.files import atomic, parquet, strict_json, workbook

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES: Final = (".parquet", ".csv", ".xlsx")
FORMULA_STARTS: Final = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for a formula or a command (OWASP, CSV injection), with the full-width forms."""
MOST_ROWS: Final = 1_048_575
"""Below the header of a workbook's sheet; a sheet holds no more rows than 1,048,576."""
LONGEST_LINE: Final = 1 << 22
"""Bytes of a header; chosen: 20,000 names of 200 characters."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")


def check_suffix(path: Path, what: str) -> None:
    """Refuse a name that does not say a format which can be written.

    Raises:
        OutputError: naming the suffixes that can.
    """
    if path.suffix.lower() not in SUFFIXES:
        seen = f"as '{path.suffix}'" if path.suffix else "without a suffix"
        raise OutputError(
            f"{what} cannot be written {seen}, asked for by {path}. Allowed are {', '.join(SUFFIXES)}; bdrp reads "
            f"Parquet again. Name the file {path.stem or 'table'}.parquet."
        )


def write(frame: pd.DataFrame, path: Path, metadata: Mapping[bytes, bytes], look: workbook.Look | None = None) -> None:
    """Write a table in the format of its suffix, whole or not at all.

    Args:
        frame: the table.
        path: says the format.
        metadata: only Parquet holds it.
        look: only a workbook has it.

    Raises:
        OSError: the place cannot be written to.
        OutputError: the suffix says no format, or a workbook cannot hold so many rows.
    """
    check_suffix(path, "The table")
    with atomic.replacing(path) as beside:
        if path.suffix.lower() == ".parquet":
            parquet.write(frame, beside, metadata)
        elif path.suffix.lower() == ".csv":
            write_csv(encodable(frame), beside)
        else:
            _write_workbook(encodable(frame), beside, look)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """CSV in UTF-8, text `neutralised` and quoted (`;` parts cells in some countries), numbers to the last digit."""
    _harmless(frame).to_csv(path, index=False, encoding="utf-8", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)


def neutralised(text: str) -> str:
    r"""Text that no spreadsheet runs, on one line: an apostrophe in front of a formula, spaces for control characters.

    What is not seen before it, such as a zero-width space, hides no formula.

    >>> neutralised("=1+1"), neutralised("Nutlin-3a (-)"), neutralised("\t-2")
    ("'=1+1", 'Nutlin-3a (-)', "' -2")
    """
    line = _CONTROLS.sub(" ", text)
    seen = next((char for char in line if not char.isspace() and unicodedata.category(char) != "Cf"), "")
    return f"'{line}" if seen in FORMULA_STARTS else line


def encodable(frame: pd.DataFrame) -> pd.DataFrame:
    """Text with what UTF-8 or a table cannot hold (lone surrogates, NUL) replaced."""
    import pandas as pd

    texts = {name: [_safe(value) for value in frame[name]] for name in _texts(frame)}
    return frame.assign(**{name: pd.Series(values, index=frame.index, dtype="str") for name, values in texts.items()})


def columns(path: Path) -> Sequence[str]:
    """The column names of a table, by its suffix; only its head is read.

    Raises:
        OSError, ValueError, LookupError: it is no such table.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        from pyarrow import parquet as arrow

        return list(arrow.read_schema(path).names)
    if suffix == ".xlsx":
        return _head_of_workbook(path)
    with path.open(encoding="utf-8-sig") as file:
        head = file.readline(LONGEST_LINE)
    if suffix == ".jsonl":
        record = strict_json.parse(head.encode(), str(path))
        return list(record) if isinstance(record, dict) else []
    return next(csv.reader([head]), [])


def _head_of_workbook(path: Path) -> Sequence[str]:
    from zipfile import BadZipFile

    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True)
    except BadZipFile as error:
        raise ValueError(f"{path.name} is no workbook") from error
    try:
        return [str(cell) for cell in next(book.worksheets[0].iter_rows(values_only=True), ())]
    finally:
        book.close()


def _write_workbook(frame: pd.DataFrame, path: Path, look: workbook.Look | None) -> None:
    if len(frame) > MOST_ROWS:
        raise OutputError(
            f"A workbook cannot hold {len(frame):,} rows. A sheet has room for {MOST_ROWS:,} below its header. "
            "Write .parquet or .csv."
        )
    if look is not None:
        notes = {neutralised(name): neutralised(text) for name, text in look.notes.items()}
        look = replace(look, notes=notes)
    workbook.write(_harmless(frame), path, look)


def _harmless(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{name: frame[name].map(neutralised) for name in _texts(frame)})


def _texts(frame: pd.DataFrame) -> list[str]:
    import pandas as pd

    return [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]


def _safe(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).encode("utf-8", "replace").decode().replace("\0", "?")
