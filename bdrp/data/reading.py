"""Tables from disk: separated text, gzipped or zipped or plain, workbooks and Parquet, read into columns."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data import identifiers, unpacking
from bdrp.data.identifiers import listed
from bdrp.errors import DataError

_SEPARATORS: Final = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
_HEAD: Final = 1 << 23
"""Bytes that surely hold the header and the first row; chosen: 20,000 genes of 20 characters are 400 kB."""
_QUOTED: Final = re.compile('"[^"]*"')
"""What a separator does not count in. No cell is parsed under a wrong one: to Python's csv it is the whole line."""
MOST_ROWS: Final = 5_000_000
"""Rows of a workbook; a sheet cannot hold more than 1,048,576, and a damaged one can claim anything."""


def read_table(
    path: Path,
    *,
    needs: Sequence[str] = (),
    wanted: Sequence[str] | None = None,
    member: str = "*",
    text: bool = True,
    repeated: bool = False,
) -> pd.DataFrame:
    """A table with its header's names.

    Args:
        path: the file; what it holds, not its name, says how it is packed.
        needs: columns that must be there.
        wanted: columns to keep, where they exist; all where None.
        member: the name pattern of the table in a zip archive.
        text: every cell as text; otherwise numbers are numbers. Parquet and workbooks keep their own types.
        repeated: whether a column name may stand twice (the second becomes "name.1").

    Raises:
        DataError: the file is missing, damaged, too large, or no table with these columns.
    """
    if path.suffix.lower() in (".parquet", ".pq"):
        return _keep(_read_parquet(path), needs, wanted, path)
    if unpacking.is_workbook(path):
        return _read_workbook(path, needs, wanted)
    data = unpacking.read_bytes(path, member)
    form = _form(data, path)
    _check_header(form, needs, repeated, path)
    positions = [at for at, column in enumerate(form.columns) if wanted is None or column in wanted or column in needs]
    try:
        frame = pd.read_csv(
            io.BytesIO(data),
            sep=form.separator,
            encoding=form.encoding,
            header=0,
            names=None if repeated else form.columns,
            usecols=None if wanted is None else positions,
            index_col=False,
            dtype="str" if text else None,
            skipinitialspace=form.separator != "\t",
            low_memory=False,
        )
    except (ValueError, OverflowError, csv.Error) as error:
        raise DataError(
            f"{path.name} cannot be read as a {_SEPARATORS[form.separator]}-separated table: {str(error).strip()}. "
            "Every "
            "line needs as many cells as the header; mend the file or fetch it again."
        ) from error
    if frame.empty:
        raise DataError(f"{path.name} has a header and no rows. At least one row is needed; write or fetch it again.")
    return frame


@dataclass(frozen=True)
class _Form:
    """How a text table is written."""

    separator: str
    encoding: str
    columns: list[str]


