"""`bdrp triage`: predictions become a review queue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bdrp.cli import console
from bdrp.cli.options import drop_unset

if TYPE_CHECKING:
    import pandas as pd


def run(
    predictions: Annotated[Path, typer.Argument(help="A file that `bdrp predict` wrote; tables of others lose tails.")],
    out: Annotated[Path, typer.Option(help="The queue; .csv, .jsonl and .parquet are written side by side.")],
    budget: Annotated[int, typer.Option(help="How many pairs an expert can look at.")] = 50,
    threshold: Annotated[
        float | None,
        typer.Option(help="Responses below it count as sensitive; without it, the predicted lowest tenth."),
    ] = None,
) -> None:
    """Queue the pairs that most need an expert, each with its reasons."""
    from bdrp import triage

    triage.places(out, [predictions])
    policy = triage.Policy(**drop_unset(sensitivity_threshold=threshold))
    queue = triage.rank(triage.read_predictions(predictions), policy, budget)
    written = triage.export(queue, out)
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
    console.print_line(f"\n{pairs}, on {summary['cell_lines']} lines and {summary['drugs']} drugs")
    console.print_table(table)
