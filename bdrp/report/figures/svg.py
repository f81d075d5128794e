"""One way for a figure to become SVG: one font, one size, a claim above it, and the same bytes for the same numbers."""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bdrp.report.figures.style import GRID, INK, MUTED
from bdrp.report.words import joined, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_IN: Final = 6.2  # chosen: 446 points wide, so 10-point labels stay legible when a phone shows it at 340 pixels
TITLE_POINTS: Final = 11
TITLE_CHARACTERS: Final = 64  # chosen: what DejaVu Sans, the widest of the fonts offered, fits into WIDTH_IN

# The reader's own sans-serif; layout is measured with DejaVu Sans, the widest of these, so nothing is cut.
READER_FONTS: Final = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

_SETTINGS: Final[Any] = {
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
    "savefig.dpi": 170,
    "figure.dpi": 100,
}


@dataclass(frozen=True)
class SvgFigure:
    """A figure of a page as inline SVG: `claim` is what it shows, in words with numbers; `reading` how to read it."""

    name: str
    claim: str
    reading: str
    svg: str


def render_svg(
    name: str, claim: str, reading: str, draw: Callable[[Figure], None], *, height_in: float = 4.0
) -> SvgFigure:
    """Draw one figure and return it as inline SVG, the same bytes for the same numbers.

    Args:
        name: short name, letters and hyphens; also the seed of the SVG's internal names.
        claim: one or two sentences with the numbers; drawn as the figure's title.
        reading: how to read the figure; goes below it.
        draw: draws on matplotlib's figure that it is handed, which lays itself out.
        height_in: inches below the title; the title's lines are added.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    claim, reading = joined(printable(claim)), joined(reading)
    lines = textwrap.wrap(claim, TITLE_CHARACTERS)
    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": name}), warnings.catch_warnings():
        # A name in a script that DejaVu Sans lacks is drawn by the reader's browser, which has the glyphs.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        warnings.filterwarnings("ignore", message=r"Matplotlib currently does not support .* natively")
        figure = Figure(figsize=(WIDTH_IN, height_in + 0.2 * len(lines)), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        figure.suptitle(
            "\n".join(lines), x=0.012, ha="left", fontsize=TITLE_POINTS, fontweight="bold", linespacing=1.25
        )
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return SvgFigure(name, claim, reading, _inline(buffer.getvalue(), claim))


def _inline(svg: str, claim: str) -> str:
    """Make a standalone SVG fit for an HTML page: no prologue, no fixed size, no name space, no repeated ids."""
    from html import escape

    body = svg[svg.index("<svg") :]
    head, rest = body.split(">", 1)
    box = re.search(r'viewBox="([^"]+)"', head)
    assert box is not None  # matplotlib always writes one
    rest = re.sub(r"<metadata>.*?</metadata>", "", rest, flags=re.DOTALL)
    rest = re.sub(r' id="[A-Za-z][\w.]*_\d+"', "", rest)
    rest = rest.replace("xlink:href", "href").replace("'DejaVu Sans'", READER_FONTS)
    label = escape(claim, quote=True)
    return f'<svg viewBox="{box.group(1)}" role="img" aria-label="{label}"><title>{label}</title>{rest.strip()}'
