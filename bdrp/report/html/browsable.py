"""Tables that a reader searches, sorts and filters, with bars in their rows; whole and readable without the script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

LONGEST: Final = 80
"""Characters of a name on a page; chosen: more would push everything else out of sight. Files hold it in full."""

AT_ONCE: Final = 500
"""Rows that a browser lays out in the blink of an eye; chosen, and repeated in browsable.js: 20,000 take a minute."""


@dataclass(frozen=True)
class Bar:
    """An interval on an axis; all places are shares of its width, 0 to 1.

    Attributes:
        low, high: ends of the interval as it is drawn.
        middle: the median; None where it lies outside of what is drawn.
        before, beyond: whether the interval goes on to the left, or to the right, of what is drawn.
        tested: the tested range; None where it is not known.
        threshold: a mark of its own; None for none.
        measured: what was measured; None where nothing was.
    """

    low: float
    high: float
    middle: float | None = None
    before: bool = False
    beyond: bool = False
    tested: tuple[float, float] | None = None
    threshold: float | None = None
    measured: float | None = None


@dataclass(frozen=True)
class Cell:
    """What stands in one cell.

    Attributes:
        text: the words or the number.
        note: smaller, below it.
        order: what the column is sorted by; the text where None, and last where it is NaN.
        items: lists instead of the text: of each its label, and its entries, a name and what is said of it.
        bar: a drawing instead of the text.
    """

    text: str = ""
    note: str = ""
    order: float | None = None
    items: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    bar: Bar | None = None


@dataclass(frozen=True)
class BrowsableColumn:
    """A column: its heading, the definition that the heading leads to, and how its cells look.

    `kind` is "name", "group", "number", "bar" or "list"; one that is not `sortable` has nothing to sort by.
    """

    label: str
    kind: str = "number"
    term: str = ""
    sortable: bool = True


@dataclass(frozen=True)
class Group:
    """Rows that belong together: a key for style sheets, words, what they mean."""

    key: str
    label: str
    meaning: str


@dataclass(frozen=True)
class Row:
    """One row: the key of its group, its cells, and which card its name opens; None where it opens none."""

    group: str
    cells: tuple[Cell, ...]
    opens: int | None = None


@dataclass(frozen=True)
class BrowsableTable:
    """A table of rows in groups.

    Attributes:
        id: unique on its page.
        noun: what a row is, in the plural, such as "drugs".
        columns: the first is of kind "name".
        rows: in the order in which they are first shown.
        groups: with their meanings, in order.
        ticks: the axis of the bars: place and label.
        legend: what the marks of a bar mean: mark and words.
        explained: whether the groups stand above the table with their meanings.
    """

    id: str
    noun: str
    columns: tuple[BrowsableColumn, ...]
    rows: tuple[Row, ...]
    groups: tuple[Group, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    explained: bool = True

    @property
    def first(self) -> tuple[Row, ...]:
        """The rows that are laid out at once; the script fetches the rest when they are asked for."""
        return self.rows[:AT_ONCE]

    @property
    def rest(self) -> tuple[Row, ...]:
        """All other rows."""
        return self.rows[AT_ONCE:]

    def count(self, group: str) -> int:
        """How many rows are in a group."""
        return sum(row.group == group for row in self.rows)


def cut(name: Any, characters: int = LONGEST) -> str:
    """A name as a page holds it: no longer than that.

    >>> cut("Paclitaxel"), cut("x" * 10_000, 5)
    ('Paclitaxel', 'xxxx…')
    """
    text = str(name)
    return text if len(text) <= characters else text[: characters - 1] + "…"
