"""Separated text into columns: which separator and encoding, every line as wide as the header, parsed by Arrow."""

from __future__ import annotations

import csv
import functools
import io
import re
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow
from pyarrow import csv as arrow_csv

from bdrp.data.identifiers import listed
from bdrp.errors import BdrpWarning, DataError

SEPARATORS: Final = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
MISSING: Final = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""Cells that are empty, as pandas has them."""
_HEAD: Final = 1 << 23
"""Bytes that surely hold the header and the first row; chosen: 20,000 genes of 20 characters are 400 kB."""
_BLOCK: Final = 1 << 25
"""Bytes that Arrow parses at a time; no line may be longer. Chosen: each of 20,000 columns costs time in each."""
MOST_LINES: Final = 50_000_000
"""Chosen: the largest public table of single wells has 7 million lines. Cells cost memory even where they are empty."""
_QUOTED: Final = re.compile('"[^"]*"')
"""What a separator does not count in. No cell is parsed under a wrong one: to Python's csv it is the whole line."""
_LETTERS: Final = str.maketrans("µμ₀₁₂₃₄₅₆₇₈₉", "uu0123456789")
"""Letters of headers that have a plain form."""
_BLANK_LINES: Final = re.compile(rb"\A(?:[ \t]*[\r\n])+")


@dataclass(frozen=True)
class Form:
    """How a text table is written; `first` is its first row."""

    separator: str
    columns: list[str]
    first: list[str]

    @property
    def word(self) -> str:
        """The separator's name."""
        return SEPARATORS[self.separator]


def decode(data: bytes, path: Path) -> bytes:
    """The text in UTF-8 without a byte order mark and without empty lines before the header.

    Raises:
        DataError: it is empty, or no text.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", errors="replace").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data or data.isspace():
        raise DataError(f"{path.name} is empty. A table with a header line is needed; write or fetch it again.")
    if (lines := data.count(b"\n")) > MOST_LINES:
        raise DataError(
            f"{path.name} has {lines:,} lines. At most {MOST_LINES:,} are read; is it the right file? Cut it down."
        )
    if b"\x00" in data:
        data = _decode_wide(data)
    if b"\x00" in data:
        raise DataError(f"{path.name} holds zero bytes: it is no text. A text table is needed; is it the right file?")
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            data = _decode_western(data).encode()
    return _BLANK_LINES.sub(b"", data[:_HEAD]) + data[_HEAD:] if data[:1].isspace() else data


def _decode_wide(data: bytes) -> bytes:
    """UTF-16 without a byte order mark as UTF-8, told by every other byte of its start being zero; else as it is."""
    start = data[:200]
    for first, code in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(start) > 1 and not any(start[first::2]) and all(start[1 - first :: 2]):
            return data.decode(code, errors="replace").encode()
    return data


def _decode_western(data: bytes) -> str:
    """Text of one byte a letter, as Windows writes it; Latin-1 where that has no such letter."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_form(data: bytes, path: Path, alone: Collection[str] = ()) -> Form:
    """How decoded text is written, told from its header and first row.

    Args:
        data: see `decode`.
        path: for messages.
        alone: headers, in lower-case letters and digits, that may be a table's only column.

    Raises:
        DataError: it has one column, or its first row is not as wide as its header.
    """
    head = data[:_HEAD].decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    first = next((line for line in head.split("\n") if line.strip()), "")
    unquoted = _QUOTED.sub("", first)
    counts = {mark: unquoted.count(mark) for mark in SEPARATORS}
    separator = max(counts, key=lambda mark: counts[mark])
    if not counts[separator] and plain(first) in alone:
        separator = next((mark for mark in SEPARATORS if mark.encode() not in data), separator)  # a name may hold some
    elif not counts[separator]:
        raise DataError(
            f"{path.name} has a single column; its first line is {first[:80]!r}. Cells separated by commas, tabs, "
            "semicolons or bars are allowed, a second column is needed; write the table with one of these."
        )
    try:
        records = [record for _, record in zip(range(2), _records(head, separator), strict=False)]
    except csv.Error as error:
        raise DataError(
            f"{path.name} is no table: {error}. Read as {SEPARATORS[separator]}-separated, a header line and rows are "
            f"needed, and cells of at most {csv.field_size_limit():,} characters; is a quotation mark not closed?"
        ) from error
    form = Form(separator, [column.strip() for column in records[0]], records[1] if len(records) > 1 else [])
    _check_first_row(form, path)
    return form


