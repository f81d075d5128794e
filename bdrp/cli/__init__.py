"""The command line: parse, call, print. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import MutableMapping
from typing import Final, TextIO

NEW_OBJECTS: Final = 50_000
"""New objects, less those let go, before the collector looks for cycles among them; chosen: at Python's own 700 it runs
again and again through what imports make, which lives to the end. No more memory is seen to be held by it."""


def main() -> None:
    """Run `bdrp` with the arguments of this process."""
    keep_blas_to_one_thread(os.environ)
    gc.set_threshold(NEW_OBJECTS)
    show_what_can_be_shown(sys.stdout, sys.stderr)
    from bdrp.cli.app import app

    app(prog_name="bdrp")


def show_what_can_be_shown(*streams: TextIO) -> None:
    """Have a terminal that lacks a letter, as an ASCII one lacks µ, print "?" in its place and end no command by it."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")


def keep_blas_to_one_thread(environment: MutableMapping[str, str]) -> None:
    """Tell numpy's BLAS before it is loaded, unless the user said otherwise; torch keeps its threads.

    Its products here are small: several threads of it wait for each other, and on a busy machine take three times the
    processor's time.
    """
    environment.setdefault("OPENBLAS_NUM_THREADS", environment.get("OMP_NUM_THREADS", "1"))
