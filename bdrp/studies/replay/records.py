"""What is kept of a replay: the first model of each seed and the rounds of each run, under hashes of what decides them.

A run that was stopped is made again from its first round; those that ended are read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bdrp.errors import ModelFolderError
from bdrp.files import atomic, outputs, sealed_folder, sealed_json, strict_json
from bdrp.fitted.model import TrainedModel
from bdrp.studies.folder import address, check_own, is_model_of, remember_model

RUNS, MODELS = "runs", "models"
COLUMNS: Final = ("labels", "rmse", "coverage_90", "hits_found", "batch_hits")


def reserve_folder(out: Path) -> Path:
    """The folder of a replay, made where there is none.

    Raises:
        OutputError: it is a file, a model, or holds something else, or it cannot be written to.
    """
    check_own(out, "replay", RUNS)
    sealed_folder.reserve(out / RUNS)
    return out


def read_rounds(out: Path, key: Mapping[str, Any]) -> pd.DataFrame | None:
    """The rounds of a run that ended, `COLUMNS`; None where there are none, or the file is not what was written."""
    try:
        content = sealed_json.read(out / RUNS / f"{address(key)}.json")
        found = pd.DataFrame(content["rounds"], columns=list(COLUMNS), dtype=float)
        same = content["key"] == json.loads(json.dumps(key))
    except (OSError, ValueError, LookupError, TypeError, OverflowError):
        return None
    return found.astype({"labels": int}) if same and found[["labels", "rmse"]].notna().all(axis=None) else None


def write_rounds(out: Path, key: Mapping[str, Any], rounds: pd.DataFrame) -> None:
    """Keep the rounds of a run.

    Raises:
        OutputError: the place cannot be written to.
    """
    place = out / RUNS / f"{address(key)}.json"
    rows = [[strict_json.plain(value) for value in row] for row in rounds[list(COLUMNS)].to_numpy().tolist()]
    with atomic.refusing("The record", place):
        sealed_json.write(place, {"key": dict(key), "rounds": rows})


def keep_model(out: Path, key: Mapping[str, Any], fit: Callable[[Path], object]) -> TrainedModel:
    """The model of a key; fitted now where there is none, an interrupted or damaged one, or another's in its place."""
    place = out / MODELS / address(key)
    if place.exists():
        with suppress(ModelFolderError):
            model = TrainedModel.load(place)
            if is_model_of(out, key, model.digest) and not model.manifest["interrupted"]:
                return model
        outputs.refuse_foreign(place, outputs.sealed_names(place) or ("*",))
        atomic.remove(place)
    atomic.make_folder(place.parent)
    fit(place)
    model = TrainedModel.load(place)
    remember_model(out, key, model.digest)
    return model
