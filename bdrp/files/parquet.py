"""Parquet: one writer whose pages and footer carry checksums, one reader that checks them and what a file grows to.

The format has checksums of pages alone. Where they lie, what their columns are called and what a note says stands in
the footer, whose SHA-256 is written before it, where readers of others look at nothing.

A file's own account of its size is of the encoded pages: one text that stands a million times has a page of some bytes
and a table of gigabytes. So texts are counted as they will be before any of them is made.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from bdrp.files import bounds

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_ROWS: Final = 65_536
_LOOKED_AT: Final = 4_096
"""First rows that tell whether a column repeats its values; chosen."""
_MARK: Final = b"bdrp footer sha256"
"""Stands before the digest of the footer; a file without it is another writer's, or of an earlier version."""


class NotParquetError(ValueError):
    """The file is no Parquet, is damaged, or holds more than may be read; the message says which."""


def write(frame: pd.DataFrame, path: Path, metadata: Mapping[bytes, bytes]) -> None:
    """Write a table, its pages with checksums, and the metadata beside pandas' own.

    Raises:
        OSError: the place cannot be written to.
    """
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata})
    with path.open("wb") as file:  # Arrow itself opens no name that is not UTF-8
        parquet.write_table(table, file, write_page_checksum=True, use_dictionary=_repeating(table))
    _seal(path)


def join(parts: Sequence[Path], path: Path, metadata: Mapping[bytes, bytes]) -> None:
    """Write the tables of several files, at least one, as row groups of a single file; one at a time is in memory.

    Args:
        parts: files that `write` wrote, of equal columns.
        path: the file.
        metadata: in place of that of the same keys in the first part.

    Raises:
        OSError: a part cannot be read, or the place cannot be written to.
        NotParquetError: a part is damaged.
    """
    from pyarrow import parquet

    writer = None
    with ExitStack() as opened:
        for part in parts:
            table = read_part(part, as_dictionaries=True)  # texts are neither made nor looked up again
            if writer is None:
                file = opened.enter_context(path.open("wb"))
                options = {"write_page_checksum": True, "use_dictionary": _repeating(table), "store_schema": False}
                writer = opened.enter_context(parquet.ParquetWriter(file, table.schema.remove_metadata(), **options))
                writer.add_key_value_metadata(_account(part, metadata))
            writer.write_table(table.replace_schema_metadata(None))
    _seal(path)


def _seal(path: Path) -> None:
    """Write the digest of a finished file's footer before it."""
    with path.open("r+b") as file:
        footer = _footer(file)
        file.seek(-len(footer), os.SEEK_END)
        file.write(_MARK + hashlib.sha256(footer).digest() + footer)


def _check_footer(file: IO[bytes]) -> None:
    """Refuse a footer that is not the one whose digest stands before it; leaves the file at its start."""
    footer = _footer(file)
    size = hashlib.sha256().digest_size
    start = file.seek(0, os.SEEK_END) - len(footer) - size - len(_MARK)
    file.seek(max(start, 0))
    held = file.read(len(_MARK) + size)
    file.seek(0)
    if held.startswith(_MARK) and held != _MARK + hashlib.sha256(footer).digest():
        raise NotParquetError("its footer was altered: its checksum differs from the one before it")


def _footer(file: IO[bytes]) -> bytes:
    """The footer with what ends the file: its length in four bytes and four of the format's name."""
    whole = file.seek(0, os.SEEK_END)
    file.seek(max(whole - 8, 0))
    length = min(int.from_bytes(file.read(8)[:4], "little") + 8, whole)
    file.seek(whole - length)
    return file.read(length)


