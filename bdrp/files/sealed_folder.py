"""A sealed folder: written whole or not at all, and read only if every byte is what was written.

Its manifest lists the checksum of every other file, and holds a digest of itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bdrp.errors import ModelFolderError, OutputError
from bdrp.files import atomic, inputs, outputs, sealed_json, strict_json
from bdrp.files.outputs import MANIFEST
from bdrp.files.sealed_json import DIGEST

FORMAT: Final = 2
UNDIGESTED: Final = 1
"""The format whose manifests hold no digest; its folders are read on."""
UPDATED: Final = 3
"""The format of models that were updated since their fit: versions that would read past the measurements refuse it."""
_SEAL: Final = ("format", "files", DIGEST)


@contextmanager
def writing(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its name when the block ends well.

    It is made before any work is done, so that a place that cannot be written to is known at once.

    Raises:
        OutputError: something is in the way, or the place cannot be written to.
    """
    with atomic.refusing("The model folder", out):
        check_free(out, overwrite=overwrite)
        with atomic.replacing_folder(out) as beside:
            yield beside
            check_free(out, overwrite=overwrite)  # another fit may have finished meanwhile


def check_free(out: Path, *, overwrite: bool) -> None:
    """Refuse to write where something stands.

    Raises:
        OutputError: `out` is a file, lies in a model folder, or is a folder that is not empty and not a model to be
            replaced, or a model beside which something else lies.
    """
    outputs.refuse_model(out)
    if out.is_file() or out.is_symlink():
        raise OutputError(f"--out {out} is a file or a link. A model is a folder. Choose another name.")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not overwrite:
        raise OutputError(
            f"The folder {out} is not empty. Choose another --out, or say --overwrite to replace the model."
        )
    names = outputs.sealed_names(out)
    foreign = outputs.foreign_in(out, names or set())
    shown = ", ".join(foreign[: outputs.SHOWN]) + (f" and {len(foreign) - outputs.SHOWN} more" * (len(foreign) > 5))
    if names is None:
        raise OutputError(
            f"The folder {out} holds no bdrp model, so it is not replaced. In it lie {shown}. Choose another --out."
        )
    if foreign:
        raise OutputError(
            f"The folder {out} is not replaced: beside the model lie {shown}, which are not the model's and would be "
            "lost. Move them elsewhere, or choose another --out."
        )


def reserve(place: Path) -> None:
    """Make a folder and try to write into it, before any work is done whose result would have no place.

    Raises:
        OutputError: it cannot be made or written to.
    """
    with atomic.refusing("The results", place):
        atomic.make_folder(place)
        Path(tempfile.mkdtemp(dir=place, prefix=".try.")).rmdir()


def seal(folder: Path, manifest: Mapping[str, Any], name: str = MANIFEST, version: int = FORMAT) -> None:
    """Write the manifest with the checksum of every file that is there, and its own digest.

    Raises:
        OSError: it cannot be written.
    """
    for path in folder.iterdir():
        path.chmod(0o644)
    files = {path.name: inputs.sha256(path) for path in sorted(folder.iterdir())}
    content = {key: value for key, value in manifest.items() if key not in _SEAL}
    sealed_json.write(folder / name, {"format": version, **content, "files": files})


def opened(folder: Path, name: str = MANIFEST) -> dict[str, Any]:
    """The manifest of a folder in which no file is missing, altered or foreign, and neither is the manifest.

    Raises:
        ModelFolderError: naming what is wrong.
    """
    path = folder / name
    try:
        manifest = _manifest(folder, path)
        _check_files(folder, manifest["files"], name)
    except OSError as error:
        raise ModelFolderError(
            f"The folder {folder} cannot be read: {error.strerror or error}. Give a folder that you may read."
        ) from error
    return manifest


def _manifest(folder: Path, path: Path) -> dict[str, Any]:
    if path.is_symlink():
        raise ModelFolderError(
            f"In the folder {folder}, {path.name} is a link. What it leads to may be of another folder. "
            "Put the file itself in its place."
        )
    if not path.is_file():
        seen = "nothing" if not folder.exists() else "a file" if folder.is_file() else f"a folder without {path.name}"
        raise ModelFolderError(f"There is no bdrp model at {folder}: seen {seen}. Give a folder that `bdrp fit` wrote.")
    try:
        manifest = strict_json.read(path)
    except strict_json.NotStrictError as error:
        raise ModelFolderError(f"{error} Restore it from a copy, or fit again.") from error
    if (
        not isinstance(manifest, dict)
        or type(manifest.get("format")) is not int
        or manifest["format"] not in (UNDIGESTED, FORMAT, UPDATED)
        or not isinstance(manifest.get("files"), dict)
    ):
        seen = f"of format {manifest.get('format')!r}" if isinstance(manifest, dict) else "no manifest"
        raise ModelFolderError(
            f"{path} is {seen}; this version reads format {FORMAT}, and {UNDIGESTED} of earlier "
            f"versions, {UPDATED} of updated models. "
            "Fit the model again, or use the version that wrote it."
        )
    _check_digest(folder, path, manifest)
    return manifest


def _check_digest(folder: Path, path: Path, manifest: Mapping[str, Any]) -> None:
    if manifest["format"] == UNDIGESTED and DIGEST not in manifest:
        return
    try:
        sealed_json.check(path, manifest)
    except strict_json.NotStrictError as error:
        raise ModelFolderError(
            f"In the folder {folder}, {path.name} was altered. Its digest differs from what it holds. "
            "Restore it from a copy, or fit again."
        ) from error


def _check_files(folder: Path, expected: Mapping[str, str], manifest: str) -> None:
    present = {path.name for path in folder.iterdir() if not path.name.startswith(".")} - {manifest}
    missing, foreign = sorted(set(expected) - present), sorted(present - set(expected))
    shared = sorted(set(expected) & present)
    altered = [
        name for name in shared if not outputs.is_plain(folder / name) or inputs.sha256(folder / name) != expected[name]
    ]
    for what, names, cure in (
        ("is missing", missing, "Restore it from a copy, or fit again."),
        ("was altered", altered, "Its checksum differs from the manifest's. Restore it from a copy, or fit again."),
        ("is foreign", foreign, "Only what `bdrp fit` wrote belongs in a model folder. Move it elsewhere."),
    ):
        if names:
            raise ModelFolderError(f"In the folder {folder}, {', '.join(names[:5])} {what}. {cure}")
