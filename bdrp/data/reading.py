"""Tables from disk: separated text, gzipped or zipped or plain, workbooks and Parquet, read into columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow
from pyarrow import types

from bdrp.data import delimited, identifiers, unpacking, written_numbers
from bdrp.data.identifiers import listed
from bdrp.errors import DataError
from bdrp.files import parquet

MOST_ROWS: Final = 5_000_000
"""Rows of a workbook; a sheet cannot hold more than 1,048,576, and a damaged one can claim anything."""
_PARQUET: Final = (".parquet", ".pq")


def read_table(
    path: Path,
    *,
    needs: Sequence[str] = (),
    wanted: Sequence[str] | None = None,
    member: str = "*",
    text: bool = True,
    repeated: bool = False,
    alone: Collection[str] = (),
    published: bool = False,
) -> pd.DataFrame:
    """A table with its header's names.

    Args:
        path: the file; what it holds, not its name, says how it is packed.
        needs: columns that must be there.
        wanted: columns to keep, where they exist; all where None.
        member: the name pattern of the table in a zip archive.
        text: every cell as text; otherwise columns of numbers are float32, but for the first and those in `needs`,
            which hold ids. Parquet and workbooks keep their own types.
        repeated: whether a column name may stand twice (the second becomes "name.1").
        alone: headers, in lower-case letters and digits, that may be the only column.
        published: whether it is a table of a release, and not the user's, whose end is looked at: those are known by
            their checksums, and often lack the last line end.

    Raises:
        DataError: the file is missing, damaged, too large, or no table with these columns, or a line is not as wide
            as the header.
    """
    unpacking.require_file(path)
    if path.suffix.lower() in _PARQUET:
        return _keep(_read_parquet(path), needs, wanted, path)
    if unpacking.is_workbook(path):
        return _read_workbook(path, needs, wanted)
    data = delimited.decode(unpacking.read_bytes(path, member), path)
    form, blank = delimited.name_blank_ends(delimited.read_form(data, path, alone))
    if repeated:
        form = delimited.name_repeated(form)
    delimited.check_header(form, path)
    if not published and not unpacking.is_packed(path):  # what is packed was checked as it was unpacked
        delimited.warn_if_cut_short(data, path)
    _check_needs(form.columns, needs, path, f"Read as {form.word}-separated, it")
    kept = [
        at
        for at, column in enumerate(form.columns)
        if wanted is None or column in wanted or column in needs or column in blank
    ]
    numeric = () if text else frozenset(at for at in kept if at and _is_numeric(form, at, needs))
    frame = delimited.parse(data, form, kept, numeric, path)
    if blank and frame[blank].isna().all(axis=None):
        frame = frame.drop(columns=blank)
    elif blank:
        raise DataError(
            f"{path.name} has {len(blank):,} columns without a name behind its last that has one, "
            "that hold values. Every column with values needs a name; name or empty them."
        )
    if frame.empty:
        raise delimited.without_rows(path)
    return frame


def keeps_types(path: Path) -> bool:
    """Whether the file is Parquet by its name, or a workbook by what it holds; else it is read as text."""
    return path.suffix.lower() in _PARQUET or unpacking.is_workbook(path)


def _is_numeric(form: delimited.Form, at: int, labels: Sequence[str]) -> bool:
    """Whether a column's first cell is empty or a number, and none of `labels`."""
    if form.columns[at] in labels:
        return False
    cell = form.first[at].strip() if form.first else ""
    if cell in delimited.MISSING:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True


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
    try:
        frame = _with_texts(parquet.read(path, unpacking.LARGEST)).to_pandas()
    except OSError as error:
        raise unpacking.unreadable(path, error) from error
    except (ValueError, LookupError) as error:  # the second: what pandas wrote beside the table contradicts it
        raise DataError(
            f"{path.name} cannot be used: {str(error).rstrip('.')}. A whole Parquet file of plain columns is needed; "
            "write or fetch it again."
        ) from error
    if not isinstance(frame.index, pd.RangeIndex) or frame.index.name is not None:
        frame = frame.reset_index(names=[name or "" for name in frame.index.names])
    return frame.rename(columns=lambda column: str(column).strip())


