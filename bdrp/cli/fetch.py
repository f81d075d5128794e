"""`bdrp fetch`: download a screen's official files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from bdrp.cli import console

PAGE: Final = "docs/screens.md"
EXAMPLES: Final = ("bdrp fetch gdsc2 --root data",)


def run(
    name: Annotated[str, typer.Argument(help="Which screen, such as gdsc2.", metavar="SCREEN")],
    root: Annotated[Path, typer.Option(help="Where to put the files.")],
) -> None:
    """Download the official files of a screen; the providers' terms apply to the data."""
    from bdrp.data.fetch import fetch

    for path in fetch(name, root):
        console.print_line(path)
        console.record_written(path.name, path)
