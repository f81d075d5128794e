"""`bdrp retrospect`: what a review queue of a given size would have bought on the held-out pairs of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import MethodFile, drop_unset
from bdrp.cli.sensitivity import Threshold, ThresholdByDrug, Thresholds, make_policy

if TYPE_CHECKING:
    import pandas as pd

PAGE: Final = "docs/triage.md"
EXAMPLES: Final = ("bdrp retrospect model", "bdrp retrospect model --queued 0.1 --out bought.csv")
RANKINGS: Final = {
    "sd": "predictive SD",
    "drug_sd": "residual SD a drug",
    "wrong_side": "chance of a wrong call",
    "queue": "the queue's priority",
    "random": "random",
    "oracle": "oracle",
}
LOSSES: Final = {"squared_error": "squared error", "wrong_call": "wrong calls of sensitive or not"}
KNOWN_BY: Final = ("ranking", "loss", "queued", "accepted")


def run(
    model: Annotated[Path, typer.Argument(help="A model folder that was fitted with a split that has a test part.")],
    queued: Annotated[
        list[float] | None,
        typer.Option(metavar="SHARE", help="Share of the pairs that is reviewed; may be repeated. 0.2 and 0.5."),
    ] = None,
    threshold: Threshold = None,
    thresholds: Thresholds = None,
    threshold_by_drug: ThresholdByDrug = False,
    out: Annotated[Path | None, typer.Option(help="Also write the table: .csv, .xlsx or .parquet.")] = None,
    method: MethodFile = None,
) -> None:
    """Show what reviewing a share of a model's held-out pairs would have left of its errors in the rest."""
    from bdrp import triage
    from bdrp.files import atomic, outputs, tables
    from bdrp.fitted.model import TrainedModel

    if out is not None:
        tables.check_suffix(out, "What queues bought")
        outputs.guard({out: outputs.has_columns(KNOWN_BY)}, [model, *([] if thresholds is None else [thresholds])])
    policy = make_policy(threshold, thresholds, threshold_by_drug)
    trained = TrainedModel.load(model, method)
    observed = trained.held_out()
    found = triage.simulate_review(
        trained.held_out_predictions(), observed, policy, **drop_unset(queued=tuple(queued) if queued else None)
    )
    console.print_line(f"{len(observed):,} held-out pairs; error of the accepted as a share of that of all (1: no use)")
    for loss, heading in LOSSES.items():
        print_loss(found[found["loss"] == loss], heading)
    if out is not None:
        with atomic.refusing("What queues bought", out):
            tables.write(found, out, {})
        console.print_line(f"table: {out}")


def print_loss(rows: pd.DataFrame, heading: str) -> None:
    """One table: a row a way to fill the queue, and for each size what is left, overall and within a drug."""
    from rich.table import Table

    by_ranking = rows.set_index(["ranking", "queued"])
    sizes = rows["queued"].unique()
    table = Table(f"{heading}: queue filled by", box=None, header_style="bold")
    for size in sizes:
        table.add_column(f"{1 - size:.0%} accepted", justify="right")
        table.add_column("within a drug", justify="right")
    for ranking, words in RANKINGS.items():
        cells = by_ranking.loc[[(ranking, size) for size in sizes], ["relative", "relative_within_drug"]]
        table.add_row(words, *(f"{value:.3f}" for value in cells.to_numpy().ravel()))
    console.print_table(table)
