"""`bdrp screens`: what can be fitted, and whether its files are here."""

from __future__ import annotations

from typing import Final

from bdrp.cli import console
from bdrp.cli.options import Root
from bdrp.errors import DataError

PAGE: Final = "docs/screens.md"
EXAMPLES: Final = (
    "bdrp screens",
    "bdrp screens --root data",
)


def run(root: Root = None) -> None:
    """List the screens, and with --root say whether their files are there."""
    from rich.table import Table

    from bdrp.data import sources

    if root is not None and not root.is_dir():
        raise DataError(
            f"--root {str(root)!r} is no folder. The screens' files lie below one. Give an existing folder."
        )
    table = Table("screen", "what it is", *(["files"] if root else []), box=None, header_style="bold")
    lacks = {name: sources.missing(name, root) if root else None for name in sources.SOURCES.usable()}
    for name, lack in lacks.items():
        there = "none needed" if lack is None else "missing" if lack else "found"
        about = console.replace_control_characters(sources.describe(name).removeprefix(f"{name}: "))
        table.add_row(name, about, *([there] if root else []))
    console.print_table(table)
    for lack in filter(None, lacks.values()):
        console.print_note(lack)
