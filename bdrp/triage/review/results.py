"""Tables that follow from a log: pairs on which reviewers differ, and what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from bdrp.files import atomic, outputs, tables


def check_table_place(path: Path, columns: Sequence[str], inputs: Iterable[Path] = ()) -> None:
    """Refuse a place where a table with these columns cannot be written, before any work.

    Raises:
        OutputError: the suffix says no format, something else than an earlier table of its kind stands there, it is an
            input, or it lies in a model folder.
    """
    tables.check_suffix(path, "The table")
    outputs.guard({path: outputs.has_columns(columns)}, inputs)


def write_table(table: pd.DataFrame, path: Path) -> bool:
    """Write a table by its suffix, whole or not at all; one without rows is not written, and an earlier one goes.

    Returns:
        Whether there was anything to write.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic.refusing("The table", path):
        if table.empty:
            path.unlink(missing_ok=True)
            return False
        tables.write(table, path, {})
    return True
