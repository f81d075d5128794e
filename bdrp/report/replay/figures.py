"""Learning curves with their bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import INK, legend_below, looks
from bdrp.studies.replay.protocol import RANDOM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXES: Final = {"rmse": "RMSE of the scored pairs", "hits_found": "share of all hits that is found"}


def draw_curves(curves: pd.DataFrame, axes: Axes) -> Axes:
    """Means over seeds with 95 % bands, random in black; one metric.

    Args:
        curves: of `Replayed.curves`, those of one metric.
        axes: to draw on.
    """
    others = looks(by for by in curves["by"].unique() if by != RANDOM)
    for by, one in curves.groupby("by", sort=False):
        colour, line = (INK, (0, (4, 3))) if by == RANDOM else (others[str(by)].colour, others[str(by)].line)
        axes.fill_between(one["labels"], one["low"], one["high"], color=colour, alpha=0.1, linewidth=0)
        axes.plot(one["labels"], one["mean"], color=colour, linestyle=line, label=str(by))
    axes.set_xlabel("labels")
    axes.set_ylabel(AXES[str(curves["figure"].iloc[0])])
    return axes


def plot_curves(curves: pd.DataFrame, claim: str) -> Plot:
    """One metric's curves as a page shows them."""
    require_rows("curves", curves)

    def draw(figure: Figure) -> None:
        legend_below(draw_curves(curves, figure.subplots()), columns=4)

    reading = (
        "Lines are means over seeds. Bands hold the mean change since the first model with 95 %; with each seed all "
        "begin at the same one."
    )
    return Plot(f"curves-{str(curves['figure'].iloc[0]).replace('_', '-')}", claim, reading, draw, 3.6)
