"""Where a report's files go: each whole or not at all."""

from __future__ import annotations

from pathlib import Path

from bdrp.files import atomic


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
