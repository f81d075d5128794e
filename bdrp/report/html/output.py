"""Files that appear whole or not at all, and what is said where they cannot be written."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from bdrp.errors import OutputError


def folder(out: Path) -> Path:
    """The folder, made if it does not exist."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(out, error) from error
    return out


def write_text(path: Path, text: str) -> Path:
    """Write beside the target, flush, then rename: a reader sees the old file or the new one, never half of one."""
    beside: str | None = None
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            os.fchmod(stream.fileno(), 0o644)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    except OSError as error:
        if beside is not None:
            Path(beside).unlink(missing_ok=True)
        raise _refusal(path, error) from error
    return path


def _refusal(path: Path, error: OSError) -> OutputError:
    seen, remedy = _REASONS.get(error.errno or 0, (error.strerror or str(error), "Choose another folder with --out."))
    return OutputError(
        f"The report could not be written to {path}: {seen}. A report needs a folder that can be written, with about "
        f"5 MB free. {remedy}"
    )


_REASONS = {
    errno.EACCES: ("no permission", "Choose another folder with --out, or ask for write permission on this one."),
    errno.EPERM: ("no permission", "Choose another folder with --out, or ask for write permission on this one."),
    errno.EROFS: ("the file system is read-only", "Choose a folder on another file system with --out."),
    errno.ENOSPC: ("the disk is full", "Free some space or choose a folder on another disk with --out."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space or choose a folder on another disk with --out."),
    errno.EEXIST: (
        "a file stands where the folder should be",
        "Move that file away or choose another folder with --out.",
    ),
    errno.ENOTDIR: (
        "a file stands where a folder should be",
        "Move that file away or choose another folder with --out.",
    ),
    errno.EISDIR: ("a folder stands where the file should be", "Move that folder away or choose another with --out."),
}
