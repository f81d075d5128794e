"""One run of a command: how much it says, and all that it said, for a program or a log to read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bdrp import __version__

if TYPE_CHECKING:
    from bdrp.files.log_file import LogFile


@dataclass
class Session:
    """What a run was told to say and where, and what it has said.

    Attributes:
        command: its name.
        quiet: nothing but warnings and errors is printed.
        verbose: also the value of each flag, what it took, and the traceback of a fault.
        json: standard output is one JSON object, printed at the end.
        log: where everything that is said is added.
        written: what was written, by what it is: a path or several.
        results: main figures, by name.
        tables: those that were printed, their cells as text.
        notes, warnings, errors: each different one once.
    """

    command: str = ""
    quiet: bool = False
    verbose: bool = False
    json: bool = False
    log: LogFile | None = None
    written: dict[str, str | list[str]] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    tables: list[list[dict[str, str]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    def to_dict(self, exit_code: int) -> dict[str, Any]:
        """All that a program wants to know of the run, ready for strict JSON."""
        from bdrp.files import strict_json

        content = {
            "command": self.command,
            "bdrp": __version__,
            "exit_code": exit_code,
            "seconds": round(self.seconds, 3),
            "written": self.written,
            "results": self.results,
            "tables": self.tables,
            "notes": self.notes,
            "warnings": self.warnings,
            "errors": self.errors,
        }
        plain: dict[str, Any] = strict_json.plain(content, other=str)
        return plain


_CURRENT: ContextVar[Session | None] = ContextVar("session", default=None)


def current() -> Session:
    """The session of the run; a silent record of its own outside of one."""
    return _CURRENT.get() or Session()


@contextmanager
def begin() -> Iterator[Session]:
    """A new session for the block."""
    token = _CURRENT.set(Session())
    try:
        yield current()
    finally:
        _CURRENT.reset(token)
