"""`checksums.json`: what each file was when it came, so that a changed file is noticed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bdrp.data.unpacking import sha256
from bdrp.errors import DataError
from bdrp.files import strict_json

NAME = "checksums.json"


@dataclass(frozen=True)
class Ledger:
    """The recorded sha256 of every file in a folder; `pinned` says whether it was known beforehand or trusted."""

    folder: Path
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Ledger:
        """The folder's ledger, empty where there is none.

        Raises:
            DataError: the file is there and is no ledger.
        """
        path = folder / NAME
        if not path.exists():
            return cls(folder)
        try:
            files = strict_json.read(path)["files"]
            if not all(isinstance(entry["sha256"], str) for entry in files.values()):
                raise TypeError("an entry has no sha256")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path} is no list of checksums: {error}. Only `bdrp fetch` writes it. Delete it, and the files "
                "beside it are trusted as they are."
            ) from error
        return cls(folder, files)

    def check(self, path: Path, known: tuple[str, ...]) -> None:
        """Holds a file that is there to its known checksums, else to the recorded one, else records it.

        Raises:
            DataError: the file is another.
        """
        actual = sha256(path)
        recorded = self.files.get(path.name, {}).get("sha256")
        allowed = known or ((recorded,) if recorded else ())
        if allowed and actual not in allowed:
            since = "is known for it" if known else "was recorded when it came"
            raise DataError(
                f"{path} is another file than expected: its sha256 is {actual[:12]}…, and {allowed[0][:12]}… {since}. "
                "It was altered, cut short, or is of another release. Move it away to download it again."
            )
        if not recorded:
            self.record(path, "", pinned=bool(known))

    def record(self, path: Path, url: str, *, pinned: bool) -> None:
        """Writes down what a file is, where it came from ("": it lay there), and whether that was known beforehand."""
        entry = {"sha256": sha256(path), "bytes": path.stat().st_size, "url": url, "pinned": pinned}
        self.files[path.name] = entry
        strict_json.write(self.folder / NAME, {"files": self.files}, indent=2, sort_keys=True)