def _account(part: Path, metadata: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """A part's metadata with others among it, and Arrow's own account of its columns: that texts are plain."""
    from pyarrow import parquet

    with part.open("rb") as file:
        schema = parquet.read_schema(file)
    schema = schema.with_metadata({**(schema.metadata or {}), **metadata})
    return {**(schema.metadata or {}), b"ARROW:schema": base64.b64encode(schema.serialize().to_pybytes())}


def read_part(path: Path, *, as_dictionaries: bool = False) -> pa.Table:
    """The table of a file that `write` wrote, of whose size nothing has to be feared.

    Args:
        path: the file.
        as_dictionaries: texts as positions among their distinct values.

    Raises:
        OSError: the file cannot be read.
        NotParquetError: it is damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    with path.open("rb") as file:
        try:
            _check_footer(file)
            schema = parquet.read_schema(file)
            texts = [field.name for field in schema if not pa.types.is_primitive(field.type)]
            file.seek(0)
            read = {"read_dictionary": texts} if as_dictionaries else {}
            return parquet.read_table(file, page_checksum_verification=True, **read)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise NotParquetError(f"{path} is damaged ({str(error).partition(chr(10))[0]})") from error


def read_metadata(path: Path) -> tuple[dict[bytes, bytes], int]:
    """The metadata of a file that `write` wrote, and how many rows it has.

    Raises:
        OSError: the file cannot be read.
        NotParquetError: it is damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    with path.open("rb") as file:
        try:
            _check_footer(file)
            found = parquet.read_metadata(file)
            return dict(found.metadata or {}), int(found.num_rows)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise NotParquetError(f"{path} is damaged ({str(error).partition(chr(10))[0]})") from error


def _repeating(table: pa.Table) -> list[str]:
    """The columns that are written as a dictionary and positions in it: those whose first rows repeat values."""
    head = table.slice(0, _LOOKED_AT)
    return [name for name in head.column_names if 2 * len(head[name].unique()) <= len(head)]


def read(path: Path, largest: int) -> pa.Table:
    """The table of a file, whoever wrote it; pages with a checksum are held against it.

    Args:
        path: the file.
        largest: bytes that the table may have in memory, if the file is not much smaller; see `bounds`.

    Raises:
        OSError: the file cannot be read.
        NotParquetError: see there.
    """
    import pyarrow as pa
    from pyarrow import parquet

    with path.open("rb") as file:
        try:
            _check_footer(file)
            _check_size(file, bounds.most_unpacked(path.stat().st_size, largest))
            file.seek(0)
            table = parquet.read_table(file, page_checksum_verification=True)
            _check_readable(table)
            return table
        except NotParquetError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            said = str(error).splitlines()
            raise NotParquetError(f"it cannot be read as Parquet ({said[0] if said else error!r})") from error


def _check_readable(table: pa.Table) -> None:
    """Make a frame of no rows, so that a damaged name or account of pandas' is met here and not where it is used."""
    try:
        table.slice(0, 0).to_pandas()
    except (LookupError, TypeError, AttributeError, NotImplementedError) as error:
        raise NotParquetError(f"its account of its columns does not fit them ({error!r:.80})") from error


def _check_size(file: Any, largest: int) -> None:
    """Refuse a table that is larger in memory than it may be, at the cost of its texts' distinct values."""
    from pyarrow import parquet, types

    found = parquet.ParquetFile(file, page_checksum_verification=True)
    schema, rows = found.schema_arrow, found.metadata.num_rows
    nested = [field.name for field in schema if types.is_nested(field.type)]
    if nested:
        raise NotParquetError(f"its column {nested[0]!r} holds lists or records; plain columns are read")
    _check(rows * 8 * len(schema), largest)
    texts = [field.name for field in schema if not types.is_primitive(field.type)]
    if texts:
        file.seek(0)
        _check_texts(parquet.ParquetFile(file, read_dictionary=texts), texts, largest)


def _check_texts(found: Any, texts: list[str], largest: int) -> None:
    from pyarrow import compute, types

    size = 0
    for batch in found.iter_batches(batch_size=_ROWS, columns=texts):
        for column in batch.columns:
            if not types.is_dictionary(column.type):
                size += column.nbytes
                continue
            lengths = compute.binary_length(column.dictionary).take(column.indices)
            size += compute.sum(lengths).as_py() or 0
        _check(size, largest)


def _check(size: int, largest: int) -> None:
    if size > largest:
        raise NotParquetError(f"it unpacks to more than {largest:,} bytes, more than any table of its size on the disk")
