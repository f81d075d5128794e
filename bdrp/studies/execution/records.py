"""Records of finished runs, one folder each under its key: whole or not there, and checked when they are read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bdrp.errors import DataError, ModelFolderError
from bdrp.files import atomic, outputs, sealed_folder
from bdrp.fitted import held_out
from bdrp.fitted.held_out import HeldOut
from bdrp.studies.execution.run_matrix import Run

RUNS, RECORD = "runs", "record.json"
LONGEST: Final = 1e9  # seconds; chosen: no fit takes thirty years
MOST: Final = 2**63 - 1  # bytes, or responses: what a table can hold


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
        """The held-out predictions of a run that did not fail.

        Raises:
            ModelFolderError: they are not of one test part, although their checksums are right.
        """
        try:
            return HeldOut.load(self.path)
        except (ValueError, LookupError, OSError, DataError) as error:
            raise ModelFolderError(
                f"The record {self.path} cannot be used: {error}. Its files are not those of one run; remove this "
                "folder, and the same command makes it again."
            ) from error


def write_record(out: Path, run: Run, content: Mapping[str, Any], predicted: HeldOut | None) -> None:
    """Write a record beside its place and rename it; one of a failed run is replaced.

    Raises:
        OutputError: the place cannot be written to, or something else lies in it.
    """
    place = out / RUNS / run.key
    check_place(out, run)
    with atomic.refusing("The record", place), atomic.replacing_folder(place) as beside:
        if predicted is not None:
            predicted.save(beside)
        sealed_folder.seal(beside, {"config": run.config, **content}, RECORD)
        atomic.remove(place)


def read_record(out: Path, run: Run) -> Record | None:
    """The record of a run, None where there is none.

    Raises:
        ModelFolderError: there is one that is not what was written.
    """
    place = out / RUNS / run.key
    if not place.exists():
        return None
    try:
        content = sealed_folder.opened(place, RECORD)
    except ModelFolderError as error:
        raise ModelFolderError(f"The record {place} cannot be used: {error} It has to be made again.") from error
    wrong = _wrong(content, run) or _unlisted(content)
    if wrong:
        raise ModelFolderError(f"The record {place} cannot be used: {wrong}. It has to be made again.")
    return Record(place, content)


def check_place(out: Path, run: Run) -> None:
    """Refuse to make a record again in whose folder something else lies.

    Raises:
        OutputError: naming what would be lost.
    """
    outputs.refuse_foreign(out / RUNS / run.key, (*held_out.FILES, RECORD))


def list_foreign_files(place: Path) -> list[str]:
    """What lies among records and is none: a record is named by the hash of its run."""
    names = sorted(path.name for path in place.iterdir())
    return [name for name in names if not (name.startswith(".") or re.fullmatch("[0-9a-f]{64}", name))]


def _wrong(content: Mapping[str, Any], run: Run) -> str:
    if content.get("config") != json.loads(json.dumps(run.config)):
        return f"{RECORD} tells of another run than its address"
    taken = content.get("seconds")
    if not isinstance(taken, dict) or "fit" not in taken or not all(_within(each, LONGEST) for each in taken.values()):
        return f"{RECORD} does not say how long the run took"
    if "error" in content:
        error = content["error"]
        present = isinstance(error, dict) and isinstance(error.get("message"), str)
        return "" if present else f"{RECORD} does not say how the run failed"
    return _untold(content)


def _untold(content: Mapping[str, Any]) -> str:
    """What reports read of a run that did not fail, and its record does not say."""
    memory, test = content.get("peak_memory_bytes"), content.get("split")
    for key in ("parts", "test", "responses"):
        test = test.get(key) if isinstance(test, dict) else None
    present = {
        "its recalibrator": isinstance(content.get("recalibrator"), str),
        "how many responses were held out": isinstance(test, int) and _within(test, MOST),
        "how much memory it took": memory is None or _within(memory, MOST),
    }
    return next((f"{RECORD} does not say {what}" for what, said in present.items() if not said), "")


def _unlisted(content: Mapping[str, Any]) -> str:
    expected = () if "error" in content else held_out.FILES
    return "" if set(content["files"]) == set(expected) else f"{RECORD} does not list the held-out predictions"


def _within(value: Any, most: float) -> bool:
    """Whether it is a number from 0 to `most`, which no NaN is."""
    return isinstance(value, (int, float)) and 0 <= value <= most
