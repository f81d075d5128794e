"""The tables of an explanation as CSV files beside its page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bdrp.explain import Explanation
from bdrp.files import atomic, outputs, tables
from bdrp.report.html.output import make_folder

PAGE: Final = "explain.html"
COLUMNS: Final = {
    "markers": ("drug_name", "gene", "score", "fdr"),
    "gene_sets": ("drug_name", "gene_set", "z", "fdr"),
    "terms": ("line_name", "drug_name", "term", "contribution"),
    "genes": ("line_name", "drug_name", "feature", "contribution"),
    "intervals": ("line_name", "drug_name", "sd", "share_noise"),
    "borrowed": ("line_name", "drug_name", "from_drug_id", "weight"),
    "atoms": ("drug_name", "atom", "contribution"),
}
"""The tables, and columns by which an earlier one is known."""


def guard(out: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse a folder in which something would be lost, before any work is done.

    Raises:
        OutputError: naming what is an input, lies in a model folder, or is no earlier explanation.
    """
    results = {out / f"{name}.csv": outputs.has_columns(needed) for name, needed in COLUMNS.items()}
    outputs.guard({out / PAGE: outputs.is_page, **results}, inputs)


def write_tables(found: Explanation, out: Path) -> list[Path]:
    """Write each table that has rows; text in them runs in no spreadsheet. An earlier one that has none now goes.

    Raises:
        OutputError: they cannot be written.
    """
    make_folder(out)
    held = found.tables()
    with atomic.refusing("The explanation", out):
        for name in COLUMNS:
            path = out / f"{name}.csv"
            if name in held:
                tables.write(held[name], path, {})
            else:
                path.unlink(missing_ok=True)
    return [out / f"{name}.csv" for name in held]
