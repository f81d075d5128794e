"""`bdrp triage`: predictions become a review queue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bdrp.cli import console
from bdrp.cli.options import drop_unset
from bdrp.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def run(
    predictions: Annotated[Path, typer.Argument(help="A file that `bdrp predict` wrote; tables of others lose tails.")],
    out: Annotated[Path, typer.Option(help="The queue; .csv, .xlsx, .jsonl and .parquet are written side by side.")],
    budget: Annotated[int, typer.Option(help="How many pairs an expert can look at.")] = 50,
    threshold: Annotated[
        float | None,
        typer.Option(help="Responses below it count as sensitive; without it, the predicted lowest tenth."),
    ] = None,
    reviewed: Annotated[
        Path | None, typer.Option(help="The log of `bdrp review`: pairs decided there are not asked again.")
    ] = None,
    label_studio: Annotated[
        Path | None, typer.Option(help="Also write tasks for Label Studio (.json), and their interface beside (.xml).")
    ] = None,
) -> None:
    """Queue the pairs that most need an expert, each with its reasons."""
    from bdrp import triage

    inputs = [path for path in (predictions, reviewed) if path is not None]
    triage.places(out, inputs)
    if label_studio is not None:
        triage.task_places(label_studio, inputs)
    policy = triage.Policy(**drop_unset(sensitivity_threshold=threshold))
    done = None if reviewed is None else _read_settled(reviewed)
    queue = triage.rank(triage.read_predictions(predictions), policy, budget, done)
    print_queue(queue, triage.export(queue, out))
    if label_studio is not None:
        console.print_line("Label Studio: tasks {}, interface {}".format(*triage.export_tasks(queue, label_studio)))


def print_queue(queue: pd.DataFrame, written: Sequence[Path]) -> None:
    """What a queue holds, and where it was written."""
    print_reasons(queue)
    console.print_line("queue: " + ", ".join(map(str, written)))


def print_reasons(queue: pd.DataFrame) -> None:
    """How many pairs of the queue each reason speaks for."""
    from rich.table import Table

    from bdrp import triage

    summary = triage.summary(queue)
    table = Table("reason", box=None, header_style="bold")
    table.add_column("pairs", justify="right")
    for code, count in summary["reasons"].items():
        table.add_row(code, f"{count:,}")
    pairs = f"{summary['pairs']:,} of {summary['pairs_ranked']:,} pairs to review"
    if summary["pairs_reviewed"]:
        pairs += f" ({summary['pairs_reviewed']:,} decided before are left out)"
    console.print_line(f"\n{pairs}, on {summary['cell_lines']} lines and {summary['drugs']} drugs")
    console.print_table(table)


def _read_settled(log: Path) -> pd.DataFrame:
    from bdrp.triage import review

    if not log.is_file():
        raise DataError(
            f"There is no log of decisions at {log}. Allowed: the file that `bdrp review --log` made. Check the path, "
            "or leave --reviewed out."
        )
    return review.find_settled(review.AuditLog(log).entries())
