"""Files found by name and unpacked within bounds; what is damaged or hostile is refused in words."""

from __future__ import annotations

import fnmatch
import gzip
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast
from xml.etree.ElementTree import ParseError

from bdrp.data.identifiers import listed
from bdrp.errors import DataError
from bdrp.files import bounds, inputs

LARGEST: Final = 2 * 1024**3
"""Bytes after unpacking; chosen: the largest official table, the whole RMA matrix, has under 200 MB."""

_CHUNK: Final = 1 << 20
_DAMAGED: Final = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError)
"""What reading a damaged archive raises."""
_ROW_NUMBER: Final = re.compile(rb"""<(?:\w+:)?row\s(?:[^<>]*?\s)?r\s*=\s*["']([0-9]{1,9})["']""")
_PACKED: Final = (".gz", ".zip")
_TABLES: Final = (".csv", ".tsv", ".txt", ".xlsx", ".parquet")


def find(root: Path, patterns: Sequence[str], noun: str, remedy: str) -> Path | None:
    """The one table below `root` whose name fits the first pattern that any name fits, upper or lower case alike.

    Raises:
        DataError: several files fit equally well.
    """
    tables = [path for path in sorted(root.rglob("*")) if _is_table(path)]
    for pattern in patterns:
        found = [path for path in tables if fnmatch.fnmatchcase(path.name.lower(), pattern.lower())]
        if len(found) > 1:
            shown = listed((str(path.relative_to(root)) for path in found), 5)
            raise DataError(
                f"{len(found)} files below {str(root)!r} could be {noun}: {shown}. One is allowed; move the others "
                "away, "
                f"or {remedy}."
            )
        if found:
            return found[0]
    return None


def _is_table(path: Path) -> bool:
    name = path.name.lower()
    bare = next((name.removesuffix(ending) for ending in _PACKED if name.endswith(ending)), name)
    return not name.startswith((".", "~$")) and bare.endswith(_TABLES) and path.is_file()


def checksums(paths: Iterable[Path]) -> dict[str, str]:
    """The sha256 of every file as it lies on the disk, by file name.

    Raises:
        DataError: a file cannot be read.
    """
    return {path.name: sha256(path) for path in paths}


def sha256(path: Path) -> str:
    """The sha256 of the file as it lies on the disk, in hexadecimal digits.

    Raises:
        DataError: the file cannot be read.
    """
    require_file(path)
    try:
        return inputs.sha256(path)
    except OSError as error:
        raise unreadable(path, error) from error


def require_file(path: Path) -> None:
    """Refuse a pipe or a device, which may never end, and a folder; what is not there is told by opening it.

    Raises:
        DataError: what it is.
    """
    if path.exists() and not path.is_file():
        seen = "a folder" if path.is_dir() else "a pipe or a device"
        raise DataError(f"{str(path)!r} is {seen}. A file is needed; name one, or write what comes out into one.")


def read_bytes(path: Path, member: str = "*") -> bytes:
    """What the file holds, unpacked where it is gzipped or zipped; its first bytes say so, not its name.

    Of a zip archive only the one member named like `member` is read, into memory, whatever paths the archive holds.

    Raises:
        DataError: the file is missing, truncated, damaged, or unpacks to more than `most_unpacked`.
    """
    with _unpacked(path, member) as stream:
        return _bounded(stream, path)


def read_start(path: Path, count: int, member: str = "*") -> bytes:
    """The first bytes of what `read_bytes` reads, `count` at most; what comes behind is not looked at.

    Raises:
        DataError: the file is missing, or damaged so far.
    """
    with _unpacked(path, member) as stream:
        return stream.read(count)


