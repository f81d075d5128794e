"""`bdrp ablate`: what each component of the model contributes, with its interval, by split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from bdrp.cli import console, study_runs
from bdrp.cli.options import (
    Address,
    Device,
    DoseUnit,
    EngineName,
    ExpressionScale,
    Measure,
    OwnDrugs,
    OwnExpression,
    OwnLines,
    OwnResponses,
    Partition,
    Root,
    ScreenOptions,
    Unit,
    describe_tables,
    gather_screen_options,
    name_tables,
    parse_key_values,
)
from bdrp.engines import Engine

PAGE: Final = "docs/ablate.md"
EXAMPLES: Final = (
    "bdrp ablate --splits cell_line --folds 2 --seeds 1 --out ablation",
    "bdrp ablate --screen gdsc2 --root data --components graph,expression --out ablation --plan",
)


def run(
    out: Annotated[Path, typer.Option(help="The folder of the ablation; goes on where it stopped.", metavar="DIR")],
    method: Annotated[str, typer.Option(help="The method that is taken apart; one that trains the network.")] = (
        "last_layer"
    ),
    components: Annotated[
        str | None,
        typer.Option(
            "--components",
            "--parts",
            help="Components to take away, by commas; all if left out (docs/ablate.md names them).",
        ),
    ] = None,
    splits: study_runs.Splits = study_runs.EVERY_SPLIT,
    folds: study_runs.Folds = 5,
    partition: Partition = "drawn",
    seeds: study_runs.Seeds = 3,
    screen: Annotated[str, typer.Option(help="Which screen: see `bdrp screens`.")] = "simulated",
    root: Root = None,
    measure: Measure = None,
    unit: Unit = None,
    dose_unit: DoseUnit = None,
    expression_scale: ExpressionScale = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the method; may be repeated.")
    ] = None,
    workers: study_runs.Workers = 1,
    engine: EngineName = "local",
    address: Address = None,
    budget: study_runs.Budget = None,
    plan_only: study_runs.PlanOnly = False,
    device: Device = "auto",
    responses: OwnResponses = None,
    drugs: OwnDrugs = None,
    expression: OwnExpression = None,
    cell_lines: OwnLines = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Fit a method without each of its components and say what each contributes: ablation.html, ablation.parquet."""
    from bdrp.studies.components import ablation_matrix

    worked_by = Engine(engine, address)
    chosen = None if components is None else study_runs.split_by_commas(components)
    options = parse_key_values(option, "--option")
    matrix = ablation_matrix(
        method,
        study_runs.split_by_commas(splits),
        folds,
        seeds,
        options=options,
        components=chosen,
        partition=partition,
    )
    said = describe_tables(unit, dose_unit, expression_scale)
    own = name_tables(responses, drugs, expression, cell_lines)
    screen_options = gather_screen_options(screen_option, said, own)
    named = study_runs.NamedScreen(screen, root, measure, screen_options)
    execution = study_runs.Execution(worked_by, workers, budget, device, plan_only)
    runs = study_runs.run_on_screen(named, matrix, out, "ablation.html", ["ablation"], execution)
    if runs is None:
        return
    from bdrp import report
    from bdrp.studies import ablation

    found = ablation.gather_contributions(out, runs)
    for note in found.notes:
        console.print_note(note)
    console.print_written("report", report.ablate(found, out))
    console.print_written("contributions", out / "ablation.parquet")
