"""`bdrp triage`: predictions become a review queue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import MethodFile, Root, ScreenOptions, load_screen, parse_key_values
from bdrp.cli.sensitivity import Threshold, ThresholdByDrug, Thresholds, make_policy
from bdrp.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from bdrp.report.review import Evidence

REVIEW_PAGE = "The review page"

PAGE: Final = "docs/triage.md"
EXAMPLES: Final = (
    "bdrp triage predictions.parquet --budget 50 --out queue.csv",
    "bdrp triage predictions.parquet --budget 50 --out queue.csv --page review.html --reviewed reviews.db",
)


def run(
    predictions: Annotated[Path, typer.Argument(help="A file that `bdrp predict` wrote; tables of others lose tails.")],
    out: Annotated[Path, typer.Option(help="The queue; .csv, .xlsx, .jsonl and .parquet are written side by side.")],
    budget: Annotated[int, typer.Option(help="How many pairs an expert can look at.")] = 50,
    threshold: Threshold = None,
    thresholds: Thresholds = None,
    threshold_by_drug: ThresholdByDrug = False,
    quota: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REASON=SHARE",
            help="Keep this share of the queue for pairs with a reason; may be repeated. Default: confident_hit=0.2.",
        ),
    ] = None,
    most_per_drug: Annotated[float | None, typer.Option(help="Largest share of the queue for one drug; 0.2.")] = None,
    most_per_line: Annotated[float | None, typer.Option(help="Largest share of it for one cell line; 0.2.")] = None,
    reviewed: Annotated[
        Path | None, typer.Option(help="The log of `bdrp review`: pairs decided there are not asked again.")
    ] = None,
    label_studio: Annotated[
        Path | None, typer.Option(help="Also write tasks for Label Studio (.json), and their interface beside (.xml).")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(help="Also write a page (.html) to decide on: it needs no server.", rich_help_panel=REVIEW_PAGE),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="For the page: the model that predicted; adds structures, what was measured nearby, contributions.",
            rich_help_panel=REVIEW_PAGE,
        ),
    ] = None,
    screen: Annotated[
        str | None, typer.Option(help="For the page: the model's own screen if left out.", rich_help_panel=REVIEW_PAGE)
    ] = None,
    root: Root = None,
    method: MethodFile = None,
    screen_option: ScreenOptions = None,
) -> None:
    """Queue the pairs that most need an expert, each with its reasons."""
    from bdrp import triage

    inputs = [path for path in (predictions, reviewed, thresholds, model) if path is not None]
    triage.places(out, inputs)
    if label_studio is not None:
        triage.task_places(label_studio, inputs)
    _check_page(page, model, inputs)
    policy = make_policy(
        threshold,
        thresholds,
        threshold_by_drug,
        quotas=parse_key_values(quota, "--quota") if quota else None,
        most_per_drug=most_per_drug,
        most_per_line=most_per_line,
    )
    done = None if reviewed is None else _read_settled(reviewed)
    found = triage.read_predictions(predictions)
    queue = triage.rank(found, policy, budget, done)
    evidence = None if model is None else _gather(queue, model, method, screen, root, screen_option)
    print_queue(queue, triage.export(queue, out))
    console.print_updates(getattr(found, "updates", ()))
    if page is not None:
        from bdrp.report import review

        console.print_written("review page", review.write(queue, page, evidence))
    if label_studio is not None:
        console.print_written("Label Studio tasks and interface", *triage.export_tasks(queue, label_studio))


def print_queue(queue: pd.DataFrame, written: Sequence[Path]) -> None:
    """What a queue holds, and where it was written."""
    print_reasons(queue)
    console.print_written("queue", *written)


def print_reasons(queue: pd.DataFrame) -> None:
    """How many pairs of the queue each reason speaks for."""
    from rich.table import Table

    from bdrp import triage

    summary = triage.summary(queue)
    console.record(queue=summary)
    table = Table("reason", box=None, header_style="bold")
    table.add_column("pairs", justify="right")
    for code, count in summary["reasons"].items():
        table.add_row(code, f"{count:,}")
    pairs = f"{summary['pairs']:,} of {summary['pairs_ranked']:,} pairs to review"
    if summary["pairs_reviewed"]:
        pairs += f" ({summary['pairs_reviewed']:,} decided before are left out)"
    console.print_line(f"\n{pairs}, on {summary['cell_lines']} lines and {summary['drugs']} drugs")
    console.print_table(table)
    console.print_line(
        f"an assay of each is expected to overturn {summary['wrong_calls_expected']:.1f} calls of sensitive or not "
        f"(of as many pairs at random {summary['wrong_calls_expected_at_random']:.1f})"
    )


def _read_settled(log: Path) -> pd.DataFrame:
    from bdrp.triage import review

    if not log.is_file():
        raise DataError(
            f"There is no log of decisions at {log}. Allowed: the file that `bdrp review --log` made. Check the path, "
            "or leave --reviewed out."
        )
    return review.find_settled(review.AuditLog(log).entries())


def _check_page(page: Path | None, model: Path | None, inputs: Sequence[Path]) -> None:
    if page is not None:
        from bdrp.report import review

        review.guard(page, inputs)
    elif model is not None:
        raise DataError("--model adds evidence to the review page, and there is none. Give --page too, or neither.")


def _gather(
    queue: pd.DataFrame,
    model: Path,
    method: Path | None,
    screen: str | None,
    root: Path | None,
    screen_option: list[str] | None,
) -> Evidence:
    from bdrp.fitted.model import TrainedModel
    from bdrp.report import review

    trained = TrainedModel.load(model, method)
    options = parse_key_values(screen_option, "--screen-option")
    loaded = load_screen(screen or trained.manifest["screen"], root, trained.manifest["measure"], options)
    return review.gather_evidence(queue, trained, loaded)
