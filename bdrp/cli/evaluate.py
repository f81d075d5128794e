"""`bdrp evaluate`: a model folder becomes a calibration report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bdrp.cli import speech


def run(
    model: Annotated[Path, typer.Argument(help="A model folder that `bdrp fit` wrote.")],
    out: Annotated[Path, typer.Option(help="The folder for report.html and scores.json.", metavar="DIR")],
) -> None:
    """Score a model on its held-out part: report.html, and the same figures in scores.json."""
    from bdrp import report
    from bdrp.cli.figures import show_figures

    scores = report.evaluate(model, out)
    show_figures(scores)
    speech.result(f"report: {out / 'report.html'}")
    speech.result(f"scores: {out / 'scores.json'}")
