"""Where a result may go: not over an input, not into a model, and over nothing but an earlier result of its kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from bdrp.errors import OutputError
from bdrp.files import strict_json, tables

MANIFEST: Final = "manifest.json"
"""Names every file of a model folder with its checksum."""
SHOWN: Final = 5

Own = Callable[[Path], bool]
"""Whether a file that stands in a result's place is an earlier result of its kind, which may be replaced."""


def guard(results: Mapping[Path, Own], inputs: Iterable[Path] = ()) -> None:
    """Refuse results that would destroy something, before any work is done for them; all of them in one refusal.

    Args:
        results: every file that is to be written, with what it may replace.
        inputs: the files and model folders that the same command reads.

    Raises:
        OutputError: naming what is an input, lies in a model folder, or is no earlier result.
    """
    read = list(inputs)
    wrong: dict[str, list[str]] = {}
    for path, own in results.items():
        wrong.setdefault(_why_not(path, own, read), []).append(str(path))
    wrong.pop("", None)
    if wrong:
        seen = "; ".join(f"{', '.join(paths)} ({why})" for why, paths in wrong.items())
        raise OutputError(
            f"Nothing was written, for something would be lost or spoilt: {seen}. A result may replace an earlier "
            "result of its kind and nothing else. Choose another --out, or move away what stands there."
        )


def guard_folder(out: Path, inputs: Iterable[Path]) -> None:
    """Refuse a folder that is written as a whole and is, or holds, an input.

    Raises:
        OutputError: naming the input.
    """
    for path in inputs:
        if is_same(out, path) or _is_within(path, out):
            raise OutputError(
                f"The folder {out} cannot be written: {path} is an input of the same command and would be lost. A "
                "result may not replace what it is made of. Choose another --out."
            )


def refuse_model(out: Path) -> None:
    """Refuse a place below a model folder, which holds nothing but the model.

    Raises:
        OutputError: naming the model.
    """
    model = _model_above(out)
    if model is not None:
        raise OutputError(
            f"Nothing can be written to {out}: it lies in the model folder {model}, which holds nothing but the model. "
            "Choose another --out."
        )


def sealed_names(folder: Path) -> set[str] | None:
    """The files that a model folder's manifest lists, with the manifest; None where there is no such manifest."""
    try:
        manifest = strict_json.read(folder / MANIFEST)
    except (OSError, ValueError):
        return None
    kept = isinstance(manifest, dict) and "format" in manifest and "versions" in manifest and "method" in manifest
    files = manifest.get("files") if kept else None
    return {*files, MANIFEST} if isinstance(files, dict) else None


def foreign_in(folder: Path, names: set[str]) -> list[str]:
    """What lies in a folder beside plain files of these names."""
    return sorted(path.name for path in folder.iterdir() if path.name not in names or not is_plain(path))


def refuse_foreign(folder: Path, names: Iterable[str]) -> None:
    """Refuse a folder that is to be made again, or taken away, and holds what somebody else put there.

    Args:
        folder: which need not exist.
        names: its own files, as patterns; what a killed run left half written of these is its own too.

    Raises:
        OutputError: naming what would be lost.
    """
    own = with_halves(names)
    foreign = [
        path.name
        for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
        if not is_plain(path) or not any(fnmatchcase(path.name, pattern) for pattern in own)
    ]
    if foreign:
        raise OutputError(
            f"The folder {folder} is made again, and in it lies what would be lost: {', '.join(foreign[:SHOWN])}. Only "
            "what bdrp wrote belongs there. Move it elsewhere and run the same command again."
        )


def with_halves(names: Iterable[str]) -> list[str]:
    """Patterns of files, and of what a killed run left half written of them."""
    return [pattern for name in names for pattern in (name, f".{name}.*")]


def is_plain(path: Path) -> bool:
    """Whether it is a file and no link."""
    return os.path.isfile(path) and not os.path.islink(path)


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths are one file or folder: by another spelling, a link, a hard link, or in another case."""
    try:
        if os.path.samefile(one, other):
            return True
    except OSError:  # one of them does not exist
        pass
    return os.path.realpath(one) == os.path.realpath(other)


def is_page(path: Path) -> bool:
    """Whether a file is a page that bdrp wrote."""
    with path.open("rb") as file:
        return b'<meta name="generator" content="bdrp">' in file.read(1 << 16)


def has_columns(needed: Iterable[str], foreign: Iterable[str] = ()) -> Own:
    """Whether a table has all of the needed columns and none of the foreign ones."""
    wanted, unwanted = set(needed), set(foreign)
    return lambda path: wanted <= (columns := set(tables.columns(path))) and not unwanted & columns


def _why_not(path: Path, own: Own, inputs: Sequence[Path]) -> str:
    for one in inputs:
        if is_same(path, one):
            return "an input of the same command"
        if os.path.isdir(one) and _is_within(path, one):
            return f"within {one}, an input of the same command"
    model = _model_above(path)
    if model is not None:
        return f"within the model folder {model}, which holds nothing but the model"
    if os.path.islink(path):  # False, not an error, where a name is too long
        return "a link"
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        return "a pipe or a device"
    return (
        ""
        if not os.path.isfile(path) or _is_own(path, own)
        else "there is something else, no earlier result of this kind"
    )


def _is_own(path: Path, own: Own) -> bool:
    try:
        return own(path)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _model_above(path: Path) -> Path | None:
    return next((one for one in Path(os.path.realpath(path)).parents if sealed_names(one) is not None), None)


def _is_within(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(folder)) in Path(os.path.realpath(path)).parents
