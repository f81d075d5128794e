"""Records of finished runs, one folder each under its address: whole or not there, and checked when they are read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bdrp.errors import ModelFolderError, OutputError
from bdrp.experiments import folder, held_out
from bdrp.experiments.grid import Run
from bdrp.experiments.held_out import HeldOut

RUNS, RECORD = "runs", "record.json"
FORMAT: Final = 1


@dataclass(frozen=True)
class Record:
    """What is known of a run that ended.

    Attributes:
        path: the folder of its record.
        content: config, versions, seconds, peak memory, warnings and notices; `error` where the run failed.
    """

    path: Path
    content: Mapping[str, Any]

    @property
    def failed(self) -> bool:
        """Whether the run ended in an error."""
        return "error" in self.content

    @property
    def seconds(self) -> float:
        """How long the run took."""
        return float(sum(self.content["seconds"].values()))

    def held_out(self) -> HeldOut:
        """The held-out predictions of a run that did not fail."""
        return HeldOut.load(self.path)


def write(out: Path, run: Run, content: Mapping[str, Any], predicted: HeldOut | None) -> None:
    """Write a record beside its place and rename it; one of a failed run is replaced.

    Raises:
        OutputError: the place cannot be written to.
    """
    place, beside = out / RUNS / run.address, None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{run.address[:12]}."))
        if predicted is not None:
            predicted.save(beside)
        files = {path.name: _sha256(path) for path in sorted(beside.iterdir())}
        folder.write_json(beside / RECORD, {"format": FORMAT, "config": run.config, **content, "files": files})
        beside.chmod(0o755)
        remove(place)
        os.replace(beside, place)
    except OSError as error:
        raise OutputError(
            f"The record {place} cannot be written: {error.strerror or error}. It needs a folder that you may write "
            "to, on a disk with space. Choose another --out, or free some space."
        ) from error
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)


def read(out: Path, run: Run) -> Record | None:
    """The record of a run, None where there is none.

    Raises:
        ModelFolderError: there is one that is not what was written.
    """
    place = out / RUNS / run.address
    if not place.exists():
        return None
    content = folder.read_json(place / RECORD)
    wrong = _wrong(content, run) or _altered(place, content)
    if wrong:
        raise ModelFolderError(f"The record {place} cannot be used: {wrong}. It has to be made again.")
    return Record(place, content)


def remove(place: Path) -> None:
    """Take a record away, if it is there: renamed first, so that nobody ever reads half of it."""
    if not place.exists():
        return
    aside = Path(tempfile.mkdtemp(dir=place.parent, prefix=".old."))
    os.replace(place, aside)
    shutil.rmtree(aside, ignore_errors=True)


def clean(out: Path) -> int:
    """Remove what a killed process left half-written; how many there were."""
    left = [path for path in (out / RUNS).glob(".*") if path.is_dir()]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)


def _wrong(content: Any, run: Run) -> str:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return f"{RECORD} is not of format {FORMAT}"
    if content.get("config") != json.loads(json.dumps(run.config)):
        return f"{RECORD} tells of another run than its address"
    taken = content.get("seconds")
    if not isinstance(taken, dict) or not all(isinstance(value, (int, float)) for value in taken.values()):
        return f"{RECORD} does not say how long the run took"
    return ""


def _altered(place: Path, content: Mapping[str, Any]) -> str:
    """Which file is missing or is not the one that was written."""
    files, expected = content.get("files"), () if "error" in content else held_out.FILES
    if not isinstance(files, dict) or set(files) != set(expected):
        return f"{RECORD} does not list the held-out predictions"
    for name, checksum in files.items():
        if not (place / name).is_file():
            return f"{name} is missing"
        if _sha256(place / name) != checksum:
            return f"{name} was altered"
    return ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
