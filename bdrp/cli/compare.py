"""`bdrp compare`: methods on the same folds, resumable, with intervals and tests in one report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bdrp.cli import console, study_runs
from bdrp.cli.options import (
    Address,
    Device,
    DoseUnit,
    EngineName,
    ExpressionScale,
    Measure,
    Partition,
    Root,
    ScreenOptions,
    Unit,
    describe_tables,
    group_options_by_label,
    list_input_files,
    load_screen,
    parse_key_values,
    parse_labelled_names,
)
from bdrp.engines import Engine

if TYPE_CHECKING:
    from bdrp.studies.execution.run_matrix import RunMatrix


TABLES = ("figures", "intervals", "comparisons")


def run(
    out: Annotated[Path, typer.Option(help="The folder of the comparison; goes on where it stopped.", metavar="DIR")],
    methods: Annotated[
        str, typer.Option(help="Methods, by commas; LABEL=METHOD compares one method with several options.")
    ],
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
        list[str] | None, typer.Option(metavar="METHOD.KEY=VALUE", help="An option of a method; may be repeated.")
    ] = None,
    workers: study_runs.Workers = 1,
    engine: EngineName = "local",
    address: Address = None,
    budget: study_runs.Budget = None,
    plan_only: study_runs.PlanOnly = False,
    device: Device = "auto",
    screen_option: ScreenOptions = None,
) -> None:
    """Fit methods on the same folds and say which is better: compare.html and Parquet."""
    worked_by = Engine(engine, address)
    matrix = _grid(methods, splits, folds, seeds, option, partition)
    screen_options = parse_key_values(screen_option, "--screen-option") | describe_tables(
        unit, dose_unit, expression_scale
    )
    study_runs.check_output_folder(out, "compare.html", TABLES, list_input_files(root, screen_options))
    loaded = load_screen(screen, root, measure, screen_options)
    runs = study_runs.run_plan(
        loaded,
        matrix,
        out,
        workers=workers,
        budget=budget,
        device=device,
        plan_only=plan_only,
        engine=worked_by,
    )
    if runs is None:
        return
    from bdrp import report
    from bdrp.studies import comparison

    found = comparison.gather_results(out, runs)
    for note in found.notes:
        console.print_note(note)
    console.print_line(f"report: {report.compare(found, out)}")
    for name in TABLES:
        console.print_line(f"{name}: {out / f'{name}.parquet'}")


def _grid(methods: str, splits: str, folds: int, seeds: int, option: list[str] | None, partition: str) -> RunMatrix:
    from bdrp.studies.execution.run_matrix import RunMatrix

    again = "To compare a method with itself under other options, write LABEL=METHOD, as in wide=last_layer."
    chosen = parse_labelled_names(methods, "--methods", "a method", again)
    options = group_options_by_label(option, "--option", list(chosen), "method of this comparison")
    return RunMatrix(chosen, study_runs.split_by_commas(splits), folds, seeds, options, partition=partition)
