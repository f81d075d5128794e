"""`bdrp review`: what reviewers decided is checked, recorded, and turned into what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.triage import print_queue
from bdrp.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from bdrp.fitted.identity import ModelIdentity
    from bdrp.triage.predictions import Rankable
    from bdrp.triage.review import Appended, AuditLog

PAGE: Final = "docs/review.md"
EXAMPLES: Final = (
    "bdrp review queue.xlsx model --predictions predictions.parquet --log reviews.db --reviewer me",
    "bdrp review decisions.json model --log reviews.db --measured measured.csv",
)


def run(
    decisions: Annotated[
        Path,
        typer.Argument(
            help="The queue with decisions written into it (.csv, .xlsx, .jsonl), or an export of the review page or "
            "of Label Studio (.json)."
        ),
    ],
    model: Annotated[Path, typer.Argument(help="The model folder whose predictions were reviewed.")],
    log: Annotated[Path, typer.Option(help="The SQLite file that keeps every decision; made if it is not there.")],
    earlier: Annotated[
        list[Path] | None,
        typer.Option(help="A model that MODEL was updated from, whose queue may still be answered; may be repeated."),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="The predictions that the queue was made of: needed for new lines and drugs, and for --out."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Rank anew what is undecided; see also bdrp triage --reviewed.")
    ] = None,
    budget: Annotated[int, typer.Option(help="With --out: how many pairs an expert can look at.")] = 50,
    measured: Annotated[
        Path | None, typer.Option(help="Write the measured values among all decisions as a table for `bdrp update`.")
    ] = None,
    conflicts: Annotated[
        Path | None, typer.Option(help="Write the pairs on which reviewers differ: .csv, .xlsx or .parquet.")
    ] = None,
    export: Annotated[Path | None, typer.Option(help="Write the whole log: .json, .csv, .xlsx or .parquet.")] = None,
    reviewer: Annotated[str, typer.Option(help="Who decided, where a row does not say.")] = "",
) -> None:
    """Record reviewers' decisions in a log that only grows; report conflicts; hand measured values on."""
    from bdrp import triage
    from bdrp.fitted.identity import read_identity
    from bdrp.triage import review

    if out is not None and predictions is None:
        raise DataError("--out ranks predictions anew, and no --predictions are given. Give both, or neither.")
    inputs = [path for path in (decisions, model, predictions) if path is not None]
    identity = read_identity(model)
    asked_for = _Outputs(out, budget, measured, conflicts, export)
    asked_for.check(log, inputs, identity)
    predicted = None if predictions is None else triage.read_predictions(predictions)
    digests = tuple(read_identity(folder).digest for folder in earlier or ())
    asked = review.Asked(identity, None if predicted is None else triage.list_pairs(predicted), digests)
    found = review.read_decisions(decisions, asked, reviewer=reviewer)
    record = review.AuditLog(log)
    appended = record.append(found, source=decisions.name, checked_against=identity.digest)
    print_recorded(found, appended, log)
    _print_without_model(found, identity)
    print_conflicts(review.find_conflicts(record.entries()))
    asked_for.write(record, inputs, identity, predicted)


def print_recorded(found: pd.DataFrame, appended: Appended, log: Path) -> None:
    """How many decisions of each kind a file holds, and how many of them are new to the log."""
    from bdrp.triage.decision import DECISIONS

    counts = found["decision"].value_counts()
    kinds = ", ".join(f"{counts[word]:,} {word}" for word in counts.index) or "none"
    console.print_line(f"decisions: {len(found):,} ({kinds}) by {found['reviewer'].nunique()} reviewers")
    if found.empty:
        console.print_note(f"no row has a decision: the column decision takes {', '.join(DECISIONS)}.")
    console.print_written("log", log, note=f" ({appended.new:,} new, {appended.known:,} recorded before)")


def print_conflicts(differing: pd.DataFrame, most: int = 10) -> None:
    """The pairs on which reviewers differ, the first of them by name."""
    if differing.empty:
        return
    console.print_warning(f"reviewers differ on {len(differing):,} pairs; the last word of each counts.")
    for pair in differing.head(most).itertuples():
        console.print_line(f"  {pair.cell_line_id} with {pair.drug_id}: {pair.decisions} ({pair.reviewers})")


def _print_without_model(found: pd.DataFrame, identity: ModelIdentity) -> None:
    unnamed = int((found["model"] == "").sum())
    if unnamed:
        console.print_note(
            f"{unnamed:,} decisions do not say which model they are about; the log holds that they were checked "
            f"against {identity.digest[:12]}."
        )


@dataclass(frozen=True)
class _Outputs:
    """What is to be written beside the log; None where it is not asked for."""

    queue: Path | None
    budget: int
    measured: Path | None
    conflicts: Path | None
    log: Path | None

    def check(self, log: Path, inputs: list[Path], identity: ModelIdentity) -> None:
        """Refuse what cannot be written before anything is recorded."""
        from bdrp import triage
        from bdrp.triage import review

        review.check_log_place(log, tuple(inputs))
        read = [*inputs, log]
        if self.queue is not None:
            triage.places(self.queue, read)
        if self.measured is not None:
            review.check_table_place(self.measured, review.measured_columns(identity.measure), read)
        if self.conflicts is not None:
            review.check_table_place(self.conflicts, review.CONFLICT, read)
        if self.log is not None:
            review.check_export_place(self.log, tuple(read))

    def write(self, record: AuditLog, inputs: list[Path], identity: ModelIdentity, predicted: Rankable | None) -> None:
        """Write what follows from all decisions of the log."""
        from bdrp import triage
        from bdrp.triage import review

        entries = record.entries()
        if self.conflicts is not None and review.write_table(review.find_conflicts(entries), self.conflicts):
            console.print_written("conflicts", self.conflicts)
        if self.measured is not None:
            values = review.tabulate_measured(entries, identity.measure)
            written = review.write_table(values, self.measured)
            _print_measured(len(values), self.measured if written else None)
        if self.log is not None:
            record.export(self.log, tuple(inputs))
            console.print_written("exported log", self.log, note=f" ({len(entries):,} decisions)")
        if self.queue is not None and predicted is not None:
            queue = triage.rank(predicted, budget=self.budget, reviewed=review.find_settled(entries))
            print_queue(queue, triage.export(queue, self.queue))


def _print_measured(values: int, path: Path | None) -> None:
    if path is None:
        console.print_note("there are no measured values among the decisions; no table of them is written.")
    else:
        next_step = f"bdrp update MODEL --measured {path}"
        console.print_written("measured", path, note=f" ({values:,} values); next: {next_step}")
