"""`bdrp check`: what a fit would read of a screen or of your tables, before anything is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import (
    DoseUnit,
    ExpressionScale,
    Measure,
    OwnDrugs,
    OwnExpression,
    OwnLines,
    OwnResponses,
    ProfileTables,
    Root,
    ScreenOptions,
    Unit,
    describe_tables,
    gather_screen_options,
    name_tables,
    split_screens,
)

if TYPE_CHECKING:
    from bdrp.data.inspection import Findings

PAGE: Final = "docs/screens.md"
EXAMPLES: Final = (
    "bdrp check --responses responses.csv --drugs drugs.csv --expression expression.csv",
    "bdrp check --screen gdsc2 --root data",
)


def run(
    screen: Annotated[
        str, typer.Option(help="Which screen: see `bdrp screens`; your own tables without it.")
    ] = "tables",
    root: Root = None,
    measure: Measure = None,
    unit: Unit = None,
    dose_unit: DoseUnit = None,
    expression_scale: ExpressionScale = None,
    responses: OwnResponses = None,
    drugs: OwnDrugs = None,
    expression: OwnExpression = None,
    cell_lines: OwnLines = None,
    profiles: ProfileTables = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Say what would be read and joined, and everything that has to be changed; nothing is fitted or written."""
    from bdrp.data.inspection import inspect

    said = describe_tables(unit, dose_unit, expression_scale)
    own = name_tables(responses, drugs, expression, cell_lines)
    options = gather_screen_options(screen_option, said, own, profiles=profiles)
    found = inspect(split_screens(screen), root, measure, options)
    console.record(**found.to_dict())
    print_findings(found)
    if not found.fits:
        raise typer.Exit(2)


def print_findings(found: Findings) -> None:
    """What was understood and joined on standard output; what is doubtful or refused on standard error."""
    for what, words in found.understood.items():
        console.print_line(f"{what}: {words}")
    for meeting in found.joined:
        console.print_line(f"{meeting.what}: {meeting}")
    for notice in found.notices:
        console.print_note(notice)
    for doubt in found.doubtful:
        console.print_warning(doubt)
    for refusal in found.to_change:
        console.print_error(refusal)
    count = len(found.to_change)
    console.print_line("a fit would read this" if found.fits else f"{count} thing{'s'[: count != 1]} to change")
