"""The files of a screen, found by name anywhere below a root, or named by the user."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from bdrp.data import unpacking
from bdrp.errors import DataError


@dataclass(frozen=True)
class Wanted:
    """What a screen reads: `patterns` of file names by what the file is, the preferred first; `optional` may lack.

    `origin` says where to download the files, where `bdrp fetch` does not.
    """

    screen: str
    patterns: Mapping[str, tuple[str, ...]]
    optional: Collection[str] = ()
    origin: str = ""

    def find(self, root: Path | None, named: Mapping[str, str | Path]) -> dict[str, Path]:
        """The path of every file, `named` before what lies below `root`; an optional one may be missing.

        Raises:
            DataError: a name is not known, no root is given, or a file is missing or could be one of several.
        """
        unknown = sorted(set(named) - set(self.patterns))
        if unknown:
            raise DataError(
                f"{self.screen} takes no option {unknown[0]!r}. Allowed are {', '.join(self.patterns)}, each a file's "
                "path."
            )
        if root is None and set(self.patterns) - set(self.optional) - set(named):
            raise DataError(
                f"{self.screen} needs a root folder below which its files lie, and none was given. Give --root DIR; "
                + (
                    f"download them from {self.origin}."
                    if self.origin
                    else f"`bdrp fetch {self.screen} --root DIR` downloads the files there."
                )
            )
        paths = {what: Path(path) for what, path in named.items()}
        for what in self.patterns:
            if what not in paths and root is not None and (path := self._one(what, root)):
                paths[what] = path
        return paths

    def missing(self, root: Path) -> str:
        """Why the files cannot be found below `root`, or "" where they can; no file is read."""
        try:
            self.find(root, {})
        except DataError as refusal:
            return str(refusal)
        return ""

    def _one(self, what: str, root: Path) -> Path | None:
        noun = f"the {what.replace('_', ' ')} of {self.screen}"
        patterns = self.patterns[what]
        get = f"Download it from {self.origin}" if self.origin else f"Run `bdrp fetch {self.screen} --root {root}`"
        path = unpacking.find(root, patterns, noun, f"name the right one with the option {what}=PATH")
        if path is None and what not in self.optional:
            raise DataError(
                f"No file below {str(root)!r} is {noun}: its name must be like {' or '.join(patterns)}. {get}, or "
                "put the file there."
            )
        return path
