"""Axes to draw on where the caller has none, in the style of all figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bdrp.report.figures.plot import WIDTH_IN
from bdrp.report.figures.style import SETTINGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def axes_or_new(axes: Axes | None, height_in: float = 4.0) -> Axes:
    """The axes, or those of a new figure."""
    if axes is not None:
        return axes
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(SETTINGS):
        return Figure(figsize=(WIDTH_IN, height_in), layout="constrained").subplots()
