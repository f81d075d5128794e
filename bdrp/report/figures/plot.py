"""A figure before it is rendered: a claim in words, and data drawn on matplotlib's own figure."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sized
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from bdrp.errors import DataError
from bdrp.report.figures.style import SETTINGS
from bdrp.report.words import joined, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_IN: Final = 6.2  # chosen: 446 points wide, so 10-point labels stay legible when a phone shows it at 340 pixels
TITLE_POINTS: Final = 11
TITLE_CHARACTERS: Final = 64  # chosen: what DejaVu Sans, the widest of the fonts offered, fits into WIDTH_IN


@dataclass(frozen=True)
class Plot:
    """One figure of a page; nothing is drawn until it is asked for, so its words cost nothing.

    Attributes:
        name: short name, letters and hyphens; unique on its page.
        claim: what the figure shows, in one or two sentences with numbers; drawn as its title.
        reading: how to read it; goes below it.
        draw: draws on the figure that it is handed, which lays itself out.
        height_in: inches below the title; the title's lines are added.
    """

    name: str
    claim: str
    reading: str
    draw: Callable[[Figure], None]
    height_in: float = 4.0

    @property
    def title(self) -> str:
        """The claim as it is drawn: what a page can hold, on one line."""
        return joined(printable(self.claim))

    def figure(self) -> Figure:
        """Matplotlib's figure, drawn in the style of all figures under its title; for a notebook, or `svg.render`.

        >>> def draw(figure):
        ...     figure.subplots().plot([0, 1], [0, 1])
        >>> figure = Plot("diagonal", "It rises.", "Left to right.", draw).figure()
        >>> figure.get_suptitle(), len(figure.axes)
        ('It rises.', 1)
        """
        import matplotlib
        from matplotlib.figure import Figure

        lines = textwrap.wrap(self.title, TITLE_CHARACTERS)
        with matplotlib.rc_context(SETTINGS):
            figure = Figure(figsize=(WIDTH_IN, self.height_in + 0.2 * len(lines)), layout="constrained")
            self.draw(figure)
            for spine in (each for axes in figure.axes for each in axes.spines.values()):
                spine.set_in_layout(False)  # labels lie further out, and to measure a spine is to place every tick
            figure.suptitle(
                "\n".join(lines), x=0.012, ha="left", fontsize=TITLE_POINTS, fontweight="bold", linespacing=1.25
            )
        return figure

    def _repr_html_(self) -> str:
        """How a notebook shows it: the figure on a white sheet, whatever the page's colours, and how to read it."""
        from bdrp.report.figures import svg

        sheet = "background:#fff;color:#222;padding:.5rem;margin:0;max-width:44rem"
        return f'<figure style="{sheet}">{svg.render(self)}<figcaption>{escape(self.reading)}</figcaption></figure>'


def require_rows(figure: str, rows: Sized) -> None:
    """Refuse to draw nothing.

    Raises:
        DataError: there is no row.
    """
    if not len(rows):
        raise DataError(
            f"There is nothing to draw in the figure {figure}: 0 rows. Allowed: at least one. Leave the figure out."
        )
