"""What a page is made of: a summary, tiles, and sections of paragraphs, tables, figures, definitions and facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bdrp.report.figures.plot import Plot
from bdrp.report.html.browsable import BrowsableTable
from bdrp.report.html.table import Table


@dataclass(frozen=True)
class Summary:
    """What to think of the predictions: `tone` is "fair" or "doubt", `headline` one sentence, `sentences` the rest."""

    tone: str
    headline: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Tile:
    """A number that a reader wants first."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Definition:
    """One metric: where it stands in scores.json (`key`), what it is called, what it means, where it comes from."""

    key: str
    label: str
    meaning: str
    source: str = ""


@dataclass(frozen=True)
class Picture:
    """A drawing that is no plot, such as a molecule: SVG that bdrp or a library made, and how to read it."""

    svg: str
    reading: str


@dataclass(frozen=True)
class Section:
    """A part of the page under its own heading.

    `folded` tables open on a click, and so do definitions that are not `open`.
    """

    id: str
    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Plot, ...] = ()
    folded: tuple[Table, ...] = ()
    definitions: tuple[Definition, ...] = ()
    facts: tuple[tuple[str, Any], ...] = ()
    pictures: tuple[Picture, ...] = ()
    browsable: BrowsableTable | None = None
    open: bool = False