@functools.lru_cache(maxsize=1 << 16)  # 19,000 headers are asked for again and again
def plain(column: object) -> str:
    """A header in lower-case letters and digits, so that "Drug ID" and "drug_id" meet; µ is u.

    >>> plain("LN_IC50 (µM)"), plain("pIC₅₀")
    ('lnic50um', 'pic50')
    """
    return re.sub(r"[^a-z0-9]", "", str(column).translate(_LETTERS).lower())


def check_header(form: Form, path: Path) -> None:
    """Refuse a column that stands twice.

    Raises:
        DataError: which.
    """
    twice = sorted(column for column, count in Counter(form.columns).items() if count > 1)
    if twice:
        shown = listed(column or "(without a name)" for column in twice)
        raise DataError(
            f"{path.name} holds {len(twice):,} duplicated columns ({shown}). A column, such as a gene, may stand "
            "once; keep one of each, or average them."
        )


def warn_if_cut_short(data: bytes, path: Path) -> None:
    """Warn where the text ends within a line, after a cell that may be cut too."""
    if data[-1:] in b'\r\n"':
        return
    last = data[-200:].splitlines()[-1].decode(errors="replace")
    warnings.warn(
        f"{path.name} ends within a line ({last[-60:]!r}): it may be cut short, and its last cell with it. Tables end "
        "with a line end; compare the file with its origin, or add one.",
        BdrpWarning,
        stacklevel=4,
    )


def parse(data: bytes, form: Form, kept: Sequence[int], numeric: Collection[int], path: Path) -> pd.DataFrame:
    """The kept columns of decoded text, by position; float32 where numeric, text elsewhere, NaN for an empty cell.

    Numeric columns that hold something else than numbers come as text.

    Raises:
        DataError: a line has more or fewer cells than the header, or there is no line behind it.
    """
    if not form.first:
        raise without_rows(path)
    try:
        table = _parse_lines(data, form, kept, numeric, path)
    except pyarrow.ArrowInvalid:  # a cell of a numeric column is no number
        frame = _parse_texts(data, form, kept, path).to_pandas()
        for at in frame.columns:
            if int(at) in numeric:
                frame[at] = _as_numbers(frame[at])
        return frame.set_axis([form.columns[at] for at in kept], axis=1)
    return _with_one_block(table, form, kept, numeric)


def without_rows(path: Path) -> DataError:
    """The error for a table that ends with its header."""
    return DataError(f"{path.name} has a header and no rows. At least one row is needed; write or fetch it again.")


def _parse_texts(data: bytes, form: Form, kept: Sequence[int], path: Path) -> Any:
    try:
        return _parse_lines(data, form, kept, (), path)
    except pyarrow.ArrowInvalid as error:
        raise DataError(
            f"{path.name} cannot be read as a {form.word}-separated table: {str(error).partition(chr(10))[0]}. "
            "A quotation mark may be left open, or a line may be longer than any table's. Mend the file or fetch it "
            "again."
        ) from error


def _as_numbers(column: pd.Series) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce")
    return column if (values.isna() & column.notna()).any() else values.astype("float32")


