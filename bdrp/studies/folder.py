"""The folder of a study: one of its own, which goes on, and in which results lie under hashes of what decides them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bdrp.errors import OutputError
from bdrp.files import atomic, outputs, sealed_json

MODEL_KEYS: Final = "model_keys"
"""Which key each model was fitted for: a model folder that was moved into another's place is sound in itself."""


def check_own(out: Path, study: str, *marks: str) -> None:
    """Refuse a folder that is none of a study's.

    Args:
        out: the folder, which need not exist.
        study: what it is called: "transfer".
        marks: names of folders within it; that one of them is there says that it is a study's.

    Raises:
        OutputError: it is a file, lies in a model, or holds something else.
    """
    outputs.refuse_model(out)
    if out.exists() and not out.is_dir():
        raise OutputError(f"--out {out} is a file. A {study} is a folder. Choose another name.")
    if out.is_dir() and any(out.iterdir()) and not any((out / mark).is_dir() for mark in marks):
        raise OutputError(
            f"The folder {out} is not empty and holds no {study}. A {study} needs a folder of its own: a new one, or "
            f"that of an earlier {study}, which goes on. Choose another --out."
        )


def address(key: Mapping[str, Any]) -> str:
    """The hash of all that decides a result."""
    return hashlib.sha256(json.dumps(key, sort_keys=True, allow_nan=False).encode()).hexdigest()


def remember_model(out: Path, key: Mapping[str, Any], digest: str) -> None:
    """Write down which model was fitted for a key.

    Raises:
        OutputError: the place cannot be written to.
    """
    place = _place_of_key(out, key)
    with atomic.refusing("The record of a model", place):
        sealed_json.write(place, {"key": dict(key), "model": digest})


def is_model_of(out: Path, key: Mapping[str, Any], digest: str) -> bool:
    """Whether that model, and no other, was fitted for a key."""
    try:
        said = sealed_json.read(_place_of_key(out, key))
    except (OSError, ValueError):
        return False
    return said.get("model") == digest and isinstance(said.get("key"), dict) and address(said["key"]) == address(key)


def _place_of_key(out: Path, key: Mapping[str, Any]) -> Path:
    return out / MODEL_KEYS / f"{address(key)}.json"
