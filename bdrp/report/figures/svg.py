"""One way for a figure to become SVG: one font, one size, and the same bytes for the same numbers."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from bdrp.report.figures.numbers import tabulate
from bdrp.report.figures.plot import Plot
from bdrp.report.figures.style import SETTINGS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bdrp.report.html.table import Table

LEAST_LABEL_PX: Final = 10  # chosen: below it, letters on a phone are guessed
RASTER_DPI: Final = 170  # chosen: hexagons stay sharp at twice the width of a page's column

# The reader's own sans-serif; layout is measured with DejaVu Sans, the widest of these, so nothing is cut.
READER_FONTS: Final = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def render(plot: Plot) -> str:
    """The figure as inline SVG for an HTML page, the same bytes for the same numbers; its name seeds internal names."""
    with in_style(plot):
        return _write(plot.figure(), plot.title)


def render_with_numbers(plot: Plot) -> tuple[str, tuple[Table, ...]]:
    """The figure as `render` gives it, and a table a panel of the numbers in it, of one drawing."""
    with in_style(plot):
        figure = plot.figure()
        tables = tabulate(figure)
        return _write(figure, plot.title), tables


@contextmanager
def in_style(plot: Plot, more: Any = MappingProxyType({})) -> Iterator[None]:
    """The style of all figures and more settings; ticks and legends are made while a figure is read and written too.

    The plot's name seeds SVG's internal names.
    """
    import matplotlib

    with matplotlib.rc_context({**SETTINGS, **more, "svg.hashsalt": plot.name}), warnings.catch_warnings():
        # A name in a script that DejaVu Sans lacks is drawn by the reader's program in SVG; in PDF as boxes.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        warnings.filterwarnings("ignore", message=r"Matplotlib currently does not support .* natively")
        yield


def _write(figure: Figure, title: str) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    figure.set_dpi(RASTER_DPI)
    # Figure.savefig would draw twice, the first time for the layout alone, which any drawing does too.
    about = {"Date": None, "Creator": None, "Format": None, "Type": None}
    FigureCanvasSVG(figure).print_svg(buffer, metadata=about)
    return _inline(buffer.getvalue(), title)


def _inline(svg: str, claim: str) -> str:
    """Make a standalone SVG fit for an HTML page: no prologue, no fixed size, no name space, no repeated ids."""
    body = svg[svg.index("<svg") :]
    head, rest = body.split(">", 1)
    box = re.search(r'viewBox="([^"]+)"', head)
    assert box is not None  # matplotlib always writes one
    rest = re.sub(r"<metadata>.*?</metadata>", "", rest, flags=re.DOTALL)
    rest = re.sub(r' id="[A-Za-z][\w.]*_\d+"', "", rest)
    rest = rest.replace("xlink:href", "href").replace("'DejaVu Sans'", READER_FONTS)
    sizes = [float(size) for size in re.findall(r"<text[^>]*font-size: ([\d.]+)px", rest)]
    return open_tag(box.group(1), claim, min(sizes, default=LEAST_LABEL_PX)) + rest.strip()


def open_tag(view_box: str, claim: str, least_label: float) -> str:
    """The start of an SVG that says in words what it shows, and how wide a page must draw it for its labels to be read.

    Args:
        view_box: of the drawing.
        claim: what it shows.
        least_label: the size of its smallest label, in units of the box.
    """
    width, label = float(view_box.split()[2]), escape(claim, quote=True)
    readable = f"--readable: {math.ceil(width * LEAST_LABEL_PX / least_label)}px"
    return f'<svg viewBox="{view_box}" style="{readable}" role="img" aria-label="{label}"><title>{label}</title>'
