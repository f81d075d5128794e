"""Numbered files of one long result, in a folder beside it: what is finished stays when a run is killed.

The folder says which question its parts answer, and the checksum of each that is finished. A second run of the same
question goes on behind the last of them; what was altered, or is another's, is made again. Each part appears whole or
not at all (`atomic`), and the folder goes when the result has its name.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from bdrp.errors import OutputError
from bdrp.files import atomic, inputs, outputs, sealed_json

PLAN: Final = "parts.json"
FORMAT: Final = 2


@dataclass(frozen=True)
class Parts:
    """The parts of a result.

    Attributes:
        folder: where they lie.
        key: a digest of all that decides what they hold.
        count: how many there are to be.
        suffix: of each file.
        finished: the checksum of each that is there, by its number.
    """

    folder: Path
    key: str
    count: int
    suffix: str = ".parquet"
    finished: dict[int, str] = field(default_factory=dict)

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
        parts = cls(out.with_name(f"{out.name}.parts"), key, count)
        with atomic.refusing("Parts of the result", parts.folder):
            plan = parts._read_plan()
            if parts.folder.exists() and (plan is None or not parts._is_same(plan)):
                parts._refuse_to_replace()
                shutil.rmtree(parts.folder)
                plan = None
            atomic.make_folder(parts.folder)
            if plan is None:
                parts._write_plan()
            else:
                parts.finished.update(parts._unaltered(plan))
            for number in parts.missing:  # altered, another's, or whole and not yet noted when its writer was killed
                parts.path(number).unlink(missing_ok=True)
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
        return [number for number in range(self.count) if number not in self.finished]

    def keep(self, number: int) -> None:
        """Note that a part lies in its place, whole.

        Raises:
            OutputError: the part cannot be read, or the note not be written.
        """
        with atomic.refusing("Parts of the result", self.folder):
            self.finished[number] = inputs.sha256(self.path(number))
            self._write_plan()

    def remove(self) -> None:
        """Take the parts away, and the folder, unless somebody put something else there."""
        own = outputs.with_halves(self._own)
        with suppress(OSError):
            for path in [path for pattern in own for path in self.folder.glob(pattern)]:
                path.unlink()
            self.folder.rmdir()

    @property
    def _own(self) -> tuple[str, str]:
        return PLAN, f"part-*{self.suffix}"

    def _read_plan(self) -> dict[str, Any] | None:
        try:
            return sealed_json.read(self.folder / PLAN)
        except (FileNotFoundError, ValueError):
            return None

    def _write_plan(self) -> None:
        kept = {str(number): checksum for number, checksum in sorted(self.finished.items())}
        sealed_json.write(
            self.folder / PLAN, {"format": FORMAT, "key": self.key, "count": self.count, "finished": kept}
        )

    def _is_same(self, plan: Mapping[str, Any]) -> bool:
        asked = (plan.get("format"), plan.get("key"), plan.get("count"))
        return asked == (FORMAT, self.key, self.count) and isinstance(plan.get("finished"), dict)

    def _unaltered(self, plan: Mapping[str, Any]) -> dict[int, str]:
        """The finished parts of a plan that are as they were written."""
        paths = {number: self.path(number) for number in range(self.count)}
        said = plan["finished"]
        return {
            number: said[str(number)]
            for number, path in paths.items()
            if str(number) in said and outputs.is_plain(path) and inputs.sha256(path) == said[str(number)]
        }

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
