"""`bdrp triage`: predictions become a review queue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bdrp.cli import speech
from bdrp.cli.options import given

if TYPE_CHECKING:
    import pandas as pd


def run(
    predictions: Annotated[Path, typer.Argument(help="A file that `bdrp predict` wrote.")],
    out: Annotated[Path, typer.Option(help="The queue; .csv, .jsonl and .parquet are written side by side.")],
    budget: Annotated[int, typer.Option(help="How many pairs an expert can look at.")] = 50,
    threshold: Annotated[
        float | None,
        typer.Option(help="Responses below it count as sensitive; without it, the predicted lowest tenth."),
    ] = None,
) -> None:
    """Queue the pairs that most need an expert, each with its reasons."""
    from bdrp import triage

    policy = triage.Policy(**given(sensitivity_threshold=threshold))
    queue = triage.rank(triage.read_predictions(predictions), policy, budget)
    written = triage.export(queue, out)
    speech.show(reasons_table(queue))
    speech.result("queue: " + ", ".join(map(str, written)))


def reasons_table(queue: pd.DataFrame) -> Any:
    """How many pairs of the queue each reason speaks for."""
    from rich.table import Table

    from bdrp import triage

    summary = triage.summary(queue)
    table = Table("reason", "pairs", box=None, header_style="bold", title=_title(summary), title_justify="left")
    for code, count in summary["reasons"].items():
        table.add_row(code, f"{count:,}")
    return table


def _title(summary: dict[str, Any]) -> str:
    pairs = f"{summary['pairs']:,} of {summary['pairs_ranked']:,} pairs"
    return f"{pairs}, on {summary['cell_lines']} lines and {summary['drugs']} drugs"
