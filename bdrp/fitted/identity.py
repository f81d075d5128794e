"""Which model a folder holds, read without its tensors: its digest, its measure, the lines and drugs that it knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bdrp.data.measures import MEASURES, Measure
from bdrp.errors import ModelFolderError
from bdrp.files import sealed_folder, sealed_json, strict_json


@dataclass(frozen=True)
class ModelIdentity:
    """What tells a model from others, and what it was trained on.

    Attributes:
        digest: SHA-256 of its manifest, which holds the checksum of every other file.
        measure: of the responses that it predicts.
        lines: ids of the training lines.
        drugs: ids of the training drugs.
    """

    digest: str
    measure: Measure
    lines: frozenset[str]
    drugs: frozenset[str]


def read_identity(folder: Path | str) -> ModelIdentity:
    """The identity of a model folder, whose every file is checked.

    Raises:
        ModelFolderError: a file is missing, altered or foreign, or this version does not know the model's measure.
    """
    folder = Path(folder)
    manifest = sealed_folder.opened(folder)
    try:
        keys = strict_json.read(folder / "keys.json")
        lines, drugs = frozenset(map(str, keys["lines"])), frozenset(map(str, keys["drug_ids"]))
        measure = MEASURES[manifest["measure"]]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelFolderError(
            f"The model folder {folder} does not say what it was trained on: {error}. Restore it from a copy, or fit "
            "again."
        ) from error
    return ModelIdentity(digest_of(manifest), measure, lines, drugs)


def digest_of(manifest: dict[str, object]) -> str:
    """The digest that a manifest holds, or would hold if an earlier version had written one."""
    held = manifest.get(sealed_json.DIGEST) or sealed_json.with_digest(manifest)[sealed_json.DIGEST]
    return str(held)
