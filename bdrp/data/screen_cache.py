"""Parsed screens of published files, kept among the user's caches: the same files are parsed and checked once.

An entry is found by a checksum of all that decides what it holds: the files, the measure, the code that reads them and
the packages that it reads with. It is a sealed folder of Parquet, NumPy arrays and JSON, none of which can run code,
and is used only if every byte is what was written. What cannot be kept is parsed again next time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp import __version__
from bdrp.data import unpacking
from bdrp.data.measures import MEASURES
from bdrp.data.screen import Screen
from bdrp.errors import BdrpError, BdrpWarning, ModelFolderError
from bdrp.files import atomic, cache_folder, parquet, sealed_folder, strict_json
from bdrp.files.cache_folder import OFF, PLACE

FORMAT: Final = 2
MOST_ENTRIES: Final = 8
"""Chosen: both measures of four screens; what was used longest ago goes first. One of GDSC2 has 9 MB."""

_PACKAGES: Final = ("numpy", "pandas", "pyarrow", "rdkit")
_NAME: Final = "screen-"
_TABLES: Final = {"responses": None, "drugs": "drug_id", "cell_lines": "cell_line_id"}
"""The tables beside the profiles, with what their rows are named by; responses are counted."""


def load_or_read(name: str, measure: str, files: Mapping[str, Path], read: Callable[[], Screen]) -> Screen:
    """A screen as it was parsed from these files before, or `read` and kept.

    Args:
        name: of the source.
        measure: that is read.
        files: paths by what they are; together with name and measure all that `read` depends on.
        read: parses and checks them.

    Raises:
        BdrpError: as `read` does; or a file cannot be read.

    Warns:
        BdrpWarning: what was kept is damaged, and so not used.
    """
    folder = cache_folder.find()
    if folder is None:
        return read()
    checksums = {what: (path.name, unpacking.sha256(path)) for what, path in files.items()}
    entry = folder / f"{_NAME}{_key(name, measure, checksums)}"
    kept = _kept(entry)
    if kept is not None:
        return kept
    screen = read()
    if dict(screen.checksums) == dict(checksums.values()):  # else a file was changed meanwhile
        with contextlib.suppress(OSError):
            _keep(screen, entry)
            _sweep(folder)
    return screen


def _key(name: str, measure: str, checksums: Mapping[str, tuple[str, str]]) -> str:
    asked = {"format": FORMAT, "name": name, "measure": measure, "files": sorted(checksums.items())}
    versions = {package: version(package) for package in _PACKAGES} | {"bdrp": __version__, "code": _digest_code()}
    return hashlib.sha256(strict_json.text(strict_json.plain(asked | versions)).encode()).hexdigest()


@cache
def _digest_code() -> str:
    """A checksum of this room: a version under development reads nothing that another state of it has kept."""
    sha, room = hashlib.sha256(), Path(__file__).parent
    for path in sorted(room.rglob("*.py")):
        sha.update(f"{path.relative_to(room).as_posix()}\n".encode() + path.read_bytes())
    return sha.hexdigest()


def _kept(entry: Path) -> Screen | None:
    """The screen of an entry; None where there is none, or where it is damaged."""
    if not entry.exists():
        return None
    try:
        screen = _restore(entry, _opened(entry))
    except (BdrpError, OSError, ValueError, LookupError, TypeError) as error:
        warnings.warn(
            f"The screen that was kept in {entry} is not what was written there, and is not used: {error} Its files "
            f"are read instead. Set {PLACE} to keep screens elsewhere, or to {OFF} to keep none.",
            BdrpWarning,
            stacklevel=2,
        )
        return None
    with contextlib.suppress(OSError):
        os.utime(entry)  # used last
    return screen


def _opened(entry: Path) -> Mapping[str, Any]:
    """The manifest of an entry that was written under its own name: a sound one in another's place is of other files.

    Raises:
        ModelFolderError: it is not what was written, or was written under another name.
    """
    manifest = sealed_folder.opened(entry)
    if manifest.get("entry") != entry.name:
        raise ModelFolderError(f"The folder {entry} holds another screen: it was moved or copied there.")
    return manifest


def _keep(screen: Screen, entry: Path) -> None:
    with atomic.replacing_folder(entry) as beside:
        for what, key in _TABLES.items():
            table = getattr(screen, what)
            parquet.write(table if key is None else table.reset_index(), beside / f"{what}.parquet", {})
        for modality, profile in screen.profiles.items():
            np.save(beside / f"{modality}.npy", profile.to_numpy(), allow_pickle=False)
        sealed_folder.seal(beside, {"entry": entry.name, **_describe(screen)})


def _describe(screen: Screen) -> dict[str, Any]:
    named = {name: {"lines": list(one.index), "columns": list(one.columns)} for name, one in screen.profiles.items()}
    about = {"name": screen.name, "measure": screen.measure.name, "checksums": dict(screen.checksums)}
    return {**about, "notices": list(screen.notices), "profiles": named}


def _restore(entry: Path, manifest: Mapping[str, Any]) -> Screen:
    tables = {what: parquet.read_part(entry / f"{what}.parquet").to_pandas() for what in _TABLES}
    indexed = {
        what: table if (key := _TABLES[what]) is None else table.set_index(key) for what, table in tables.items()
    }
    return Screen.of_checked(
        name=manifest["name"],
        measure=MEASURES[manifest["measure"]],
        **indexed,
        profiles={name: _restore_profile(entry / f"{name}.npy", ids) for name, ids in manifest["profiles"].items()},
        checksums=manifest["checksums"],
        notices=tuple(manifest["notices"]),
    )


def _restore_profile(path: Path, ids: Mapping[str, list[str]]) -> pd.DataFrame:
    lines = pd.Index(ids["lines"], dtype="str", name="cell_line_id")
    return pd.DataFrame(np.load(path, allow_pickle=False), lines, pd.Index(ids["columns"], dtype="str"))


def _sweep(folder: Path) -> None:
    """Remove all entries but the ones that were used last."""
    entries = [path for path in folder.iterdir() if path.name.startswith(_NAME)]
    for old in sorted(entries, key=lambda path: path.stat().st_mtime, reverse=True)[MOST_ENTRIES:]:
        atomic.remove(old)
