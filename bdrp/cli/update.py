"""`bdrp update`: a model folder and new measurements become a model folder that knows both."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import (
    ExpressionScale,
    Laboratory,
    MatchExpression,
    MethodFile,
    NewDrugs,
    NewSamples,
    Overwrite,
    ProfileTables,
    Root,
    ScreenOptions,
    Tissue,
    list_input_files,
    load_screen,
    parse_key_values,
    parse_profile_tables,
)
from bdrp.errors import DataError

PAGE: Final = "docs/update.md"
EXAMPLES: Final = (
    "bdrp update model --measured measured.csv --expression new.csv --out model2",
    "bdrp update model2 --undo --out model",
)


def run(
    model: Annotated[Path, typer.Argument(help="A model folder; it is only read.")],
    out: Annotated[Path, typer.Option(help="The model folder to write.")],
    measured: Annotated[
        Path | None,
        typer.Option(help="Table of cell_line_id, drug_id, the response and, where known, its limits or doses."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Write the model as it was before its last update.")] = False,
    screen: Annotated[str | None, typer.Option(help="Take drugs and expression from this screen.")] = None,
    root: Root = None,
    drugs: NewDrugs = None,
    expression: NewSamples = None,
    profiles: ProfileTables = None,
    tissue: Tissue = None,
    match_expression: MatchExpression = None,
    expression_scale: ExpressionScale = None,
    laboratory: Laboratory = "same",
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What the response column of --measured holds, such as ic50_nm or pic50; without it, header and "
            "values must tell.",
        ),
    ] = None,
    dose_unit: Annotated[
        str | None, typer.Option(metavar="UNIT", help="The doses' unit: m, mm, um, nm or pm, where it is not told.")
    ] = None,
    method: MethodFile = None,
    overwrite: Overwrite = False,
    screen_option: ScreenOptions = None,
) -> None:
    """Condition a model on new measurements of lines and drugs, known or new, in closed form and in seconds."""
    _check_flags(measured, undo)
    from bdrp.files import outputs
    from bdrp.fitted.laboratory import find_laboratories
    from bdrp.fitted.model import TrainedModel
    from bdrp.fitted.update import undo_update, update

    options = parse_key_values(screen_option, "--screen-option")
    further = parse_profile_tables(profiles)
    files = list_input_files(root, options, measured, drugs, expression, Path(laboratory), *further.values())
    outputs.guard_folder(out, [model, *files])
    trained = TrainedModel.load(model, method)
    if measured is None:
        made = undo_update(trained, out, overwrite=overwrite)
        console.print_written("model", out, note=f", without the update of {trained.updates[-1]}")
        console.print_updates(made.updates, "what remains")
        return
    loaded = load_screen(screen, root, trained.manifest["measure"], options) if screen else None
    made = update(
        trained,
        measured,
        screen=loaded,
        drugs=drugs,
        expression=expression,
        profiles=further,
        tissue=tissue,
        match=match_expression,
        laboratory=find_laboratories(laboratory) or laboratory,
        unit=unit,
        dose_unit=dose_unit,
        expression_scale=expression_scale,
        out=out,
        overwrite=overwrite,
    )
    console.print_written("model", out)
    console.record(updates=[str(each) for each in made.updates])
    for each in made.updates:
        console.print_line(f"  {each}")


def _check_flags(measured: Path | None, undo: bool) -> None:
    if (measured is None) != undo:
        raise DataError(
            "There is either an update to make or one to undo. Give --measured TABLE to add measurements, or --undo to "
            "take back the last ones."
        )
