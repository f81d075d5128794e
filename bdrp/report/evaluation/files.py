"""The report's two files: report.html for people, scores.json for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bdrp.files import atomic, outputs, strict_json
from bdrp.report.html.output import make_folder, write_page
from bdrp.report.words import printable

if TYPE_CHECKING:
    import pandas as pd

    from bdrp.evaluation import PosteriorCheck, Scores
    from bdrp.predictive import PredictiveDistribution


def write(
    scores: Scores,
    pred: PredictiveDistribution,
    observed: pd.DataFrame,
    *,
    split_summary: Mapping[str, Any],
    model_card: Mapping[str, Any],
    out: Path | str,
    before: Scores | None = None,
    posterior: PosteriorCheck | None = None,
) -> Path:
    """Write report.html and scores.json into the folder `out`, both whole or neither.

    Args:
        scores: what `bdrp.evaluation.score` returned for `pred` and `observed`.
        pred: N held-out predictive distributions, recalibrated.
        observed: N rows in the order of `pred`, with the columns that `score` reads.
        split_summary: `Split.summary()`.
        model_card: any of method, options, seed, versions, measure, unit, screen, checksums, recalibration, notices.
        out: the folder; made if it does not exist.
        before: the scores of the same pairs before recalibration, for the figures that compare the two.
        posterior: the check of the posterior on training rows, None for a method without a posterior.

    Returns:
        The path of report.html.

    Raises:
        OutputError: the folder cannot be made or written, the disk is full, or see `check_place`.
    """
    from bdrp.report.evaluation.page import render_page

    check_place(Path(out))
    place = make_folder(Path(out))
    record = _record(scores, split_summary, model_card, before, posterior)
    about: dict[str, Any] = {"split_summary": split_summary, "model_card": model_card}
    html = render_page(scores, pred, observed, **about, before=before, posterior=posterior)
    with atomic.refusing("The report", place / "scores.json"), atomic.replacing(place / "scores.json") as beside:
        beside.write_text(f"{strict_json.text(record)}\n", encoding="utf-8", newline="\n")
        return write_page(place / "report.html", html)  # when both are on the disk, they take their names together


def check_place(out: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse a folder in which the report's files would replace what is none of them.

    Args:
        out: the folder.
        inputs: the files and model folders that the report is made of.

    Raises:
        OutputError: see `bdrp.files.outputs.guard`.
    """
    outputs.guard({out / "report.html": outputs.is_page, out / "scores.json": _is_scores}, inputs)


def _is_scores(path: Path) -> bool:
    record = strict_json.read(path)
    return isinstance(record, dict) and {"point", "coverage", "tables", "split", "model"} <= set(record)


def _record(
    scores: Scores,
    split_summary: Mapping[str, Any],
    model_card: Mapping[str, Any],
    before: Scores | None,
    posterior: PosteriorCheck | None,
) -> dict[str, Any]:
    """What scores.json holds: metrics, tables, split, model, metrics before recalibration, the posterior's check."""
    tables = {name: table.to_dict("records") for name, table in scores.tables.items()}
    earlier = None if before is None else before.to_dict()
    record = {
        **scores.to_dict(),
        "tables": tables,
        "split": split_summary,
        "model": model_card,
        "before_recalibration": earlier,
        "posterior": None
        if posterior is None
        else {**posterior.metrics, "statistics": posterior.statistics.to_dict("records")},
    }
    return dict(strict_json.plain(record, key=printable, other=str))
