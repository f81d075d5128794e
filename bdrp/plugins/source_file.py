"""A plug-in that is a file given by its path: read once, run as it was read, and known by the checksum of its bytes."""

from __future__ import annotations

import errno
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bdrp.plugins.origin import Origin, PlugIn

_RUN: dict[str, PlugIn] = {}  # by module, every file that this process ran


@dataclass(frozen=True)
class SourceFile:
    """A file that was read and not run: the plug-in of its name, and its bytes."""

    path: Path
    plug_in: PlugIn
    source: bytes

    @classmethod
    def read(cls, path: Path) -> SourceFile:
        """Read a file.

        Raises:
            OSError: it cannot be read, or is a pipe or a device, which may never end.
        """
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is no file", str(path))
        source = path.read_bytes()
        checksum = hashlib.sha256(source).hexdigest()
        origin = Origin(package="", file=path.name, sha256=checksum)
        return cls(path, PlugIn(path.stem, f"bdrp_file_{checksum}_{path.stem}", origin), source)

    def run(self) -> ModuleType:
        """The module that the bytes make; one module for the same bytes under the same name.

        No bytecode is read or written, so that what runs is what the checksum is of.

        Raises:
            Exception: whatever the file raises.
        """
        name = self.plug_in.module
        if name not in _RUN:
            module = ModuleType(name)
            module.__file__ = str(self.path)
            sys.modules[name] = module  # dataclasses look a class's module up
            try:
                exec(compile(self.source, str(self.path), "exec", dont_inherit=True), module.__dict__)
            except BaseException:
                del sys.modules[name]
                raise
            _RUN[name] = self.plug_in
        return sys.modules[name]


def run_before() -> list[PlugIn]:
    """Every file that this process ran."""
    return list(_RUN.values())