@contextmanager
def _unpacked(path: Path, member: str) -> Iterator[IO[bytes]]:
    """What the file holds, as a stream; what goes wrong while it is read is refused in words too."""
    require_file(path)
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield cast("IO[bytes]", unpacked)
            elif start == b"PK\x03\x04":
                with zipfile.ZipFile(file) as archive, archive.open(_find_member(archive, member, path)) as unpacked:
                    yield unpacked
            else:
                _refuse_false_name(start, path)
                yield file
    except _DAMAGED as error:
        raise DataError(
            f"{path.name} is truncated or damaged: {error}. A whole file is needed; fetch or copy it again."
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


def is_packed(path: Path) -> bool:
    """Whether the file is gzipped or zipped; its first bytes say so, not its name."""
    with path.open("rb") as file:
        start = file.read(4)
    return start[:2] == b"\x1f\x8b" or start == b"PK\x03\x04"


def _refuse_false_name(start: bytes, path: Path) -> None:
    if path.suffix.lower() in _PACKED:
        raise DataError(
            f"{path.name} is named {path.suffix} but is not packed so: it starts with {start!r}. Name a plain table "
            ".csv or "
            ".txt, or fetch the file again (a download may have saved an error page)."
        )


def _find_member(archive: zipfile.ZipFile, pattern: str, path: Path) -> zipfile.ZipInfo:
    inside = [info for info in archive.infolist() if not info.is_dir() and "__MACOSX" not in info.filename]
    found = [one for one in inside if fnmatch.fnmatchcase(Path(one.filename).name.lower(), pattern.lower())]
    if len(found) != 1:
        names = listed((one.filename[:60] for one in inside), 5)
        raise DataError(
            f"{path.name} holds {len(found)} tables named like {pattern!r} among {len(inside)} files ({names}). "
            "One is needed; unpack the archive and keep that table alone."
        )
    if found[0].flag_bits & 1:
        raise DataError(f"{path.name} is encrypted. Tables are read without a password; unpack it first.")
    return found[0]


def _bounded(stream: IO[bytes], path: Path) -> bytes:
    most = most_unpacked(path)
    buffer = io.BytesIO()  # hands over its bytes without a copy
    while chunk := stream.read(_CHUNK):
        if buffer.tell() + len(chunk) > most:
            raise too_large(path)
        buffer.write(chunk)
    return buffer.getvalue()


def is_workbook(path: Path) -> bool:
    """Whether the file is an Excel workbook in the .xlsx format."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


@contextmanager
def workbook_rows(path: Path) -> Iterator[Iterator[tuple[Any, ...]]]:
    """The rows of a workbook's first sheet that is not hidden, streamed; formulas as their last values.

    Raises:
        DataError: the workbook is damaged, or unpacks to more than `most_unpacked`.
    """
    import openpyxl

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > most_unpacked(path):
                raise too_large(path)
            _refuse_lost_rows(archive, path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions that hold no data
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                shown = [one for one in book.worksheets if one.sheet_state == "visible"]
                sheet: Any = (shown or book.worksheets)[0]  # nobody sees that a hidden one stands before it
                sheet.reset_dimensions()  # many writers leave a wrong <dimension>, which would cut rows off
                yield sheet.iter_rows(values_only=True)
            finally:
                book.close()
    except (*_DAMAGED, ParseError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path.name} cannot be read as a workbook: {error}. A whole .xlsx file is needed; fetch it again or save "
            "it as CSV."
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _refuse_lost_rows(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse rows that are numbered twice or backwards, which openpyxl skips without a word."""
    for name in fnmatch.filter(archive.namelist(), "xl/worksheets/*.xml"):
        last, rest = 0, b""
        with archive.open(name) as stream:
            while chunk := stream.read(_CHUNK):
                whole, mark, rest = (rest + chunk).rpartition(b"<")
                rest = mark + rest if len(rest) < _CHUNK else b""  # no tag is as long
                for number in map(int, _ROW_NUMBER.findall(whole)):
                    if number <= last:
                        raise DataError(
                            f"{path.name} has a row {number:,} behind its row {last:,} ({name}). Rows are numbered "
                            "upwards, each once, as spreadsheets do. Open it in a spreadsheet and save it again, or "
                            "save it as CSV."
                        )
                    last = number


def most_unpacked(path: Path) -> int:
    """Bytes that a file may unpack to: `LARGEST`, and less where it is small; see `bounds`."""
    return bounds.most_unpacked(path.stat().st_size, LARGEST)


def too_large(path: Path) -> DataError:
    """The error for a file that holds more than any screen's table."""
    return DataError(
        f"{path.name} unpacks to more than {most_unpacked(path):,} bytes, more than any table of its size on the disk. "
        "It is not what its name says, or must be cut down first."
    )


def unreadable(path: Path, error: OSError) -> DataError:
    """The error for a file that the system does not let us read."""
    return DataError(f"{str(path)!r} cannot be read: {error.strerror or error}. Check the path and its permissions.")