def _form(data: bytes, path: Path) -> _Form:
    encoding = _encoding(data, path)
    head = data[:_HEAD].decode(encoding, errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    first = next((line for line in head.split("\n") if line.strip()), "")
    unquoted = _QUOTED.sub("", first)
    counts = {mark: unquoted.count(mark) for mark in _SEPARATORS}
    separator = max(counts, key=lambda mark: counts[mark])
    if not counts[separator]:
        raise DataError(
            f"{path.name} has a single column; its first line is {first[:80]!r}. Cells separated by commas, tabs, "
            "semicolons "
            "or bars are allowed, a second column is needed; write the table with one of these."
        )
    try:
        records = [record for _, record in zip(range(2), _records(head, separator), strict=False)]
    except csv.Error as error:
        raise DataError(
            f"{path.name} is no table: {error}. Read as {_SEPARATORS[separator]}-separated, a header line and rows are "
            f"needed, and cells of at most {csv.field_size_limit():,} characters; is a quotation mark not closed?"
        ) from error
    _check_first_row(records, separator, path)
    return _Form(separator, encoding, [column.strip() for column in records[0]])


def _records(head: str, separator: str) -> Any:
    return (record for record in csv.reader(io.StringIO(head, newline=""), delimiter=separator) if record)


def _check_first_row(records: list[list[str]], separator: str, path: Path) -> None:
    if len(records) < 2 or len(records[0]) == len(records[1]):
        return
    header, row = records
    hint = "Every line needs as many cells as the header, with one separator throughout."
    if len(row) == len(header) + 1:
        hint = "R's write.table leaves out the name of the row names: write with col.names=NA, or use write.csv."
    elif any("\n" in cell for cell in row):
        hint = "A cell runs over several lines: a quotation mark is probably not closed."
    elif len(row) == 1:
        other = max(_SEPARATORS, key=row[0].count)
        hint = f"The rows seem to be {_SEPARATORS[other]}-separated: use one separator throughout."
    raise DataError(
        f"{path.name} has {len(header):,} {_SEPARATORS[separator]}-separated columns in its header but {len(row):,} "
        "in its "
        f"first row ({listed(row, 3)[:80]}). {hint}"
    )


def _encoding(data: bytes, path: Path) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise DataError(f"{path.name} is empty. A table with a header line is needed; write or fetch it again.")
    if b"\x00" in data:
        raise DataError(f"{path.name} holds zero bytes: it is no text. A text table is needed; is it the right file?")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig" if data[:3] == b"\xef\xbb\xbf" else "utf-8"


def _check_header(form: _Form, needs: Sequence[str], repeated: bool, path: Path) -> None:
    twice = sorted(column for column, count in Counter(form.columns).items() if count > 1)
    if twice and not repeated:
        shown = listed(column or "(without a name)" for column in twice)
        raise DataError(
            f"{path.name} holds {len(twice):,} duplicated columns ({shown}). A column, such as a gene, may stand "
            "once; keep "
            "one of each, or average them."
        )
    _check_needs(form.columns, needs, path, f"Read as {_SEPARATORS[form.separator]}-separated, it")


def _check_needs(columns: Sequence[str], needs: Sequence[str], path: Path, it: str = "It") -> None:
    missing = [column for column in needs if column not in columns]
    if missing:
        raise DataError(
            f"{path.name} lacks the columns {', '.join(missing)}. {it} has {len(columns):,} columns: "
            f"{listed(columns, 12)}. "
            "The header must be the first line, with one separator throughout; check that it is the right file."
        )


def _keep(frame: pd.DataFrame, needs: Sequence[str], wanted: Sequence[str] | None, path: Path) -> pd.DataFrame:
    _check_needs([str(column) for column in frame.columns], needs, path)
    if frame.empty:
        raise DataError(f"{path.name} has no rows. At least one row is needed; write or fetch it again.")
    return frame if wanted is None else frame[[column for column in frame if column in wanted or column in needs]]


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow
    import pyarrow.parquet

    try:
        described = pyarrow.parquet.read_metadata(path)
        size = sum(described.row_group(at).total_byte_size for at in range(described.num_row_groups))
        if size > unpacking.LARGEST:
            raise unpacking.too_large(path)
        frame = pd.read_parquet(path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path.name} cannot be read as Parquet: {str(error).rstrip('.')}. A whole Parquet file is needed; "
            "write or fetch it again."
        ) from error
    if not isinstance(frame.index, pd.RangeIndex) or frame.index.name is not None:
        frame = frame.reset_index(names=[name or "" for name in frame.index.names])
    return frame.rename(columns=lambda column: str(column).strip())


