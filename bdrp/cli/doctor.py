"""`bdrp doctor`: what is installed, in which release, on which device, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from bdrp.cli import console

if TYPE_CHECKING:
    from bdrp.cli.installation import Installation

PAGE: Final = "docs/install.md"
EXAMPLES: Final = (
    "bdrp doctor",
    "bdrp doctor --json",
)


def run() -> None:
    """Say what is installed, whether its releases fit, which device a fit would take, and what extras would add."""
    from bdrp.cli import installation

    found = installation.inspect()
    console.record(**found.to_dict())
    _print(found)
    if found.faults:
        raise typer.Exit(1)


def _print(found: Installation) -> None:
    from rich.table import Table

    from bdrp.cli.installation import GIVES

    for name, fact in found.facts.items():
        console.print_line(f"{name + ':':9}{fact}")
    table = Table("package", "installed", "allowed", "tested with", "", box=None, header_style="bold")
    for each in found.packages:
        if not each.extra or each.installed:
            table.add_row(each.name, each.installed or "-", each.wanted, each.pinned or "-", each.state)
    console.print_table(table)
    for extra, names in found.lacking.items():
        gives = GIVES[extra]
        console.print_note(f"Without {', '.join(names)} there is not: {gives}. pip install 'bdrp[{extra}]' adds it.")
    for each in found.faults:
        seen = "is not installed" if each.installed is None else f"is installed as {each.installed}"
        console.print_warning(f"{each.name} {seen}. Allowed: {each.wanted}. pip install '{each.name}{each.wanted}'.")
    others = sum(each.state == "other than pinned" for each in found.packages)
    if found.faults:
        console.print_line("bdrp cannot work here: see the warnings.")
    else:
        console.print_line(
            "All that bdrp needs is here." + (f" {others} releases are not those tested." if others else "")
        )
