"""What the SQLite file of a log of decisions holds, and how it is told from other files."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from bdrp.errors import DataError
from bdrp.triage.decision import FIELDS

APPLICATION: Final = 0x62647270
"""What SQLite keeps to tell a file's application: "bdrp"."""
FORMAT: Final = 1
ENTRY: Final = ("entry", "recorded_at", "source", "checked_against", *FIELDS)
"""Columns of an entry: its number, when and from which file it came, the digest of the model that it was checked
against, and the decision."""


_SCHEMA: Final = f"""
CREATE TABLE decisions (
  entry INTEGER PRIMARY KEY AUTOINCREMENT,
  recorded_at TEXT NOT NULL, source TEXT NOT NULL, checked_against TEXT NOT NULL,
  {", ".join(f"{name} TEXT NOT NULL" for name in FIELDS)},
  identity TEXT NOT NULL UNIQUE, chain TEXT NOT NULL
);
CREATE TRIGGER no_change BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'a decision is never changed'); END;
CREATE TRIGGER no_removal BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'a decision is never removed'); END;
CREATE TRIGGER no_replacement BEFORE INSERT ON decisions
  WHEN EXISTS (SELECT 1 FROM decisions WHERE entry = NEW.entry OR identity = NEW.identity)
  BEGIN SELECT RAISE(ABORT, 'a decision is never replaced'); END;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
"""


def create_if_new(connection: sqlite3.Connection) -> None:
    """Make the table and its triggers in a database that holds nothing, within the transaction that is open."""
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        for statement in _statements(_SCHEMA):
            connection.execute(statement)


def is_log(path: Path) -> bool:
    """Whether a file is a log of decisions, by its first bytes, or empty (https://www.sqlite.org/fileformat.html)."""
    with path.open("rb") as file:
        head = file.read(72)
    return not head or (head.startswith(b"SQLite format 3\0") and head[68:72] == APPLICATION.to_bytes(4, "big"))


def check_kind(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that is no log of this version, with a DataError."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (application, version) != (APPLICATION, FORMAT):
        raise DataError(
            f"{path} is no log of decisions that this version reads: its application is {application:#x} and its "
            f"format {version}. Allowed is a file that `bdrp review` made, of format {FORMAT}. Name another file."
        )


def _statements(script: str) -> list[str]:
    """The statements of a script; those of triggers hold semicolons themselves."""
    found, begun = [], ""
    for line in script.strip().splitlines():
        begun += f"{line}\n"
        if sqlite3.complete_statement(begun):
            found.append(begun)
            begun = ""
    return found