def _with_texts(table: pyarrow.Table) -> pyarrow.Table:
    """Columns of bytes as the UTF-8 that other writers keep in them.

    Raises:
        ValueError: it is none; Arrow's own error is one.
    """
    kinds = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    for at, field in enumerate(table.schema):
        if any(is_kind(field.type) for is_kind in kinds):
            texts = table[at].cast(pyarrow.large_binary()).cast(pyarrow.large_string())
            table = table.set_column(at, pyarrow.field(field.name, texts.type), texts)
    return table


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
    codes, unique = pd.factorize(values)  # -1, the last of the cleaned ones, where a cell is empty
    cleaned = np.array([*map(identifiers.clean_id, unique), ""], dtype=object)
    return pd.Series(cleaned[codes], index=values.index, dtype="str", name=column)


def lookup(keys: pd.Series, texts: Mapping[str, str]) -> pd.Series:
    """The text of every key; "" where there is none."""
    codes, unique = pd.factorize(keys)  # -1, the last of the texts, where a key is empty
    found = pd.array([*(texts.get(key, "") for key in unique), ""], dtype="str")
    return pd.Series(found.take(np.where(codes < 0, len(unique), codes)), index=keys.index)


def numbers(frame: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """A column as float64; NaN where a cell is empty or says that there is no number (see `written_numbers`).

    Raises:
        DataError: a cell holds something else than a number.
    """
    values = pd.Series(written_numbers.read_numbers(frame[column]), index=frame.index, name=column)
    wrong = frame.index[values.isna() & ~written_numbers.is_gap(frame[column])]
    if len(wrong):
        shown = [str(frame[column].loc[row]) for row in wrong[:5]]
        hint = f" {written_numbers.COMMAS}" if any("," in value for value in shown) else ""
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


def with_written_numbers(frame: pd.DataFrame, ids: Collection[str] = ()) -> pd.DataFrame:
    """The table with its columns of text but `ids` as numbers, where all cells of a column are numbers or gaps.

    How commas are meant, all of these columns tell together.
    """
    texts = [column for column in texts_of(frame) if column not in ids]
    if not texts:
        return frame
    cells = frame[texts].melt()["value"]
    values = written_numbers.read_numbers(cells)
    wrong = np.asarray(np.isnan(values) & ~written_numbers.is_gap(cells)).reshape(len(texts), -1).max(axis=1)
    columns = values.reshape(len(texts), -1)
    read = {column: columns[at] for at, column in enumerate(texts) if not wrong[at]}
    return frame.assign(**{str(column): one for column, one in read.items()}) if read else frame


def texts_of(frame: pd.DataFrame) -> list[str]:
    """The columns that are no numbers."""
    return [str(column) for column in frame.select_dtypes(exclude=["number", "bool"]).columns]  # of blocks, not columns


def matrix(frame: pd.DataFrame, path: Path) -> npt.NDArray[np.float32]:
    """A table of numbers in float32; NaN where a cell is empty.

    Raises:
        DataError: a column holds something else than numbers.
    """
    frame = with_written_numbers(frame)
    if wrong := texts_of(frame):
        column = frame[wrong[0]]
        bad = column[np.isnan(written_numbers.read_numbers(column)) & ~written_numbers.is_gap(column)]
        shown = f", {wrong[0]} for example {str(bad.iloc[0])[:40]!r}" if len(bad) else ""
        raise DataError(
            f"{path.name} has {len(wrong):,} columns that are not all numbers ({listed(wrong)}{shown}). Expression "
            "values are numbers or empty, with decimal points; drop or correct these columns."
        )
    with np.errstate(over="ignore"):
        values: npt.NDArray[np.float32] = frame.to_numpy(dtype=np.float32, na_value=np.nan)
    return values
