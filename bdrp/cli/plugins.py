"""`bdrp plugins`: every method, source and recalibrator, where each comes from, and what is wrong with one."""

from __future__ import annotations

from typing import Final

from bdrp.cli import console

PAGE: Final = "docs/add-your-method.md"
EXAMPLES: Final = ("bdrp plugins",)


def run() -> None:
    """List methods, sources and recalibrators, bdrp's own and those of other packages, and say which cannot be used."""
    from rich.table import Table

    from bdrp.calibration import RECALIBRATORS
    from bdrp.data.sources import SOURCES
    from bdrp.inference import METHODS

    kinds = METHODS, SOURCES, RECALIBRATORS
    table = Table("kind", "name", "from", box=None, header_style="bold")
    for kind in kinds:
        for plug_in in kind.found():
            table.add_row(
                kind.what, *(console.replace_control_characters(text) for text in (plug_in.name, plug_in.origin))
            )
    console.print_table(table)
    for kind in kinds:
        kind.usable()  # warns of each that is not
