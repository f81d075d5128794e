"""What is read of structures once: by the text of each, in memory, among the user's caches, and in processes.

A row of the cache is found by the text and by a checksum of the code that reads it, with RDKit's release, and is used
only if every byte is what was written: SQLite, which holds them, checks none. Rows are text and numbers, none of which
can run code. What cannot be kept is read again next time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Final, Generic, TypeVar

from bdrp.data import structure_processes
from bdrp.errors import BdrpWarning, DataError
from bdrp.files import atomic, cache_folder
from bdrp.files.cache_folder import OFF, PLACE

T = TypeVar("T")

NAME: Final = "structures.sqlite"
MOST_ROWS: Final = 500_000
"""Chosen: some 400 MB, of 160,000 compounds. The oldest go first."""

_TABLE: Final = "read_1"  # another layout of the rows is another table
_COLUMNS: Final = "(kind TEXT, text TEXT, said BLOB, seal BLOB, UNIQUE (kind, text))"
_AT_ONCE: Final = 500  # variables of a statement: any SQLite allows 999
_PATIENCE: Final = 5.0  # seconds that another process may take to write


@dataclass(frozen=True)
class Reader(Generic[T]):
    """A function of the text of a structure alone, whose values are kept.

    Args:
        address: MODULE:NAME of this reader, by which processes find it.
        read: raises DataError where there is no value.
        pack: a value as bytes. unpack: the value of these bytes.
        code: the files whose code decides what is read.
        most: how many values stay in memory.
    """

    address: str
    read: Callable[[str], T]
    pack: Callable[[T], bytes]
    unpack: Callable[[bytes], T]
    code: tuple[str, ...]
    most: int
    _memory: dict[str, T] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, text: str) -> T:
        """Of one structure.

        Raises:
            DataError: as `read` does.
        """
        known = self._memory.get(text)
        if known is None:
            known = self.read(text)
            self._remember({text: known})
        return known

    def read_all(self, texts: Iterable[str]) -> dict[str, T]:
        """Of many structures, without those that `read` refuses: what was not kept is read in processes, and kept.

        Warns:
            BdrpWarning: what was kept is damaged, and so not used.
        """
        wanted = list(dict.fromkeys(texts))
        known = {text: value for text in wanted if (value := self._memory.get(text)) is not None}
        missing = [text for text in wanted if text not in known]
        kept = _load(self.kind, missing)
        read = self._read_packed([text for text in missing if text not in kept])
        _keep(self.kind, read)
        found = {text: self.unpack(said) for text, said in (kept | read).items()}
        self._remember(found)
        return known | found

    def packed(self, text: str) -> bytes | None:
        """Of one structure, as bytes; None where `read` refuses it."""
        try:
            return self.pack(self.read(text))
        except DataError:
            return None

    @cached_property
    def kind(self) -> str:
        """What decides a value beside the text, in a few letters."""
        sha = hashlib.sha256(f"{self.address} {version('rdkit')}\n".encode())
        for path in self.code:
            sha.update(Path(path).read_bytes())
        return sha.hexdigest()[:16]

    def _read_packed(self, texts: Sequence[str]) -> dict[str, bytes]:
        """Those that can be read, in processes where these pay."""
        processes = structure_processes.count(len(texts))
        read = structure_processes.read(self.address, texts, processes) if processes > 1 else {}
        here = {text: self.packed(text) for text in texts if text not in read}
        return read | {text: said for text, said in here.items() if said is not None}

    def _remember(self, values: Mapping[str, T]) -> None:
        self._memory.update(values)
        for oldest in list(islice(self._memory, max(0, len(self._memory) - self.most))):
            self._memory.pop(oldest, None)


def _load(kind: str, texts: Sequence[str]) -> dict[str, bytes]:
    """What was kept of these texts, as far as it is what was written."""
    rows: list[tuple[str, object, object]] = []

    def fetch(cache: sqlite3.Connection) -> None:
        for start in range(0, len(texts), _AT_ONCE):
            run = texts[start : start + _AT_ONCE]
            asked = f"SELECT text, said, seal FROM {_TABLE} WHERE kind = ? AND text IN ({', '.join('?' * len(run))})"
            rows.extend(cache.execute(asked, (kind, *run)))

    if texts:
        _work_on_cache(fetch)
    found = {text: said for text, said, seal in rows if isinstance(said, bytes) and seal == _seal(kind, text, said)}
    if len(found) < len(rows):
        _warn(f"{len(rows) - len(found):,} of the structures kept in {_place()} are not what was written there")
    return found


def _keep(kind: str, values: Mapping[str, bytes]) -> None:
    rows = [(kind, text, said, _seal(kind, text, said)) for text, said in values.items()]

    def write(cache: sqlite3.Connection) -> None:
        cache.executemany(f"INSERT OR REPLACE INTO {_TABLE} VALUES (?, ?, ?, ?)", rows)
        cache.execute(f"DELETE FROM {_TABLE} WHERE rowid <= (SELECT max(rowid) FROM {_TABLE}) - ?", (MOST_ROWS,))

    if rows:
        _work_on_cache(write)


def _seal(kind: str, text: str, said: bytes) -> bytes:
    return hashlib.blake2b(f"{kind} {text}\n".encode() + said, digest_size=16).digest()


def _place() -> Path | None:
    folder = cache_folder.find()
    return None if folder is None else folder / NAME


def _work_on_cache(work: Callable[[sqlite3.Connection], None]) -> None:
    """Read or write what is kept, all of it or nothing.

    A cache that is off, another process that writes for long, a full disk and a folder that cannot be written to cost
    time alone.
    """
    path = _place()
    if path is None or (path.exists() and not path.is_file()):
        return
    try:
        with contextlib.closing(_connect(path)) as cache, cache:
            cache.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} {_COLUMNS}")
            work(cache)
    except (OSError, sqlite3.OperationalError):
        return
    except sqlite3.DatabaseError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        _warn(f"The structures kept in {path} cannot be read ({error})")


def _connect(path: Path) -> sqlite3.Connection:
    atomic.make_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # structures may be nobody else's business
    return sqlite3.connect(path, timeout=_PATIENCE)


def _warn(what: str) -> None:
    warnings.warn(
        f"{what}, and are not used: they are read again. Set {PLACE} to keep structures elsewhere, or to {OFF} to "
        "keep none.",
        BdrpWarning,
        stacklevel=3,
    )
