"""How every figure looks: colours that colour-blind readers can tell apart, and lines that mean one thing in all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from bdrp.report.words import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito (2008), "Color Universal Design": told apart under every common form of colour blindness.
BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
GREEN: Final = "#007A5E"  # Okabe-Ito's bluish green, darkened so that thin lines and small text keep contrast on white
SKY: Final = "#56B4E9"
ORANGE: Final = "#E69F00"
PURPLE: Final = "#AA4A83"  # Okabe-Ito's reddish purple, darkened for the same reason
INK: Final = "#1B2530"
MUTED: Final = "#5B6770"
BAND: Final = "#DDE3E8"
GRID: Final = "#E9EDF0"

SETTINGS: Final[Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,
    "text.usetex": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "patch.linewidth": 0,
    "figure.dpi": 100,
}

INDEPENDENT: Final = "if calibrated, pairs independent (95 %)"  # what the grey bands hold
KNOWN: Final = "how well it is known (95 %)"  # what the blue bands hold


# Eight colours and three lines: 24 methods before two look alike.
COLOURS: Final = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK, MUTED)
LINES: Final = ("-", (0, (5, 2)), (0, (1, 1.2)))


@dataclass(frozen=True)
class Look:
    """What a method is known by: its colour, and its line where lines cross."""

    colour: str
    line: Any


def looks(names: Iterable[str]) -> dict[str, Look]:
    """A look a name, by its place: figures that are handed the same looks draw a name alike.

    >>> looks(["ridge", "forest", "ridge"])["forest"].colour == VERMILION
    True
    """
    places = enumerate(dict.fromkeys(names))
    return {name: Look(COLOURS[i % len(COLOURS)], LINES[i % len(LINES)]) for i, name in places}


def short(text: object, characters: int = 26) -> str:
    """A name cut so that it leaves room for the figure; the tables of the page hold it in full."""
    name = " ".join(printable(text).split())
    return name if len(name) <= characters else name[: characters - 1].rstrip() + "…"


def log_axis(axes: Axes) -> None:
    """A logarithmic x axis in plain numbers: as names of files are never read as formulas, 10⁻⁴ would not be either."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(numticks=4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def nominal_line(axes: Axes, **where: float) -> None:
    """The dashed line of the nominal level."""
    line = axes.axhline if "y" in where else axes.axvline
    line(*where.values(), color=INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=3)


def known_band(axes: Axes, at: ArrayLike, low: ArrayLike, high: ArrayLike) -> None:
    """The band of how well a line is known; none, in the legend either, where that is not known."""
    if not np.isnan(np.asarray([low, high], dtype=float)).any():
        axes.fill_between(at, low, high, color=SKY, alpha=0.4, label=KNOWN)


def legend_below(*panels: Axes, columns: int = 3) -> None:
    """A legend under the axes, where it can hide no data; one entry a label, whichever of the panels has it.

    On a figure that does not make room by itself, such as one that a caller brought, it is the axes' own.
    """
    found = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if panels[0].figure.get_layout_engine() is None:
        panels[0].legend(found.values(), found.keys(), loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=columns)
        return
    panels[0].figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=columns)