def _read_workbook(path: Path, needs: Sequence[str], wanted: Sequence[str] | None) -> pd.DataFrame:
    """The first sheet, streamed row by row, the wanted columns only."""
    with unpacking.workbook_rows(path) as rows:
        header = ["" if cell is None else str(cell).strip() for cell in next(rows, ())]
        _check_needs(header, needs, path)
        kept = [at for at, name in enumerate(header) if name and (wanted is None or name in wanted or name in needs)]
        cells: list[list[Any]] = [[] for _ in kept]
        for count, row in enumerate(rows):
            if count >= MOST_ROWS:
                raise unpacking.too_large(path)
            if all(cell is None for cell in row):
                continue
            for column, at in zip(cells, kept, strict=True):
                column.append(row[at] if at < len(row) else None)
    frame = pd.DataFrame({header[at]: column for at, column in zip(kept, cells, strict=True)})
    return _keep(frame, needs, None, path)


def text(frame: pd.DataFrame, column: str) -> pd.Series:
    """A column as text without spaces around it; "" where a cell is empty, or where there is no such column."""
    if column not in frame:
        return pd.Series("", index=frame.index, dtype="str", name=column)
    values = frame[column]
    return values.where(values.notna(), "").astype("str").str.strip()


def ids(frame: pd.DataFrame, column: str) -> pd.Series:
    """A column as clean ids (see `identifiers.clean_id`); "" where a cell is empty or there is no such column."""
    if column not in frame:
        return text(frame, column)
    values = frame[column]
    cleaned = {value: identifiers.clean_id(value) for value in values.dropna().unique()}
    return pd.Series([cleaned.get(value, "") for value in values], index=values.index, dtype="str", name=column)


def lookup(keys: pd.Series, texts: Mapping[str, str]) -> pd.Series:
    """The text of every key; "" where there is none."""
    return pd.Series([texts.get(key, "") for key in keys], index=keys.index, dtype="str")


def numbers(frame: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """A column as float64; NaN where a cell is empty.

    Raises:
        DataError: a cell holds something else than a number.
    """
    values = pd.to_numeric(frame[column], errors="coerce").astype(float)
    wrong = frame.index[values.isna() & (text(frame, column) != "")]
    if len(wrong):
        shown = [str(frame[column].loc[row]) for row in wrong[:5]]
        hint = " Decimal commas are not read: write points." if any("," in value for value in shown) else ""
        raise DataError(
            f"{path.name}, column {column}, has {len(wrong):,} cells that are no numbers (row "
            f"{listed(wrong[:5] + 1)}, the "
            f"first below the header being 1: {', '.join(shown)}). Numbers are needed.{hint} Correct or drop these "
            "rows."
        )
    return values


def log_doses(frame: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """The natural logarithm of doses in µM; NaN where a cell is empty.

    Raises:
        DataError: a dose is not positive and finite, or is no number.
    """
    doses = numbers(frame, column, path)
    wrong = frame.index[doses.notna() & ~((doses > 0) & np.isfinite(doses))]
    if len(wrong):
        raise DataError(
            f"{path.name}, column {column}, has {len(wrong):,} doses that are not above 0 (row {listed(wrong + 1)}). "
            "Doses in µM are needed, or empty cells; is it a logarithm already?"
        )
    return pd.Series(np.log(doses.to_numpy()), index=frame.index)


def matrix(frame: pd.DataFrame, path: Path) -> npt.NDArray[np.float32]:
    """A table of numbers in float32; NaN where a cell is empty.

    Raises:
        DataError: a column holds something else than numbers.
    """
    wrong = [str(column) for column, dtype in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(dtype)]
    if wrong:
        column = frame[wrong[0]]
        bad = column[pd.to_numeric(column, errors="coerce").isna() & column.notna()]
        shown = f", {wrong[0]} for example {str(bad.iloc[0])[:40]!r}" if len(bad) else ""
        raise DataError(
            f"{path.name} has {len(wrong):,} columns that are not all numbers ({listed(wrong)}{shown}). Expression "
            "values "
            "are numbers or empty, with decimal points; drop or correct these columns."
        )
    with np.errstate(over="ignore"):
        values: npt.NDArray[np.float32] = frame.to_numpy(dtype=np.float32, na_value=np.nan)
    return values
