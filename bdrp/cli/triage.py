"""`bdrp triage`: predictions become a review queue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bdrp.cli import speech
from bdrp.cli.options import given

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
    policy = triage.Policy(**given(sensitivity_threshold=threshold))
    queue = triage.rank(triage.read_predictions(predictions), policy, budget)
    written = triage.export(queue, out)
    show_reasons(queue)
    speech.result("queue: " + ", ".join(map(str, written)))


def show_reasons(queue: pd.DataFrame) -> None:
    """How many pairs of the queue each reason speaks for."""
    from rich.table import Table

    from bdrp import triage

    summary = triage.summary(queue)
    table = Table("reason", box=None, header_style="bold")
    table.add_column("pairs", justify="right")
    for code, count in summary["reasons"].items():
        table.add_row(code, f"{count:,}")
    pairs = f"{summary['pairs']:,} of {summary['pairs_ranked']:,} pairs to review"
    speech.result(f"\n{pairs}, on {summary['cell_lines']} lines and {summary['drugs']} drugs")
    speech.show(table)
