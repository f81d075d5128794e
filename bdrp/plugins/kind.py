"""A kind of plug-in: which there are, and the module of each."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from bdrp.errors import BdrpError, BdrpWarning, did_you_mean
from bdrp.plugins import source_file
from bdrp.plugins.origin import Origin, PlugIn
from bdrp.plugins.source_file import SourceFile


@dataclass(frozen=True)
class Kind:
    """Where plug-ins of a kind are found, and what each has to hold.

    Attributes:
        what: what one is called, such as "method".
        room: the package whose files are plug-ins, but for inner packages and names that start with "_".
        group: of entry points; each names a module.
        holds: the names that a plug-in's module has.
        error: what is raised where there is no such plug-in, or it cannot be used.
        fault: what is wrong with an imported module of a name that has them all: the end of a sentence, "" if nothing.
        besides: files of the room that are no plug-ins.
    """

    what: str
    room: str
    group: str
    holds: tuple[str, ...]
    error: type[BdrpError]
    fault: Callable[[str, ModuleType], str]
    besides: tuple[str, ...] = ()

    def own(self) -> list[str]:
        """The names of bdrp's own: the files of the room, none of which is read."""
        files = pkgutil.iter_modules(importlib.import_module(self.room).__path__)
        found = (file.name for file in files if not (file.ispkg or file.name.startswith("_")))
        return sorted(name for name in found if name not in self.besides)

    def found(self) -> list[PlugIn]:
        """All there are, bdrp's own first, and then what installed packages offer, usable or not."""
        own = [PlugIn(name, f"{self.room}.{name}", Origin()) for name in self.own()]
        return [*own, *_entry_points(self.group, tuple(sys.path))]

    def names(self) -> list[str]:
        """Every name that `load` knows."""
        return sorted({plug_in.name for plug_in in self.found()})

    def usable(self) -> list[str]:
        """Those of `names()` that can be used.

        Warns:
            BdrpWarning: one cannot, and why.
        """
        good = []
        for name in self.names():
            try:
                self._named(name)
            except self.error as refusal:
                warnings.warn(str(refusal), BdrpWarning, stacklevel=2)
            else:
                good.append(name)
        return good

    def load(self, name: str | os.PathLike[str]) -> ModuleType:
        """The module of a plug-in, by its name or by the path of its file.

        Raises:
            BdrpError: there is none, or it cannot be used; it is an `error`.

        Warns:
            BdrpWarning: a package offers one under a name of bdrp's own, which stays what it is.
        """
        return self.ran(self.read(Path(name))) if is_path(name) else self._named(str(name))

    def named(self, name: str) -> list[PlugIn]:
        """Those of a name, bdrp's own first; looked for anew where there is none, as a notebook installs packages."""
        for _ in range(2):
            same = [plug_in for plug_in in self.found() if plug_in.name == name]
            if same:
                return same
            _entry_points.cache_clear()
        return []

    def imported(self, plug_in: PlugIn) -> ModuleType:
        """The module of a plug-in that was found.

        Raises:
            BdrpError: it cannot be used; it is an `error`.
        """
        return self._checked(plug_in, lambda: importlib.import_module(plug_in.module))

    def read(self, path: Path) -> SourceFile:
        """A plug-in's file, not yet run.

        Raises:
            BdrpError: it cannot be read, or has the name of one of bdrp's own; it is an `error`.
        """
        try:
            file = SourceFile.read(path)
        except OSError as error:
            raise self.error(
                f"The file {path} cannot be read: {error.strerror or error}. A Python file that holds "
                f"{' and '.join(self.holds)} is needed. Check the path."
            ) from error
        if file.plug_in.name in self.own():
            raise self._refusal(file.plug_in, "has the name of one of bdrp's own")
        return file

    def ran(self, file: SourceFile) -> ModuleType:
        """The module of a plug-in's file.

        Raises:
            BdrpError: it cannot be used; it is an `error`.
        """
        return self._checked(file.plug_in, file.run)

    def _named(self, name: str) -> ModuleType:
        same = self.named(name)
        if not same:
            raise self.error(
                f"There is no {self.what} {name!r}.{did_you_mean(name, self.names())} Choose one of: "
                f"{', '.join(self.names())}."
            )
        chosen, *others = same
        if others and chosen.origin.record():
            origins = " and ".join(str(plug_in.origin) for plug_in in same)
            raise self.error(f"The {self.what} {name} is offered by {origins}. One may offer it. Uninstall the others.")
        for other in others:
            refusal = self._refusal(other, "has the name of one of bdrp's own, which is taken instead")
            warnings.warn(str(refusal), BdrpWarning, stacklevel=3)
        return self.imported(chosen)

    def _checked(self, plug_in: PlugIn, make: Callable[[], ModuleType]) -> ModuleType:
        """What `make` gives, if it holds what a plug-in of this kind has to."""
        if not plug_in.name.isidentifier():
            raise self._refusal(plug_in, "has a name that is not made of letters, digits and underscores alone")
        try:
            module = make()
        except (Exception, SystemExit) as error:
            said = f"cannot be imported: {type(error).__name__}: {error}{_place(error)}"
            raise self._refusal(plug_in, said) from error
        lacking = [name for name in self.holds if not hasattr(module, name)]
        if lacking:
            raise self._refusal(plug_in, f"has no {', no '.join(lacking)}: its module {plug_in.module} must hold it")
        fault = self.fault(plug_in.name, module)
        if fault:
            raise self._refusal(plug_in, fault)
        return module

    def _refusal(self, plug_in: PlugIn, wrong: str) -> BdrpError:
        own = f"Mend it, or let the file's name start with _ if it is no {self.what}"
        theirs = "Tell the package's authors, or uninstall it; the others go on without it"
        remedy = "Mend the file" if plug_in.origin.file else theirs if plug_in.origin.record() else own
        return self.error(f"The {self.what} {plug_in.name} of {plug_in.origin} {wrong}. {remedy}.")


def is_path(name: str | os.PathLike[str]) -> bool:
    """Whether a plug-in is named by the path of its file: a path object, or text that ends in .py."""
    return isinstance(name, os.PathLike) or (isinstance(name, str) and name.endswith(".py"))


@lru_cache
def _entry_points(group: str, path: tuple[str, ...]) -> tuple[PlugIn, ...]:
    """The entry points of a group; `path` is what they were found below, so that another path is another answer."""
    from importlib.metadata import entry_points  # here, for it takes a tenth of a second

    found = []
    for point in entry_points(group=group):
        package, version = (point.dist.name, point.dist.version) if point.dist else ("", "")
        module = point.value.partition(":")[0].partition("[")[0].strip()
        found.append(PlugIn(point.name, module, Origin(package or "of no name", version or "of no version")))
    return tuple(sorted(found, key=lambda plug_in: (plug_in.name, plug_in.origin.package)))


def _place(error: BaseException) -> str:
    """Where an error came from, as far as that is a file."""
    from traceback import extract_tb

    frames = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    if isinstance(error, SyntaxError) or frames[-1].filename in (__file__, source_file.__file__):
        return ""
    return f" ({frames[-1].filename}, line {frames[-1].lineno})"
