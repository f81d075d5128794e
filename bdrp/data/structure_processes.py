"""Structures read in processes of their own, for RDKit holds Python's lock.

A process is given texts as JSON by its standard input, and answers by its standard output; so it needs nothing of the
caller's own module, ends with its work, and by its pipe if the caller is killed. It is started where many structures
are asked for: its start takes as long as to read hundreds of them.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import IO, Final

from bdrp.errors import DataError

FEWEST: Final = 1_000
"""Structures that are worth a process of their own; chosen: they take a second or two."""
PROCESSES: Final = "BDRP_PROCESSES"
"""The environment variable that says how many processes may read structures; those of the machine where it does not."""

_SIZE: Final = struct.Struct("<i")
_REFUSED: Final = -1


def count(structures: int) -> int:
    """How many processes pay for so many structures; a process that has a parent of its own kind starts none.

    Raises:
        DataError: `BDRP_PROCESSES` is no such number.
    """
    said = os.environ.get(PROCESSES, "").strip()
    if said and not re.fullmatch("[1-9][0-9]{0,3}", said):
        raise DataError(
            f"The environment variable {PROCESSES} is {said[:40]!r}. Allowed: how many processes may read "
            "structures, from 1 to 9,999; 1 reads them in the command's own. Correct it, or leave it out for one a "
            "processor."
        )
    if multiprocessing.parent_process() is not None:
        return 1
    return max(1, min(int(said or _processors()), structures // FEWEST))


def _processors() -> int:
    """Those that this process may run on, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read(address: str, texts: Sequence[str], processes: int) -> dict[str, bytes]:
    """Packed values of those texts that can be read; of a process that fails none.

    Args:
        address: MODULE:NAME of a `Reader`.
        texts: of structures.
        processes: how many read them.
    """
    shares = [texts[start::processes] for start in range(processes)]
    running = [_start(address) for _ in shares]
    try:
        with ThreadPoolExecutor(len(shares)) as pool:
            parts = list(pool.map(_ask, running, shares))
    finally:
        for process in running:
            process.kill()
            process.wait()
    return {text: value for part in parts for text, value in part.items()}


def _start(address: str) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-P", "-W", "ignore", "-m", __name__, address]
    return subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _ask(process: subprocess.Popen[bytes], texts: Sequence[str]) -> dict[str, bytes]:
    said, _ = process.communicate(json.dumps(texts).encode())
    if process.returncode:
        return {}
    return {text: value for text, value in zip(texts, _values(said), strict=True) if value is not None}


def _values(said: bytes) -> Iterator[bytes | None]:
    start = 0
    while start < len(said):
        (size,) = _SIZE.unpack_from(said, start)
        start += _SIZE.size
        yield None if size == _REFUSED else said[start : start + size]
        start += max(size, 0)


def answer(address: str, asked: IO[bytes], out: IO[bytes]) -> None:
    """What a process does: a length and a value for each text, in their order."""
    module, _, name = address.partition(":")
    reader = getattr(import_module(module), name)
    for text in json.load(asked):
        value = reader.packed(text)
        out.write(_SIZE.pack(_REFUSED if value is None else len(value)) + (value or b""))


if __name__ == "__main__":
    answer(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
