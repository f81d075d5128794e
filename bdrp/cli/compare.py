"""`bdrp compare`: methods on the same folds, resumable, with intervals and tests in one report."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

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
    group_options_by_label,
    name_tables,
    parse_labelled_names,
)
from bdrp.engines import Engine

if TYPE_CHECKING:
    from bdrp.studies.comparison import ComparisonResults
    from bdrp.studies.execution.run_matrix import RunMatrix


TABLES = ("figures", "intervals", "comparisons")
"""Is `bdrp.studies.saved_comparison.TABLES`, which help needs without loading that."""

PAGE: Final = "docs/compare.md"
EXAMPLES: Final = (
    "bdrp compare --methods mean_effects,ridge --splits cell_line --folds 3 --seeds 1 --out comparison",
    "bdrp compare --methods ridge,wide=last_layer --option wide.width=128 --out comparison --plan",
)


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
    responses: OwnResponses = None,
    drugs: OwnDrugs = None,
    expression: OwnExpression = None,
    cell_lines: OwnLines = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Fit methods on the same folds and say which is better: compare.html and Parquet.

    `bdrp compare export` makes tables and figures for a paper of it.
    """
    worked_by = Engine(engine, address)
    matrix = _grid(methods, splits, folds, seeds, option, partition)
    said = describe_tables(unit, dose_unit, expression_scale)
    own = name_tables(responses, drugs, expression, cell_lines)
    screen_options = gather_screen_options(screen_option, said, own)
    named = study_runs.NamedScreen(screen, root, measure, screen_options)
    execution = study_runs.Execution(worked_by, workers, budget, device, plan_only)
    runs = study_runs.run_on_screen(named, matrix, out, "compare.html", TABLES, execution)
    if runs is None:
        return
    from bdrp import report
    from bdrp.studies import comparison

    found = comparison.gather_results(out, runs)
    for note in found.notes:
        console.print_note(note)
    page = report.compare(found, out)
    print_verdict(found)
    console.print_written("report", page)
    for name in TABLES:
        console.print_written(name, out / f"{name}.parquet")


def print_verdict(found: ComparisonResults) -> None:
    """Which method is best by each metric on each split, and from which others evidence tells it apart."""
    from rich.table import Table
    from rich.text import Text

    from bdrp.report import words
    from bdrp.report.comparison import verdict
    from bdrp.report.comparison.tables import label

    verdicts = verdict.find_verdicts(found)
    console.record(verdicts=[asdict(each) for each in verdicts])
    if not verdicts:
        console.print_line("verdict: none yet; no split has a fold that all methods finished.")
        return
    table = Table("split", "metric", "best", box=None, header_style="bold")
    table.add_column("value", justify="right")
    table.add_column("evidence")
    for each in verdicts:
        where, metric = words.by(each.split), label(each.metric)
        method, evidence = (Text(console.replace_control_characters(text)) for text in (each.method, each.evidence))
        table.add_row(where, metric, method, words.number(each.value), evidence)
    console.print_line("")
    console.print_table(table)
    console.print_line(verdict.CAPTION)


def _grid(methods: str, splits: str, folds: int, seeds: int, option: list[str] | None, partition: str) -> RunMatrix:
    from bdrp.studies.execution.run_matrix import RunMatrix

    again = "To compare a method with itself under other options, write LABEL=METHOD, as in wide=last_layer."
    chosen = parse_labelled_names(methods, "--methods", "a method", again)
    options = group_options_by_label(option, "--option", list(chosen), "method of this comparison")
    return RunMatrix(chosen, study_runs.split_by_commas(splits), folds, seeds, options, partition=partition)
