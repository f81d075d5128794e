"""`bdrp screens`: what can be fitted, and whether its files are here."""

from __future__ import annotations

from bdrp.cli import speech
from bdrp.cli.options import Root


def run(root: Root = None) -> None:
    """List the screens, and with --root say which of them have their files there."""
    from rich.table import Table
    from rich.text import Text

    from bdrp.data import sources

    table = Table("screen", "what it is", *(["found"] if root else []), box=None, header_style="bold")
    for name in sources.names():
        found = [_found(name, root)] if root else []
        table.add_row(name, Text(speech.plain(sources.describe(name))), *found)
    speech.show(table)


def _found(name: str, root: object) -> str:
    from bdrp.data import sources

    return "yes" if sources.found(name, root) else "no"