def _parse_lines(
    data: bytes, form: Form, kept: Sequence[int], numeric: Collection[int], path: Path, again: bool = False
) -> Any:
    names = [str(at) for at in range(len(form.columns))]
    ragged: list[Any] = []
    quoted = b'"' in data  # only then a cell may run over lines, which takes twice the time to look for

    def keep_ragged(row: Any) -> str:
        ragged.append(row)
        return "skip"

    table = arrow_csv.read_csv(
        pyarrow.py_buffer(data),
        arrow_csv.ReadOptions(
            column_names=names, skip_rows_after_names=1, block_size=_BLOCK, use_threads=bool(numeric)
        ),
        arrow_csv.ParseOptions(delimiter=form.separator, newlines_in_values=quoted, invalid_row_handler=keep_ragged),
        arrow_csv.ConvertOptions(
            column_types={names[at]: pyarrow.float32() if at in numeric else pyarrow.string() for at in kept},
            include_columns=[names[at] for at in kept],
            null_values=list(MISSING),
            strings_can_be_null=True,
        ),
    )
    if ragged and quoted and not again and form.separator != "\t":  # a space before a quotation mark
        mended = re.sub(re.escape(form.separator).encode() + rb' +"', form.separator.encode() + b'"', data)
        return _parse_lines(mended, form, kept, numeric, path, again=True)
    if ragged:
        raise _ragged(ragged, form, path)
    return table


def _ragged(rows: Sequence[Any], form: Form, path: Path) -> DataError:
    first = rows[0]
    where = f"line {first.number:,}" if first.number is not None else "one line"
    hint = "A line may be cut short, or a cell may hold a separator or an open quotation mark."
    return DataError(
        f"{path.name} cannot be read as a {form.word}-separated table: {len(rows):,} lines have not as many cells as "
        f"the header. Its header has {first.expected_columns:,}, {where} has {first.actual_columns:,} "
        f"({first.text[:60]!r}). {hint} Every line needs as many cells as the header; mend the file or fetch it again."
    )


def _with_one_block(table: Any, form: Form, kept: Sequence[int], numeric: Collection[int]) -> pd.DataFrame:
    """The Arrow table as a frame whose numbers are one array: 19,000 columns of their own cost seconds."""
    numbers = [place for place, at in enumerate(kept) if at in numeric]
    texts = [place for place, at in enumerate(kept) if at not in numeric]
    words = table.select(texts).to_pandas().set_axis([form.columns[kept[place]] for place in texts], axis=1)
    if not numbers:
        return words
    values = np.empty((table.num_rows, len(numbers)), dtype=np.float32)
    for column, place in enumerate(numbers):
        values[:, column] = table.column(place).to_numpy()
    block = pd.DataFrame(values, columns=[form.columns[kept[place]] for place in numbers], copy=False)
    both = pd.concat([words, block], axis=1)
    order = np.argsort([*texts, *numbers])
    return both if (order == np.arange(len(order))).all() else both.iloc[:, order]


def name_blank_ends(form: Form) -> tuple[Form, list[str]]:
    """The form with names for the columns without one behind the last that has one, and these names.

    Spreadsheets write such columns where a cell was emptied.
    """
    named = len(form.columns) - next((at for at, name in enumerate(reversed(form.columns)) if name), 0)
    blank = [f"\x00{at}" for at in range(named, len(form.columns))] if named > 1 else []
    return (replace(form, columns=[*form.columns[:named], *blank]) if blank else form), blank


def name_repeated(form: Form) -> Form:
    """The form with every column named once: the second "a" is "a.1"."""
    seen: Counter[str] = Counter()
    names = []
    for column in form.columns:
        names.append(f"{column}.{seen[column]}" if seen[column] else column)
        seen[column] += 1
    return replace(form, columns=names)


def _records(head: str, separator: str) -> Any:
    return (
        record
        for record in csv.reader(io.StringIO(head, newline=""), delimiter=separator, skipinitialspace=separator != "\t")
        if record
    )


def _check_first_row(form: Form, path: Path) -> None:
    header, row = form.columns, form.first
    if not row or len(header) == len(row):
        return
    hint = "Every line needs as many cells as the header, with one separator throughout."
    if len(row) == len(header) + 1:
        hint = "R's write.table leaves out the name of the row names: write with col.names=NA, or use write.csv."
    elif any("\n" in cell for cell in row):
        hint = "A cell runs over several lines: a quotation mark is probably not closed."
    elif len(row) == 1:
        other = max(SEPARATORS, key=row[0].count)
        hint = f"The rows seem to be {SEPARATORS[other]}-separated: use one separator throughout."
    raise DataError(
        f"{path.name} has {len(header):,} {form.word}-separated columns in its header but {len(row):,} in its first "
        f"row ({listed(row, 3)[:80]}). {hint}"
    )
