"""The command line: parse, call, print. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import os
from collections.abc import MutableMapping


def main() -> None:
    """Run `bdrp` with the arguments of this process."""
    keep_blas_to_one_thread(os.environ)
    from bdrp.cli.app import app

    app(prog_name="bdrp")


def keep_blas_to_one_thread(environment: MutableMapping[str, str]) -> None:
    """Tell numpy's BLAS before it is loaded, unless the user said otherwise; torch keeps its threads.

    Its products here are small: several threads of it wait for each other, and on a busy machine take three times the
    processor's time.
    """
    environment.setdefault("OPENBLAS_NUM_THREADS", environment.get("OMP_NUM_THREADS", "1"))
