"""A log that only grows: lines of plain text with their time, in a file that holds nothing else."""

from __future__ import annotations

import logging
import re
from datetime import datetime
from pathlib import Path
from typing import Final

from bdrp.files import atomic, outputs

_LINE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d ")


class LogFile:
    """A log to which a run adds its lines."""

    def __init__(self, path: Path) -> None:
        """Open the log, after what it holds.

        Raises:
            OutputError: it is another kind of file, lies in a model folder, or cannot be written to.
        """
        outputs.guard({path: is_log})
        with atomic.refusing("The log", path):
            atomic.make_folder(path.parent)
            self._handler = logging.FileHandler(path, encoding="utf-8", errors="replace")
        self._handler.setFormatter(_Timed("%(asctime)s %(message)s"))

    def add(self, text: str) -> None:
        """Add the lines of a text, each with the time of now."""
        for line in text.splitlines():
            if line.strip():
                self._handler.emit(logging.LogRecord("bdrp", logging.INFO, "", 0, line.rstrip(), None, None))

    def close(self) -> None:
        """Nothing is added after this."""
        self._handler.close()


def is_log(path: Path) -> bool:
    """Whether a file is a log of earlier runs, or empty."""
    with path.open(encoding="utf-8") as file:
        head = file.readline(200)
    return not head or _LINE.match(head) is not None


class _Timed(logging.Formatter):
    """Times as ISO 8601 has them, in local time with its offset."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="seconds")
