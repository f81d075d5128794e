"""The command line: parse, call, print. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import gc
import os
from collections.abc import MutableMapping
from typing import Final

LIVE: Final = 50_000
"""Objects made beyond those let go before the collector looks for cycles among them; chosen: Python's 700 has it run
through what imports make, which lives to the end, for a tenth of a command's time."""


def main() -> None:
    """Run `bdrp` with the arguments of this process."""
    keep_blas_to_one_thread(os.environ)
    gc.set_threshold(LIVE)
    from bdrp.cli.app import app

    app(prog_name="bdrp")


def keep_blas_to_one_thread(environment: MutableMapping[str, str]) -> None:
    """Tell numpy's BLAS before it is loaded, unless the user said otherwise; torch keeps its threads.

    Its products here are small: several threads of it wait for each other, and on a busy machine take three times the
    processor's time.
    """
    environment.setdefault("OPENBLAS_NUM_THREADS", environment.get("OMP_NUM_THREADS", "1"))
