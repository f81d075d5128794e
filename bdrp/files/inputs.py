"""What is read as a whole, or summed up: plain files, for a pipe or a device may never end."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path
from typing import Final

LARGEST: Final = 1 << 27
"""Bytes; chosen: a hundred times the largest collection of gene sets."""


def read_start(path: Path, count: int) -> bytes:
    """The first bytes of a file, `count` at most.

    Raises:
        OSError: it cannot be read, or is a pipe or a device.
    """
    _refuse_endless(path)
    with path.open("rb") as file:
        return file.read(count)


def sha256(path: Path) -> str:
    """The SHA-256 of a file of any size, in hexadecimal digits.

    Raises:
        OSError: as `read_start`.
    """
    _refuse_endless(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: as `read_start`, or it is larger than it may be.
    """
    content = read_start(path, largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"it has more than {largest:,} bytes", str(path))
    return content


def read_text(path: Path, largest: int = LARGEST) -> str:
    """The text of a file in UTF-8, without a byte order mark.

    Raises:
        OSError: as `read_bytes`.
        UnicodeDecodeError: it is no UTF-8.
    """
    return read_bytes(path, largest).decode("utf-8-sig")


def _refuse_endless(path: Path) -> None:
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "it is a pipe or a device, where a file is needed", str(path))
