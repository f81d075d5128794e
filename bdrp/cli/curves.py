"""`bdrp curves`: raw wells, or viabilities, to a screen whose responses say how sure they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import Seed
from bdrp.progress import show_bar

if TYPE_CHECKING:
    from bdrp.data.dose_response import FittedCurves

PAGE: Final = "docs/curves.md"
EXAMPLES: Final = ("bdrp curves plates.csv --out screen",)


def run(
    wells: Annotated[Path, typer.Argument(help="Raw wells with their controls, GDSC's raw data, or viabilities.")],
    out: Annotated[Path, typer.Option(help="The folder for the screen's tables and the page of curves.")],
    dose_unit: Annotated[
        str | None,
        typer.Option(metavar="um|nm|mm|m|pm", help="Of the doses, where neither header nor range tells."),
    ] = None,
    fixed_top: Annotated[
        bool, typer.Option("--fixed-top", help="Hold the upper end of each curve at the controls.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Threads; as many as processors if left out.")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Fit a Bayesian dose-response curve to every line and drug, and write responses with their SD."""
    from bdrp.data import dose_response
    from bdrp.data.dose_response import screen_tables
    from bdrp.data.dose_response.parts import FOLDER, Parts
    from bdrp.data.measures import MEASURES
    from bdrp.report import curves

    screen_tables.guard(out, [wells])
    curves.guard(out)
    points = dose_response.read(wells, dose_unit=dose_unit)
    console.print_notes(points.notices)
    options = dose_response.Options(fixed_top=fixed_top, seed=seed)
    parts = Parts(out / FOLDER)
    with show_bar("curves", shown=console.shows_progress()) as advance:
        fitted = dose_response.fit(
            points, options, parts=parts, workers=workers or os.cpu_count() or 1, advance=advance
        )
    written = screen_tables.write(fitted, out)
    page = curves.write(fitted, out)
    parts.finish()
    print_summary(fitted)
    console.print_written("responses", *(path for path in written if path.stem in MEASURES))
    console.print_written("curves", out / screen_tables.CURVES)
    console.print_written("page", page)


def print_summary(fitted: FittedCurves) -> None:
    """Plates, noise, and how many curves each flag stands on."""
    from rich.table import Table

    curves, noise = fitted.curves, fitted.noise
    pairs = len(curves[["cell_line_id", "drug_id"]].drop_duplicates())
    console.print_line(f"\n{len(curves):,} curves of {pairs:,} pairs of a line and a drug")
    plates = fitted.points.plates
    if len(plates):
        doubtful = int((plates["doubts"] != "").sum())
        console.print_line(
            f"plates: {len(plates):,}, {doubtful:,} doubtful; Z' {plates['z_prime'].median():.2f} and control CV "
            f"{plates['cv'].median():.3f} in the median"
        )
    console.print_line(
        f"noise of a well: {noise.cv:.1%} of its signal and {noise.floor:.1%} of the controls', heavy-tailed; tops "
        f"differ from the controls by {noise.top_sd:.1%}"
    )
    table = Table("flag", box=None, header_style="bold")
    table.add_column("curves", justify="right")
    for flag, count in curves["flags"].str.get_dummies(";").sum().items():
        if flag:
            table.add_row(str(flag), f"{count:,}")
    console.print_table(table)
