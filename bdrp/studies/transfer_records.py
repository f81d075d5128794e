"""What is kept of a transfer: scores of targets and scales of laboratories, each under the hash of what decides it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bdrp.errors import BdrpWarning, DataError, ModelFolderError
from bdrp.files import atomic, json_schema, outputs, sealed_folder, strict_json, tables
from bdrp.fitted.laboratory import LaboratoryScales
from bdrp.studies.folder import address, check_own
from bdrp.studies.transfer_scores import TargetScores
from bdrp.studies.transfer_summary import HOME, TARGET

MODELS, TARGETS, LABORATORIES = "models", "targets", "laboratories"
TABLES: Final = {"figures": "metrics", "shift": "shift", "ceiling": "concordance", "drugs": "by_drug"}
"""Names of files, and of tables."""


def reserve_folder(out: Path) -> Path:
    """The folder of a transfer, made where there is none.

    Raises:
        OutputError: it is a file, a model, or holds something else, or it cannot be written to.
    """
    check_own(out, "transfer", MODELS, TARGETS)
    sealed_folder.reserve(out / TARGETS)
    return out


def keep_scores(place: Path, key: Mapping[str, Any], make: Callable[[], TargetScores]) -> TargetScores:
    """What lies under the hash of a key; made, and written beside its place and renamed, where it does not."""
    path = place / TARGETS / address(key)
    found = read_scores(path)
    if found is not None:
        return found
    outputs.refuse_foreign(path, (*(f"{name}.parquet" for name in TABLES), outputs.MANIFEST))
    made = make()
    atomic.remove(path)
    with sealed_folder.writing(path, overwrite=False) as beside:
        for name, table in TABLES.items():
            tables.write(getattr(made, table), beside / f"{name}.parquet", {})
        sealed_folder.seal(beside, {"key": dict(key), "summary": strict_json.plain(made.summary)})
    return made


def read_scores(path: Path) -> TargetScores | None:
    """What was kept in a folder, None where nothing was or it is not what was written.

    Warns:
        BdrpWarning: it is not what was written.
    """
    if not path.exists():
        return None
    try:
        manifest = _opened(path)
        summary: Any = manifest.get("summary")
        json_schema.check(summary, HOME if manifest["key"].get("home") else TARGET, "its summary")
        tables = {table: pd.read_parquet(path / f"{name}.parquet") for name, table in TABLES.items()}
    except (ModelFolderError, OSError, ValueError) as error:
        warnings.warn(f"Kept scores are not used, and are made again: {error}", BdrpWarning, stacklevel=4)
        return None
    return TargetScores(**tables, summary=summary)


def keep_scales(place: Path, key: Mapping[str, Any], make: Callable[[], LaboratoryScales]) -> LaboratoryScales:
    """What was learned of a laboratory, from under the hash of a key; learned and written where there is none.

    Warns:
        BdrpWarning: it is not what was written.
    """
    path = place / LABORATORIES / address(key)
    if path.exists():
        try:
            return LaboratoryScales.from_json(_opened(path).get("scales"))
        except (DataError, ModelFolderError) as error:
            warnings.warn(f"What was learned of a laboratory is learned again: {error}", BdrpWarning, stacklevel=4)
    sealed_folder.reserve(path.parent)
    outputs.refuse_foreign(path, (outputs.MANIFEST,))
    made = make()
    atomic.remove(path)
    with sealed_folder.writing(path, overwrite=False) as beside:
        sealed_folder.seal(beside, {"key": dict(key), "scales": made.to_json()})
    return made


def _opened(path: Path) -> Mapping[str, Any]:
    """The manifest of a folder that lies under the hash of its own key.

    Raises:
        ModelFolderError: it is not what was written, or it was written for another place.
    """
    manifest = sealed_folder.opened(path)
    key = manifest.get("key")
    if not isinstance(key, dict) or address(key) != path.name:
        raise ModelFolderError(f"The folder {path} holds what was made for another key: it was moved or copied there.")
    return manifest
