"""One JSON object in a file, with a digest of itself: what a bit or a hand altered in it is not read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bdrp.files import strict_json

DIGEST: Final = "digest"


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write an object with its digest behind it, whole or not at all.

    Raises:
        OSError: the place cannot be written to.
        ValueError, TypeError: the content has no strict JSON.
    """
    strict_json.write(path, with_digest(content))


def read(path: Path) -> dict[str, Any]:
    """The object of a file, its digest with it.

    Raises:
        OSError: the file cannot be read.
        NotStrictError: it holds no such object, or it was altered.
    """
    content = strict_json.read(path)
    if not isinstance(content, dict):
        raise strict_json.NotStrictError(f"{path} holds no object.")
    check(path, content)
    return content


def check(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse what differs from its digest, in its words or in how they are written.

    Raises:
        OSError: the file cannot be read.
        NotStrictError: it differs.
    """
    if content.get(DIGEST) != with_digest(content)[DIGEST] or path.read_bytes() != _written(content):
        raise strict_json.NotStrictError(f"{path} was altered: its digest differs from what it holds.")


def with_digest(content: Mapping[str, Any]) -> dict[str, Any]:
    """An object with its digest behind it: the SHA-256 of the object as it is written without one.

    Raises:
        ValueError, TypeError: it has no strict JSON.
    """
    bare = {key: value for key, value in content.items() if key != DIGEST}
    return {**bare, DIGEST: hashlib.sha256(_written(bare)).hexdigest()}


def _written(content: Mapping[str, Any]) -> bytes:
    return f"{strict_json.text(content)}\n".encode()
