"""Pieces of a fit that are kept as they are done, so that an interrupted one goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.files import atomic, outputs, parquet, sealed_json, tables

FOLDER: Final = "unfinished"
_RECORD: Final = "fit.json"
_MARK: Final = b"bdrp"
"""The metadata that say which piece a file is."""


@dataclass(frozen=True)
class Parts:
    """Pieces in a folder of their own; `fit.json`, and each of them, says of which fit and noise they are."""

    folder: Path

    def begin(self, fingerprint: str) -> Mapping[str, float] | None:
        """The noise that was found before, where this very fit was begun; otherwise what lies there is removed.

        Raises:
            OutputError: it cannot be written to, or something else lies there.
        """
        with atomic.refusing("The fitted curves", self.folder):
            try:
                record = sealed_json.read(self.folder / _RECORD)
                if record["fingerprint"] == fingerprint:
                    return {str(name): float(value) for name, value in record["noise"].items()} or None
            except (OSError, ValueError, LookupError, TypeError, AttributeError):
                pass  # none, or damaged: the pieces beside it are of no fit that is known
            self._remove()
            sealed_json.write(self.folder / _RECORD, {"fingerprint": fingerprint, "noise": {}})
        return None

    def keep_noise(self, noise: Mapping[str, float]) -> None:
        """Write down the noise that all pieces are fitted with."""
        with atomic.refusing("The fitted curves", self.folder):
            record = sealed_json.read(self.folder / _RECORD)
            sealed_json.write(self.folder / _RECORD, {**record, "noise": dict(noise)})

    def read(self, number: int, of: str) -> pd.DataFrame | None:
        """A piece, by curve; None where it is not there, cannot be read, was altered, or is another.

        Args:
            number: which one.
            of: all that decides what the pieces hold, in a word.
        """
        try:
            table = parquet.read_part(self._path(number))
        except (OSError, ValueError):
            return None
        if (table.schema.metadata or {}).get(_MARK) != _mark(number, of):
            return None
        return table.to_pandas().set_index("curve")

    def write(self, number: int, piece: pd.DataFrame, of: str) -> None:
        """Keep a piece, whole or not at all."""
        with atomic.refusing("The fitted curves", self.folder):
            tables.write(piece.reset_index(), self._path(number), {_MARK: _mark(number, of)})

    def finish(self) -> None:
        """Remove the pieces: what they held is in the result."""
        with atomic.refusing("The fitted curves", self.folder):
            self._remove()

    def _remove(self) -> None:
        outputs.refuse_foreign(self.folder, (_RECORD, "part-*.parquet"))
        atomic.remove(self.folder)

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:05d}.parquet"


def _mark(number: int, of: str) -> bytes:
    return f"piece {number} of {of}".encode()
