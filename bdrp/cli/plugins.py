"""`bdrp plugins`: every method and source, where it comes from, and what is wrong with one, if anything."""

from __future__ import annotations

from bdrp.cli import speech


def run() -> None:
    """List methods and sources, bdrp's own and those of other packages, and say which cannot be used."""
    from rich.table import Table

    from bdrp.data.sources import SOURCES
    from bdrp.inference import METHODS

    table = Table("kind", "name", "from", box=None, header_style="bold")
    for kind in (METHODS, SOURCES):
        for plug_in in kind.found():
            table.add_row(kind.what, *(speech.plain(text) for text in (plug_in.name, plug_in.origin)))
    speech.show(table)
    for kind in (METHODS, SOURCES):
        kind.usable()  # warns of each that is not
