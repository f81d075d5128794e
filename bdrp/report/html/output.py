"""Where a report's files go: each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

from bdrp.errors import OutputError
from bdrp.files import atomic, outputs, tables

PAGE: Final = ".html"
BESIDE: Final = (".xlsx", ".csv")
"""The tables that stand beside a page."""


class Savable(Protocol):
    """Results with tables of their own."""

    def save(self, out: Path) -> None:
        """Write the tables into a folder."""


Results = TypeVar("Results", bound=Savable)


def write_results(path: Path, results: Results, render: Callable[[Results], str]) -> Path:
    """Write the page of a study's results, and their tables beside it.

    Returns:
        The path.

    Raises:
        OutputError: they cannot be written, or the page would replace what is no page.
    """
    outputs.guard({path: outputs.is_page})
    results.save(make_folder(path.parent))
    return write_page(path, render(results))


def places_of_page(path: Path, what: str, known_by: Sequence[str], inputs: Iterable[Path] = ()) -> list[Path]:
    """The files that a path asks for: a page, then its tables beside it; or one table.

    Args:
        path: of the page (.html), or of one table (.csv, .xlsx, .parquet).
        what: is written, as a sentence begins: "The answer".
        known_by: columns by which an earlier table of the kind is known.
        inputs: the files and model folders that it is made of.

    Raises:
        OutputError: the suffix is another, a folder stands there, or something would be lost.
    """
    name = what.split()[-1]
    if path.suffix.lower() not in (PAGE, *tables.SUFFIXES):
        seen = f"as '{path.suffix}'" if path.suffix else "without a suffix"
        raise OutputError(
            f"{what} cannot be written {seen}, asked for by {path}. Allowed are {PAGE} with its tables beside it, and "
            f"{', '.join(tables.SUFFIXES)} for the table alone. Name the file {path.stem or name}{PAGE}."
        )
    if path.is_dir():
        raise OutputError(
            f"{what} cannot be written to {path}: a folder stands there. Name the file in it, {path / (name + PAGE)}."
        )
    finals = [path, *(path.with_suffix(suffix) for suffix in BESIDE)] if path.suffix.lower() == PAGE else [path]
    own = outputs.has_columns(known_by)
    outputs.guard({one: outputs.is_page if one.suffix.lower() == PAGE else own for one in finals}, inputs)
    return finals


def make_folder(out: Path) -> Path:
    """The folder, made if it does not exist.

    Raises:
        OutputError: it cannot be made.
    """
    with atomic.refusing("The report", out):
        atomic.make_folder(out)
    return out


def write_page(path: Path, html: str) -> Path:
    """Write a page, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic.refusing("The report", path), atomic.replacing(path) as beside:
        beside.write_text(html, encoding="utf-8", newline="\n")
    return path
