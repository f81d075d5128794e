"""`bdrp evaluate`: a model folder becomes a calibration report and, if asked, draws of its posterior."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import (
    DoseUnit,
    ExpressionScale,
    Laboratory,
    MatchExpression,
    MethodFile,
    Root,
    ScreenOptions,
    Unit,
    describe_tables,
    list_input_files,
    load_screen,
    parse_key_values,
    read_new_drugs,
    read_new_lines,
)
from bdrp.errors import DataError

if TYPE_CHECKING:
    import arviz

POSTERIOR = "Draws of the posterior, for ArviZ"

PAGE: Final = "docs/predictive.md"
EXAMPLES: Final = (
    "bdrp evaluate model --out report",
    "bdrp evaluate model --out report --posterior --screen gdsc2 --root data",
)


def run(
    model: Annotated[Path, typer.Argument(help="A model folder that `bdrp fit` wrote.")],
    out: Annotated[Path, typer.Option(help="The folder for report.html and scores.json.", metavar="DIR")],
    posterior: Annotated[
        bool,
        typer.Option(
            "--posterior",
            help="Also write posterior.nc; needs the drugs and expression of the held-out pairs.",
            rich_help_panel=POSTERIOR,
        ),
    ] = False,
    screen: Annotated[
        str | None, typer.Option(help="Take drugs and expression from this screen.", rich_help_panel=POSTERIOR)
    ] = None,
    root: Root = None,
    drugs: Annotated[
        Path | None, typer.Option(help="Table of drugs: drug_id and smiles.", rich_help_panel=POSTERIOR)
    ] = None,
    expression: Annotated[
        Path | None,
        typer.Option(help="Table of samples: cell_line_id and one column a gene.", rich_help_panel=POSTERIOR),
    ] = None,
    match_expression: MatchExpression = None,
    expression_scale: ExpressionScale = None,
    laboratory: Laboratory = "same",
    unit: Unit = None,
    dose_unit: DoseUnit = None,
    method: MethodFile = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Score a model on its held-out part: report.html, and the same metrics in scores.json."""
    _check_flags(posterior, screen, drugs, expression)
    from bdrp import report
    from bdrp.cli.score_summary import print_summary
    from bdrp.files import outputs, strict_json
    from bdrp.files.outputs import MANIFEST
    from bdrp.fitted.laboratory import find_laboratories
    from bdrp.fitted.measurements import UPDATES, Update
    from bdrp.report.evaluation.files import check_place

    known = find_laboratories(laboratory)
    options = parse_key_values(screen_option, "--screen-option")
    if screen:
        options |= describe_tables(unit, dose_unit, expression_scale, drugs=drugs, expression=expression)
    read = [model, *list_input_files(root, options, drugs, expression, Path(laboratory))]
    check_place(out, read)
    drawn = None
    if posterior:
        from bdrp.fitted.model import TrainedModel
        from bdrp.fitted.predict import draw

        outputs.guard({out / "posterior.nc": _is_draws}, read)
        trained = TrainedModel.load(model, method)
        drawn = draw(
            trained,
            screen=load_screen(screen, root, trained.manifest["measure"], options) if screen else None,
            drugs=read_new_drugs(drugs, trained, dose_unit) if drugs else None,
            expression=read_new_lines(expression, trained, expression_scale) if expression else None,
            match=match_expression,
        )
    scores = report.evaluate(model, out, method=method, laboratory=known or laboratory)
    print_summary(scores)
    console.print_laboratory(strict_json.read(out / "scores.json")["model"].get("laboratory"))
    updated = strict_json.read(model / MANIFEST).get(UPDATES, [])
    console.print_updates(
        [Update.from_json(each).describe() for each in updated], "scores are of held-out predictions before its updates"
    )
    console.print_written("report", out / "report.html")
    console.print_written("scores", out / "scores.json")
    if drawn is not None:
        _write(drawn, out / "posterior.nc")
        console.print_written("posterior", out / "posterior.nc")


def _is_draws(path: Path) -> bool:
    """Whether a file is NetCDF with the groups of a posterior."""
    content = path.read_bytes()
    return content.startswith(b"\x89HDF") and b"log_likelihood" in content and b"posterior_predictive" in content


def _write(drawn: arviz.InferenceData, path: Path) -> None:
    """NetCDF, whole or not at all."""
    from bdrp.files import atomic

    with atomic.refusing("The posterior", path), atomic.replacing(path) as beside:
        drawn.to_netcdf(str(beside), engine="h5netcdf")


def _check_flags(posterior: bool, screen: str | None, drugs: Path | None, expression: Path | None) -> None:
    inputs = screen is not None or (drugs is not None and expression is not None)
    if posterior and not inputs:
        raise DataError(
            "--posterior draws from the model at its held-out pairs, whose drugs and expression a model folder does "
            "not hold: no --screen, and not both of --drugs and --expression. Give the screen that it was fitted on, "
            "or a table of each."
        )
    if not posterior and (screen, drugs, expression) != (None, None, None):
        raise DataError(
            "--screen, --drugs and --expression serve --posterior alone: the report needs the model folder only. "
            "Say --posterior, or leave them out."
        )
