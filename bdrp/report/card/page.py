"""A model's card as a file: Markdown, or one page that is readable alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bdrp.errors import OutputError
from bdrp.files import outputs
from bdrp.fitted.card_markdown import to_markdown
from bdrp.report.html.output import write_page
from bdrp.report.html.page import render
from bdrp.report.html.parts import Section, Summary
from bdrp.report.html.table import Column, Table

if TYPE_CHECKING:
    from bdrp.fitted.card import Card, CardSection, CardTable

SUFFIXES: Final = (".html", ".md")
_HEAD: Final = "# Model card: "


def check_place(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse a name that is no card's, and a place where something would be lost.

    Raises:
        OutputError: what is wrong, and what to do.
    """
    if path.suffix.lower() not in SUFFIXES:
        seen = f"as '{path.suffix}'" if path.suffix else "without a suffix"
        raise OutputError(
            f"A card cannot be written {seen}, asked for by {path}. Allowed are {' and '.join(SUFFIXES)}. Name the "
            f"file {path.stem or 'card'}.html."
        )
    outputs.guard({path: outputs.is_page if path.suffix.lower() == ".html" else _is_card}, inputs)


def write(card: Card, path: Path) -> Path:
    """Write the card in the format of its suffix.

    Returns:
        The path.

    Raises:
        OutputError: see `check_place`, or it cannot be written.
    """
    check_place(path)
    return write_page(path, render_page(card) if path.suffix.lower() == ".html" else to_markdown(card))


def render_page(card: Card) -> str:
    """The card as HTML."""
    first, *rest = card.sections
    return render(
        kicker="bdrp model card",
        beside="the held-out predictions in the model folder hold",
        title=card.title,
        subtitle="From what the model folder holds: its manifest and its held-out predictions.",
        summary=Summary("doubt", f"{first.title}:", first.sentences),
        tiles=(),
        sections=tuple(_section(each) for each in rest),
    )


def _section(section: CardSection) -> Section:
    name = "-".join(section.title.lower().split())
    tables = tuple(map(_table, section.tables))
    return Section(name, section.title, section.sentences, tables, facts=section.facts)


def _table(table: CardTable) -> Table:
    return Table(table.title, tuple(Column(name) for name in table.columns), table.rows)


def _is_card(path: Path) -> bool:
    with path.open(encoding="utf-8") as file:
        return file.readline().startswith(_HEAD)
