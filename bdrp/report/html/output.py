"""Where a report's files go: each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from bdrp.files import atomic, outputs


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


def make_folder(out: Path) -> Path:
    """The folder, made if it does not exist.

    Raises:
        OutputError: it cannot be made.
    """
    with atomic.refusing("The report", out):
        out.mkdir(parents=True, exist_ok=True)
    return out


def write_page(path: Path, html: str) -> Path:
    """Write a page, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic.refusing("The report", path), atomic.replacing(path) as beside:
        beside.write_text(html, encoding="utf-8", newline="\n")
    return path
