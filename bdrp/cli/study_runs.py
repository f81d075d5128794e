"""Many fits on the same folds: the flags that say which, and running those that are not yet done."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console

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


def run_plan(
    screen: Screen,
    matrix: RunMatrix,
    out: Path,
    *,
    workers: int,
    budget: float | None,
    device: str,
    plan_only: bool,
    engine: Engine,
) -> tuple[Run, ...] | None:
    """Print the plan and carry it out; all runs of the run matrix, None where only the plan was asked for.

    Raises:
        BdrpError: see `bdrp.studies.execution.plan.make_plan` and `bdrp.studies.execution.pool.execute_plan`.
    """
    from bdrp.studies.execution import plan as planning

    planning.check_workers_and_budget(workers, budget)
    plan = planning.make_plan(screen, matrix, out)
    console.print_line(plan.describe(workers))
    if plan_only:
        return None
    from bdrp.studies.execution import pool

    try:
        outcome = pool.execute_plan(
            plan,
            screen,
            workers=workers,
            budget=budget,
            device=device,
            progress=console.shows_progress(),
            engine=engine,
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
