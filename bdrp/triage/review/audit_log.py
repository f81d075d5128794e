"""The log of all decisions: one SQLite file, to which is added and from which nothing is ever taken.

Several people may write to it at once: every append is one transaction under SQLite's own lock, in the rollback-journal
mode, which unlike the write-ahead log also works on a shared drive (https://www.sqlite.org/wal.html) and leaves a
single file. Triggers refuse to change or delete an entry. Each entry holds the SHA-256 of itself and of the one before,
so that a file that was changed past the triggers is refused; it is no signature: who means to forge it can.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.errors import BdrpError, DataError, OutputError
from bdrp.files import atomic, outputs, strict_json, tables
from bdrp.triage.decision import FIELDS, identity
from bdrp.triage.review.log_schema import ENTRY, check_kind, create_if_new, is_log

PATIENCE_S: Final = 60.0
"""How long a writer waits for others; chosen: appending a thousand decisions takes less than a second."""
_CHAINED: Final = ("recorded_at", "source", "checked_against", "identity")


@dataclass(frozen=True)
class Appended:
    """How many decisions were new, and how many the log held already."""

    new: int
    known: int


class AuditLog:
    """The decisions on some models' predictions, in the order in which they were recorded.

    Args:
        path: the file; it is made by the first decision.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def append(self, decisions: pd.DataFrame, *, source: str, checked_against: str) -> Appended:
        """Add those decisions that the log does not hold, all of them or none.

        Args:
            decisions: a row a decision, with `FIELDS`.
            source: the name of the file that they are from.
            checked_against: the digest of the model that they were checked against.

        Raises:
            OutputError: the log cannot be written to.
            DataError: the file is no log, or was altered.
        """
        records = [(identity(one), one) for one in decisions[list(FIELDS)].to_dict(orient="records")]
        if not records and not self.path.exists():
            return Appended(0, 0)
        new = 0
        with self._writing() as connection:
            before = _read(connection, self.path)
            held, chain = set(before["identity"]), before["chain"].iloc[-1] if len(before) else ""
            for own, decision in records:
                if own in held:
                    continue
                held.add(own)
                values = {"recorded_at": _now(), "source": source, "checked_against": checked_against, "identity": own}
                chain = _link(chain, values)
                _insert(connection, {**values, **decision, "chain": chain})
                new += 1
        return Appended(new, len(records) - new)

    def entries(self) -> pd.DataFrame:
        """Every entry, with `ENTRY`, the first recorded first; none where there is no file yet.

        Raises:
            DataError: the file is no log, or was altered.
        """
        if not self.path.exists():
            return pd.DataFrame(columns=list(ENTRY)).astype(dict.fromkeys(ENTRY[1:], "str"))
        with self._connected() as connection, _refusing(self.path):
            check_kind(connection, self.path)
            return _read(connection, self.path)[list(ENTRY)]

    def export(self, path: Path | str, inputs: tuple[Path, ...] = ()) -> None:
        """Write all entries: .json as a list of objects, .csv, .xlsx or .parquet as a table, whole or not at all.

        Raises:
            OutputError: the suffix is another, something else than an exported log stands there, or it is an input.
            DataError: see `entries`.
        """
        path = Path(path)
        check_export_place(path, (self.path, *inputs))
        entries = self.entries()
        with atomic.refusing("The exported log", path):
            if path.suffix.lower() == ".json":
                strict_json.write(path, strict_json.plain(entries.to_dict(orient="records")))
            else:
                tables.write(entries, path, {})

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A connection within a transaction that holds SQLite's lock from its beginning."""
        check_log_place(self.path)
        with atomic.refusing("The log of decisions", self.path):
            atomic.make_folder(self.path.parent)
        with self._connected() as connection, _refusing(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                create_if_new(connection)
                check_kind(connection, self.path)
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self.path, timeout=PATIENCE_S, isolation_level=None)
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error
        with closing(connection):
            yield connection


def check_log_place(path: Path, inputs: tuple[Path, ...] = ()) -> None:
    """Refuse a place where no log of decisions can be.

    Raises:
        OutputError: something else stands there, it is an input, or it lies in a model folder.
    """
    if path.is_dir():
        raise OutputError(f"The log of decisions cannot be {path}: a folder. It is a file. Name it {path}/reviews.db.")
    outputs.guard({path: is_log}, inputs)


def check_export_place(path: Path, inputs: tuple[Path, ...]) -> None:
    """Refuse a place where the exported log cannot be written, before any work.

    Raises:
        OutputError: see `AuditLog.export`.
    """
    if path.suffix.lower() != ".json":
        tables.check_suffix(path, "The log of decisions")
    outputs.guard({path: _is_export}, inputs)


def _is_export(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return outputs.has_columns(ENTRY)(path)
    content = strict_json.read(path)
    return isinstance(content, list) and all(set(ENTRY) <= set(one) for one in content)


def _insert(connection: sqlite3.Connection, values: dict[str, str]) -> None:
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT INTO decisions ({names}) VALUES ({marks})", values)


def _link(before: str, values: dict[str, str]) -> str:
    text = strict_json.text([before, *(values[name] for name in _CHAINED)], indent=None, ascii_only=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(connection: sqlite3.Connection, path: Path) -> pd.DataFrame:
    """Every column of every entry; a DataError where one is not as it was recorded."""
    found = connection.execute("SELECT * FROM decisions ORDER BY entry")
    names = [column[0] for column in found.description]
    frame = pd.DataFrame(found.fetchall(), columns=names).astype(dict.fromkeys(names[1:], "str"))
    chain = ""
    for entry in frame.to_dict(orient="records"):
        chain = _link(chain, entry)
        if entry["chain"] != chain or entry["identity"] != identity(entry):
            raise DataError(
                f"The log of decisions {path} was altered: entry {entry['entry']} is not as it was recorded after the "
                "ones before it. Nothing is read from it. Restore it from a copy."
            )
    return frame


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except BdrpError:
        raise
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    except (UnicodeError, LookupError, TypeError, ValueError) as error:  # bytes that are no text, columns renamed
        raise DataError(
            f"The log of decisions {path} was altered past reading ({type(error).__name__}). Restore it from a copy."
        ) from error


def _unusable(path: Path, error: sqlite3.Error) -> DataError | OutputError:
    reason = str(error)
    if "locked" in reason:
        return OutputError(
            f"The log of decisions {path} was busy for {PATIENCE_S:.0f} s. One writer at a time is let in. Try again."
        )
    if "not a database" in reason or "malformed" in reason:
        return DataError(f"{path} is no log of decisions: {reason}. Name a file that `bdrp review` made, or a new one.")
    return OutputError(
        f"The log of decisions {path} could not be used: {reason}. It needs a place that you may write to, on a disk "
        "with space. Choose another place, or ask for write permission on this one."
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
