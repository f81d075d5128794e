"""Text tables from disk: found by name, unpacked within bounds, decoded, with the separator they really use."""

from __future__ import annotations

import csv
import fnmatch
import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Final

import pandas as pd

from bdrp.errors import DataError

LARGEST_TEXT: Final = 2 * 1024**3
"""Bytes after unpacking; chosen: the largest official table, the whole RMA matrix, has under 200 MB."""

_SEPARATORS: Final = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
_CHUNK: Final = 1 << 20


def find(root: Path, patterns: Sequence[str], what: str, hint: str) -> Path | None:
    """The one file below `root` whose name fits the earliest pattern that any file fits, upper or lower case alike.

    Raises:
        DataError: several files fit equally well.
    """
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
    for pattern in patterns:
        found = [path for path in files if fnmatch.fnmatch(path.name.lower(), pattern.lower())]
        if len(found) > 1:
            listed = ", ".join(str(path.relative_to(root)) for path in found[:5])
            raise DataError(
                f"{len(found)} files below {str(root)!r} could be {what}: {listed}. One is allowed; move the others away, or {hint}."
            )
        if found:
            return found[0]
    return None


def sha256(path: Path) -> str:
    """The sha256 of the file as it lies on the disk, in hexadecimal digits.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def read_text_table(path: Path, *, member: str = "*", needed: Callable[[list[str]], str | None] | None = None, **options: Any) -> pd.DataFrame:
    """A comma, tab, semicolon or bar separated table, gzipped, zipped or plain.

    Args:
        path: the file.
        member: the pattern of the one member to read, where the file is a zip archive.
        needed: given the column names, says what is missing, or None.
        options: handed to `pandas.read_csv`.

    Raises:
        DataError: the file is missing, damaged, too large, no text, or has no such columns.
    """
    text = decode(read_bytes(path, member), path)
    separator = sniff(text, path)
    columns = next(csv.reader(io.StringIO(text[:_CHUNK].split("\n", 1)[0]), delimiter=separator))
    columns = [column.strip() for column in columns]
    problem = needed(columns) if needed else None
    if problem:
        seen = ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")
        raise DataError(
            f"{path.name} {problem} Read as {_SEPARATORS[separator]}-separated, its {len(columns):,} columns are: {seen}. "
            "Check that it is the right file, with its header in the first line and one separator throughout."
        )
    try:
        frame = pd.read_csv(io.StringIO(text), sep=separator, skipinitialspace=True, **options)
    except (ValueError, pd.errors.ParserError, OverflowError) as error:
        raise DataError(
            f"{path.name} cannot be read as a {_SEPARATORS[separator]}-separated table: {error}. Every line needs the "
            "header's number of cells; mend the file or fetch it again."
        ) from error
    return frame.rename(columns=str.strip)


def read_bytes(path: Path, member: str = "*") -> bytes:
    """What the file holds, unpacked where it is gzipped or zipped (its first bytes say so, not its name).

    Raises:
        DataError: the file is missing, truncated, damaged, or unpacks to more than `LARGEST_TEXT`.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=file) as unpacked:
                    return _bounded(unpacked, path)
            if start == b"PK\x03\x04":
                return _member(file, member, path)
            if path.suffix.lower() == ".gz":
                raise DataError(
                    f"{path.name} is named .gz but is not gzipped (it starts with {start!r}). Rename it, or fetch it again."
                )
            return _bounded(file, path)
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path.name} is truncated or damaged: {error}. A whole archive is needed; fetch the file again."
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _member(file: IO[bytes], pattern: str, path: Path) -> bytes:
    with zipfile.ZipFile(file) as archive:
        found = [info for info in archive.infolist() if fnmatch.fnmatch(Path(info.filename).name.lower(), pattern.lower())]
        if len(found) != 1:
            raise DataError(
                f"{path.name} holds {len(found)} members named like {pattern!r} among {len(archive.infolist())}. "
                "Exactly one is needed; unpack the archive and keep the one table."
            )
        if found[0].flag_bits & 1:
            raise DataError(f"{path.name} is encrypted. Unpack it and give the table itself.")
        with archive.open(found[0]) as unpacked:
            return _bounded(unpacked, path)


def _bounded(stream: IO[bytes] | gzip.GzipFile, path: Path) -> bytes:
    parts, size = [], 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > LARGEST_TEXT:
            raise DataError(
                f"{path.name} unpacks to more than {LARGEST_TEXT:,} bytes, which no table of a screen does. "
                "It is not what it says, or must be cut down first."
            )
        parts.append(chunk)
    return b"".join(parts)


def decode(data: bytes, path: Path) -> str:
    """The text, from UTF-8 or UTF-16 with or without byte-order mark, else Latin-1; line ends become plain newlines.

    Raises:
        DataError: the file is empty or no text.
    """
    if not data.strip():
        raise DataError(f"{path.name} is empty. A table with a header line is needed; fetch or write the file again.")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", errors="replace")
    elif b"\x00" in data[:_CHUNK]:
        raise DataError(f"{path.name} is not text: it holds zero bytes. A text table is needed; check that it is the right file.")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def sniff(text: str, path: Path) -> str:
    """The separator that cuts the header into most cells.

    Raises:
        DataError: no known separator cuts the header at all.
    """
    header = text[:_CHUNK].split("\n", 1)[0]
    counts = {separator: len(next(csv.reader([header], delimiter=separator))) for separator in _SEPARATORS}
    best = max(counts, key=lambda separator: counts[separator])
    if counts[best] < 2:
        raise DataError(
            f"{path.name} has a single column: its first line is {header[:80]!r}. Cells separated by commas, tabs, "
            "semicolons or bars are allowed; write the table with one of these."
        )
    return best


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{str(path)!r} cannot be read: {error.strerror or error}. Check the path and its permissions.")


def checksums(paths: Iterable[Path]) -> dict[str, str]:
    """The sha256 of every file, by file name."""
    return {path.name: sha256(path) for path in paths}
