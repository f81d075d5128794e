"""A model folder: written whole or not at all, read only if it is exactly what was written; nothing is pickled."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from bdrp.errors import ModelFolderError, OutputError
from bdrp.files import outputs
from bdrp.files.outputs import MANIFEST

FORMAT = 1


@contextmanager
def writing(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its name when the block ends well.

    It is made before any work is done, so that a place that cannot be written to is known at once.

    Raises:
        OutputError: something is in the way, or the place cannot be written to.
    """
    temporary = None
    try:
        check_free(out, overwrite=overwrite)
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        yield temporary
        temporary.chmod(0o755)
        check_free(out, overwrite=overwrite)  # another fit may have finished meanwhile
        _take_the_name(temporary, out)
    except OSError as error:
        raise OutputError(
            f"The model folder {out} cannot be written: {error.strerror or error}. It needs a place that you may write "
            "to, on a disk with space. Choose another --out, or free some space."
        ) from error
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)


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
    try:
        place.mkdir(parents=True, exist_ok=True)
        Path(tempfile.mkdtemp(dir=place, prefix=".try.")).rmdir()
    except OSError as error:
        raise OutputError(
            f"The folder {place} cannot be written: {error.strerror or error}. It needs a place that you may write to, "
            "on a disk with space. Choose another --out, or free some space."
        ) from error


def seal(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest with the checksum of every file that is there."""
    for path in folder.iterdir():
        path.chmod(0o644)  # safetensors writes for the owner alone
    files = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    write_json(folder / MANIFEST, {"format": FORMAT, **manifest, "files": files})


def opened(folder: Path) -> dict[str, Any]:
    """The manifest of a folder in which no file is missing, altered or foreign.

    Raises:
        ModelFolderError: naming what is wrong.
    """
    path = folder / MANIFEST
    try:
        manifest = _manifest(folder, path)
        _check_files(folder, manifest["files"])
    except OSError as error:
        raise ModelFolderError(
            f"The model folder {folder} cannot be read: {error.strerror or error}. Give a folder that you may read."
        ) from error
    return manifest


def _manifest(folder: Path, path: Path) -> dict[str, Any]:
    if not path.is_file():
        seen = "nothing" if not folder.exists() else "a file" if folder.is_file() else f"a folder without {MANIFEST}"
        raise ModelFolderError(f"There is no bdrp model at {folder}: seen {seen}. Give a folder that `bdrp fit` wrote.")
    manifest = read_json(path)
    if (
        not isinstance(manifest, dict)
        or manifest.get("format") != FORMAT
        or not isinstance(manifest.get("files"), dict)
    ):
        seen = f"of format {manifest.get('format')!r}" if isinstance(manifest, dict) else "no manifest"
        raise ModelFolderError(
            f"{path} is {seen}; this version reads format {FORMAT}. "
            "Fit the model again, or use the version that wrote it."
        )
    return manifest


def _check_files(folder: Path, expected: Mapping[str, str]) -> None:
    present = {path.name for path in folder.iterdir() if not path.name.startswith(".")} - {MANIFEST}
    missing, foreign = sorted(set(expected) - present), sorted(present - set(expected))
    shared = sorted(set(expected) & present)
    altered = [name for name in shared if not _is_plain(folder / name) or _sha256(folder / name) != expected[name]]
    for what, names, cure in (
        ("is missing", missing, "Restore it from a copy, or fit again."),
        ("was altered", altered, "Its checksum differs from the manifest's. Restore it from a copy, or fit again."),
        ("is foreign", foreign, "Only what `bdrp fit` wrote belongs in a model folder. Move it elsewhere."),
    ):
        if names:
            raise ModelFolderError(f"In the model folder {folder}, {', '.join(names[:5])} {what}. {cure}")


def write_json(path: Path, content: Any) -> None:
    """Strict JSON, one key a line."""
    path.write_text(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """JSON, or an error that names the file.

    Raises:
        ModelFolderError: not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelFolderError(
            f"{path} is not readable JSON ({error}). Restore it from a copy, or fit again."
        ) from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Tensors as safetensors."""
    try:
        save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    except SafetensorError as error:  # a full disk arrives as this
        raise OSError(f"{path.name}: {error}") from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors, or an error that names the file.

    Raises:
        ModelFolderError: not safetensors, or a value is not finite.
    """
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelFolderError(f"{path} is not a safetensors file ({error}). Restore it, or fit again.") from error
    wrong = sorted(name for name, value in tensors.items() if not value.isfinite().all())
    if wrong:
        raise ModelFolderError(f"{path} holds values that are not finite in {', '.join(wrong[:5])}. Fit again.")
    return tensors


def _take_the_name(temporary: Path, out: Path) -> None:
    if out.is_dir() and any(out.iterdir()):
        aside = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.old."))
        try:
            os.replace(out, aside)
            os.replace(temporary, out)
        except OSError:
            if not out.exists():
                os.replace(aside, out)
            raise
        finally:
            if out.exists():
                shutil.rmtree(aside, ignore_errors=True)
    else:
        os.replace(temporary, out)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
