"""Files and folders that appear whole or not at all, and are on the disk before they have their name.

Everything that bdrp writes goes through here: written beside its place, flushed, renamed, and the name flushed too, so
that after a power cut there is the old result or the new one and never half of either. What a killed process left
half written is swept when the same name is written again.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bdrp.errors import OutputError


@contextmanager
def refusing(what: str, path: Path) -> Iterator[None]:
    """Tell a failure to write within the block as bdrp's own error.

    Args:
        what: is written, as a sentence begins: "The queue".
        path: where to.

    Raises:
        OutputError: instead of any OSError of the block, with what can be done about it.
    """
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "Choose another place, or free some space.")
        raise OutputError(
            f"{what} could not be written to {path}: {error.strerror or error}. What is written needs a "
            f"place that you may write to, on a disk with space. {remedy}"
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are not there.

    Raises:
        OSError: it cannot be made; also for thousands of folders within each other, at which Python runs out of stack.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except RecursionError as error:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path)) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path` that takes its name, flushed to the disk, when the block ends well; else it is removed.

    Raises:
        OSError: the place cannot be written to; `refusing` tells it as an OutputError.
    """
    make_folder(path.parent)
    ending = f".part{path.suffix[:_SHOWN]}"
    _sweep(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{_beside(path)}{_owner()}.", suffix=ending)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o666 & ~_umask())
        move(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path` that takes its name when the block ends well; else it is removed with all it holds.

    What is written into it goes through `replacing` and is flushed by that. A folder that stands there is replaced: it
    is moved aside, and back again if the new one cannot take the name.

    Raises:
        OSError: the place cannot be written to, or a file stands there.
    """
    make_folder(path.parent)
    _sweep(path)
    beside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f"{_beside(path)}{_owner()}."))
    try:
        yield beside
        beside.chmod(0o777 & ~_umask())
        _flush(beside)
        _take_the_name(beside, path)
        _flush(path.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def move(whole: Path, path: Path) -> None:
    """Give a finished file its name, on the same disk.

    Raises:
        OSError: the place cannot be written to.
    """
    _flush(whole)
    os.replace(whole, path)
    _flush(path.parent)


def remove(path: Path) -> None:
    """Take a folder or a file away, if it is there: renamed first, so that nobody ever reads half of it.

    Raises:
        OSError: it cannot be renamed.
    """
    if path.exists():
        aside = _aside(path)
        os.replace(path, aside / path.name)  # into it, where a file goes as well as a folder
        shutil.rmtree(aside, ignore_errors=True)


def _take_the_name(beside: Path, path: Path) -> None:
    if not path.is_dir() or not any(path.iterdir()):
        os.replace(beside, path)
        return
    aside = _aside(path)
    try:
        os.replace(path, aside)
        os.replace(beside, path)
    except OSError:
        if not path.exists():
            os.replace(aside, path)
        raise
    finally:
        if path.exists():
            shutil.rmtree(aside, ignore_errors=True)


def _aside(path: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=path.parent, prefix=f"{_beside(path)}{_owner()}.old."))


def _sweep(path: Path) -> None:
    """Remove what writers of this name left half written whose processes, on this machine, are no more."""
    import psutil

    ours = re.compile(f"{re.escape(_beside(path))}{_machine()}-([0-9]+)[.](old[.])?")
    for name in os.listdir(path.parent):
        owner = ours.match(name)
        only_copy = owner is not None and owner[2] and not path.exists()  # moved aside by one killed at the next step
        if owner is not None and not only_copy and not psutil.pid_exists(int(owner[1])):
            left = path.parent / name
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() and not left.is_symlink() else left.unlink(True)


def _beside(path: Path) -> str:
    return f".{path.name[:_SHOWN]}."


def _owner() -> str:
    return f"{_machine()}-{os.getpid()}"


def _machine() -> str:
    """Eight digits for a machine's name: a folder may be shared by several, whose processes are not known here."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _flush(path: Path) -> None:
    """Hand a file, or the names in a folder, to the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folder
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


_SHOWN = 40
"""Characters of a name that a file beside it repeats; chosen: four bytes each, they leave room within 255."""

_PERMISSION = "Choose another place, or ask for write permission on this one."
_SPACE = "Free some space, or choose a place on another disk."
_REMEDIES = {
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EROFS: "Choose a place on another file system; this one can only be read.",
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EEXIST: "A file stands where a folder should be. Move it away, or choose another place.",
    errno.ENOTDIR: "A file stands where a folder should be. Move it away, or choose another place.",
    errno.EISDIR: "A folder stands where the file should be. Move it away, or choose another place.",
}
