"""`bdrp card`: what a model was made of, how well it covers, where it fails, and what it is not for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from bdrp.cli import console
from bdrp.cli.options import MethodFile

PAGE: Final = "docs/evidence.md"
EXAMPLES: Final = (
    "bdrp card model",
    "bdrp card model --out card.html",
)


def run(
    model: Annotated[Path, typer.Argument(help="A model folder that `bdrp fit` wrote.")],
    out: Annotated[
        Path | None, typer.Option(help="The file to write, .html or .md; without it, the card is printed.")
    ] = None,
    method: MethodFile = None,
) -> None:
    """Show a model's card: data, split, coverage by group, known failures, what it is not for, versions."""
    from bdrp.fitted.card import describe
    from bdrp.fitted.card_markdown import to_markdown
    from bdrp.fitted.model import TrainedModel
    from bdrp.report import card

    if out is not None:
        card.check_place(out, [model])
    described = describe(TrainedModel.load(model, method))
    if out is None:
        console.print_line(to_markdown(described).rstrip())
        console.record(card=to_markdown(described))
    else:
        console.print_written("card", card.write(described, out))
