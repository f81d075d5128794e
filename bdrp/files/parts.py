"""Numbered files of one long result, in a folder beside it: what is finished stays when a run is killed.

The folder says which question its parts answer. A second run of the same question goes on behind the last whole part;
each part appears whole or not at all (`atomic`), and the folder goes when the result has its name.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from bdrp.errors import OutputError
from bdrp.files import atomic, outputs, strict_json

PLAN: Final = "parts.json"
FORMAT: Final = 1


@dataclass(frozen=True)
class Parts:
    """The parts of a result.

    Attributes:
        folder: where they lie.
        count: how many there are to be.
        suffix: of each file.
    """

    folder: Path
    count: int
    suffix: str = ".parquet"

    @classmethod
    def open(cls, out: Path, key: str, count: int) -> Self:
        """The folder of a result, new or as an earlier run of the same question left it.

        Args:
            out: the result.
            key: a digest of all that decides what the parts hold.
            count: how many parts there are to be.

        Raises:
            OutputError: finished parts of another question lie there, or something else; or it cannot be written to.
        """
        parts = cls(out.with_name(f"{out.name}.parts"), count)
        plan = {"format": FORMAT, "key": key, "count": count}
        with atomic.refusing("Parts of the result", parts.folder):
            if parts.folder.exists() and parts._plan() != plan:
                parts._refuse_to_replace()
                shutil.rmtree(parts.folder)
            atomic.make_folder(parts.folder)
            if parts._plan() is None:
                strict_json.write(parts.folder / PLAN, plan)
        return parts

    def path(self, number: int) -> Path:
        """Where a part lies, or is to lie."""
        return self.folder / f"part-{number:06d}{self.suffix}"

    @property
    def paths(self) -> list[Path]:
        """Of all parts, in order."""
        return [self.path(number) for number in range(self.count)]

    @property
    def missing(self) -> list[int]:
        """The parts that are not there yet."""
        return [number for number in range(self.count) if not self.path(number).exists()]

    def remove(self) -> None:
        """Take the parts away, and the folder, unless somebody put something else there."""
        own = (pattern for name in self._own for pattern in (name, f".{name}.*"))
        with suppress(OSError):
            for path in [path for pattern in own for path in self.folder.glob(pattern)]:
                path.unlink()
            self.folder.rmdir()

    @property
    def _own(self) -> tuple[str, str]:
        return PLAN, f"part-*{self.suffix}"

    def _plan(self) -> object:
        try:
            return strict_json.read(self.folder / PLAN)
        except (FileNotFoundError, ValueError):
            return None

    def _refuse_to_replace(self) -> None:
        """Refuse where something would be lost: finished parts, or what is no part."""
        names = sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else [self.folder.name]
        finished = [name for name in names if name.startswith("part-") and name.endswith(self.suffix)]
        outputs.refuse_foreign(self.folder, self._own)
        if names and PLAN not in names:
            raise OutputError(
                f"{self.folder} keeps parts of the result until it is whole, and {', '.join(names[:5])} lies "
                "there, which is none of them. Move it elsewhere, or choose another --out."
            )
        if finished:
            raise OutputError(
                f"{self.folder} holds {len(finished):,} finished parts of an interrupted run that asked for something "
                "else: another model, tables, pairs or options. Run that command again to go on with it, remove the "
                "folder to begin anew, or choose another --out."
            )
