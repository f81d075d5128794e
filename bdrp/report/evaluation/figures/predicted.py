"""Predicted against observed responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import INK
from bdrp.report.words import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READING = (
    "Each hexagon is coloured by the number of pairs in it, on a log scale; on the dashed diagonal the prediction is "
    "right. Most of the variance along the diagonal is the difference between drugs, which any model that knows each "
    "drug's mean gets right; the correlation within a drug says how well cell lines are distinguished."
)


def plot(mean: np.ndarray, response: np.ndarray, *, r2: float | None, per_drug: float | None, unit: str) -> Plot:
    """The N predicted means against the N responses, as a density."""
    require_rows("predicted-observed", mean)
    rmse = float(np.sqrt(np.mean((mean - response) ** 2)))
    claim = f"Predictions are off by {number(rmse, 2)} {unit} (RMSE)"
    claim += f" and explain {percent(r2, 0)} of the variance over all pairs" if r2 is not None else ""
    claim += (
        f"; within a drug they correlate {number(per_drug, 2)} with what was measured." if per_drug is not None else "."
    )
    return Plot(
        "predicted-observed",
        claim,
        _READING,
        lambda figure: draw(figure.subplots(), mean, response, unit),
        height_in=4.4,
    )


def draw(axes: Axes, mean: np.ndarray, response: np.ndarray, unit: str) -> None:
    """Hexagons with their colour bar, and the diagonal; one value in a thousand may lie outside."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    low, high = np.quantile(np.concatenate([mean, response]), [0.0005, 0.9995])
    margin = 0.04 * max(high - low, 1e-6)
    box = (low - margin, high + margin)
    hexagons = axes.hexbin(
        mean,
        response,
        gridsize=52,
        extent=(*box, *box),
        bins="log",
        mincnt=1,
        cmap="Blues",
        linewidths=0.1,
        rasterized=True,
    )
    hexagons.set_clim(0.4, None)
    axes.plot(box, box, color=INK, linewidth=1.1, linestyle=(0, (4, 3)))
    axes.set(xlim=box, ylim=box, aspect="equal")
    axes.set_xlabel(f"predicted response, {unit}")
    axes.set_ylabel(f"observed response, {unit}")
    bar = axes.figure.colorbar(hexagons, ax=axes, label="pairs in a hexagon", shrink=0.8)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
