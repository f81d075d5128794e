"""Many fits on the same folds: the flags that say which, and running those that are not yet done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import list_input_files, load_screen

if TYPE_CHECKING:
    from bdrp.data.screen import Screen
    from bdrp.engines import Engine
    from bdrp.studies.execution.pool import Outcome
    from bdrp.studies.execution.run_matrix import Run, RunMatrix

EVERY_SPLIT: Final = "pair,cell_line,tissue,drug,both"
Splits = Annotated[
    str, typer.Option(help="What is held out, by commas: pair, cell_line, drug, scaffold, tissue, both.")
]
Folds = Annotated[int, typer.Option(help="How many folds each split has.")]
Seeds = Annotated[int, typer.Option(help="How many seeds each fold is fitted with.")]
Workers = Annotated[int, typer.Option(help="How many fits at a time, each on one thread.")]
Budget = Annotated[float | None, typer.Option(metavar="SECONDS", help="Start no fit that is expected to end later.")]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Only print what would be done.")]


@dataclass(frozen=True)
class NamedScreen:
    """The screen that flags name.

    Attributes:
        name: as `--screen` has it.
        root: the folder below which its files lie.
        measure: None for the screen's own default.
        options: of its source.
    """

    name: str
    root: Path | None
    measure: str | None
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Execution:
    """How the fits of a study are run, as flags say it.

    Attributes:
        engine: who runs them.
        workers: how many at a time.
        budget: seconds; None for no end.
        device: auto, cpu or cuda.
        plan_only: print what would be done, and do nothing.
    """

    engine: Engine
    workers: int
    budget: float | None
    device: str
    plan_only: bool


def run_on_screen(
    named: NamedScreen, matrix: RunMatrix, out: Path, page: str, tables: Iterable[str], execution: Execution
) -> tuple[Run, ...] | None:
    """Fit a run matrix on a screen into a folder that may take the study's page and tables.

    Returns:
        All runs of the run matrix; None where only the plan was asked for.

    Raises:
        BdrpError: see `check_output_folder`, `load_screen` and `run_plan`.
    """
    check_output_folder(out, page, tables, list_input_files(named.root, named.options))
    return run_plan(load_screen(named.name, named.root, named.measure, named.options), matrix, out, execution)


def check_output_folder(out: Path, page: str, tables: Iterable[str], inputs: Iterable[Path]) -> None:
    """Refuse a folder in which a study's page and tables would replace something else, before anything is fitted.

    Raises:
        OutputError: see `bdrp.files.outputs.guard`.
    """
    from bdrp.files import outputs
    from bdrp.studies.comparison import is_table

    found = {out / f"{name}.parquet": is_table for name in tables}
    outputs.guard({out / page: outputs.is_page, **found}, inputs)


def split_by_commas(text: str) -> list[str]:
    """Names by commas, without the blanks around them."""
    return [name.strip() for name in text.split(",")]


def run_plan(screen: Screen, matrix: RunMatrix, out: Path, execution: Execution) -> tuple[Run, ...] | None:
    """Print the plan and carry it out; all runs of the run matrix, None where only the plan was asked for.

    Raises:
        BdrpError: see `bdrp.studies.execution.plan.make_plan` and `bdrp.studies.execution.pool.execute_plan`.
    """
    from bdrp.studies.execution import plan as planning

    planning.check_workers_and_budget(execution.workers, execution.budget)
    plan = planning.make_plan(screen, matrix, out)
    console.print_line(plan.describe(execution.workers))
    if execution.plan_only:
        return None
    from bdrp.studies.execution import pool

    try:
        outcome = pool.execute_plan(
            plan,
            screen,
            workers=execution.workers,
            budget=execution.budget,
            device=execution.device,
            progress=console.shows_progress(),
            engine=execution.engine,
        )
    except KeyboardInterrupt:
        console.print_note(f"finished runs are kept in {out}; the same command goes on from there.")
        raise
    _print_failures(outcome)
    return plan.runs


def _print_failures(outcome: Outcome) -> None:
    failed: dict[str, list[Run]] = {}
    for run, error in outcome.failed:
        failed.setdefault(error, []).append(run)
    for error, runs in failed.items():
        more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
        console.print_warning(f"{runs[0]}{more} failed: {error}")
    if outcome.left:
        console.print_warning(
            f"{len(outcome.left)} fits were not started: by the estimate, the next one would end after the budget. The "
            "same command goes on; give it a larger --budget if none is ever started."
        )
