"""The command line: parse, call, print. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import gc
import os
from collections.abc import MutableMapping
from typing import Final

NEW_OBJECTS: Final = 50_000
"""New objects, less those let go, before the collector looks for cycles among them; chosen: at Python's own 700 it runs
again and again through what imports make, which lives to the end. No more memory is seen to be held by it."""


def main() -> None:
    """Run `bdrp` with the arguments of this process."""
    keep_blas_to_one_thread(os.environ)
    gc.set_threshold(NEW_OBJECTS)
    from bdrp.cli.app import app

    app(prog_name="bdrp")


def keep_blas_to_one_thread(environment: MutableMapping[str, str]) -> None:
    """Tell numpy's BLAS before it is loaded, unless the user said otherwise; torch keeps its threads.

    Its products here are small: several threads of it wait for each other, and on a busy machine take three times the
    processor's time.
    """
    environment.setdefault("OPENBLAS_NUM_THREADS", environment.get("OMP_NUM_THREADS", "1"))
