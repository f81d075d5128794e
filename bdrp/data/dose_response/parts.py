"""Pieces of a fit that are kept as they are done, so that an interrupted one goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.files import atomic, outputs, strict_json, tables

FOLDER: Final = "unfinished"
_RECORD: Final = "fit.json"


@dataclass(frozen=True)
class Parts:
    """Pieces in a folder of their own; `fit.json` says of which fit they are, and with which noise."""

    folder: Path

    def begin(self, fingerprint: str) -> Mapping[str, float] | None:
        """The noise that was found before, where this very fit was begun; otherwise what lies there is removed.

        Raises:
            OutputError: it cannot be written to, or something else lies there.
        """
        with atomic.refusing("The fitted curves", self.folder):
            try:
                record = strict_json.read(self.folder / _RECORD)
                if record["fingerprint"] == fingerprint:
                    return {str(name): float(value) for name, value in record["noise"].items()} or None
            except (OSError, ValueError, LookupError, TypeError, AttributeError):
                pass  # none, or damaged: the pieces beside it are of no fit that is known
            self._remove()
            strict_json.write(self.folder / _RECORD, {"fingerprint": fingerprint, "noise": {}})
        return None

    def keep_noise(self, noise: Mapping[str, float]) -> None:
        """Write down the noise that all pieces are fitted with."""
        with atomic.refusing("The fitted curves", self.folder):
            record = strict_json.read(self.folder / _RECORD)
            strict_json.write(self.folder / _RECORD, {**record, "noise": dict(noise)})

    def read(self, number: int) -> pd.DataFrame | None:
        """A piece, by curve; None where it is not there or cannot be read."""
        try:
            return pd.read_parquet(self._path(number)).set_index("curve")
        except (OSError, ValueError, KeyError):
            return None

    def write(self, number: int, piece: pd.DataFrame) -> None:
        """Keep a piece, whole or not at all."""
        with atomic.refusing("The fitted curves", self.folder):
            tables.write(piece.reset_index(), self._path(number), {})

    def finish(self) -> None:
        """Remove the pieces: what they held is in the result."""
        with atomic.refusing("The fitted curves", self.folder):
            self._remove()

    def _remove(self) -> None:
        outputs.refuse_foreign(self.folder, (_RECORD, "part-*.parquet"))
        atomic.remove(self.folder)

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:05d}.parquet"
