"""A figure as files of its own, for a paper: SVG and PDF, the same bytes for the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bdrp.files import atomic
from bdrp.report.figures.plot import WIDTH_IN, Plot
from bdrp.report.figures.svg import in_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EMBEDDED: Final[Any] = {
    "pdf.fonttype": 42,  # TrueType: text stays text, and journals refuse Type 3
    "pdf.compression": 6,
}


def write_svg(plot: Plot, path: Path, *, title: bool = True) -> None:
    """Write the figure as SVG whose text is text; `title` is the claim above it.

    Raises:
        OSError: the place cannot be written to.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    about = {"Title": plot.title, "Creator": "bdrp", "Date": None}
    with in_style(plot, _EMBEDDED), atomic.replacing(path) as beside:
        FigureCanvasSVG(_figure(plot, title)).print_svg(str(beside), metadata=about)


def write_pdf(plot: Plot, path: Path, *, title: bool = True) -> None:
    """Write the figure as PDF with the fonts that it uses within it.

    Raises:
        OSError: the place cannot be written to.
    """
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    about = {"Title": plot.title, "Creator": "bdrp", "Producer": "matplotlib", "CreationDate": None}
    with in_style(plot, _EMBEDDED), atomic.replacing(path) as beside:
        FigureCanvasPdf(_figure(plot, title)).print_pdf(str(beside), metadata=about)


def _figure(plot: Plot, title: bool) -> Figure:
    figure = plot.figure()
    if not title:
        figure.suptitle("").set_in_layout(False)
        figure.set_size_inches(WIDTH_IN, plot.height_in)
    return figure
