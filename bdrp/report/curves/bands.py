"""Wells of a curve with its posterior: the median, and bands that hold half and nine tenths of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bdrp.data.dose_response import FittedCurves
from bdrp.data.dose_response.fitting import refit
from bdrp.data.dose_response.summary import outlying
from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BLUE, INK, MUTED, SKY, VERMILION, legend_below, log_axis, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS: Final = (2, 3)
DOSES: Final = 60
LEVELS: Final = ((0.05, 0.95, "90 % of the posterior", 0.25), (0.25, 0.75, "half of it", 0.45))
TOP: Final = 1.6  # chosen: signals above are drawn at the rim


def draw_curve(fitted: FittedCurves, curve: int, axes: Axes) -> Axes:
    """One curve: wells against dose, the posterior of what they show, and where one half is.

    Args:
        fitted: the screen's curves.
        curve: the row of the curve.
        axes: to draw on.
    """
    group, found = refit(fitted, curve)
    at = np.linspace(float(group.design.ln_dose.min()), 0.0, DOSES)
    signal = np.stack([found.curves.signal(float(dose))[0] for dose in at])
    dose = np.exp(at + group.highest[0])
    for low, high, label, alpha in LEVELS:
        axes.fill_between(
            dose, *np.quantile(signal, [low, high], axis=1), color=SKY, alpha=alpha, label=label, linewidth=0
        )
    axes.plot(dose, np.median(signal, axis=1), color=BLUE, label="median")
    axes.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    wells, wrong = group.design.signal[0], outlying(group, found.curves, fitted.noise)[0]
    where = np.exp(group.design.ln_dose + group.highest[0])
    for chosen, colour, label in ((~wrong, INK, "well"), (wrong, VERMILION, "outlier")):
        if chosen.any():
            axes.plot(where[chosen], np.clip(wells[chosen], None, TOP), "o", color=colour, markersize=3.5, label=label)
    log_axis(axes)
    axes.set_ylim(-0.15, TOP)
    axes.grid(visible=False)
    return axes


def choose(curves: pd.DataFrame, most: int) -> list[int]:
    """The most doubtful curves: those with outlying wells, that rise again, of few draws; then the least sure AUC."""
    flags = curves["flags"]
    doubt = sum(
        weight * flags.str.contains(name).astype(float)
        for name, weight in (("few_draws", 4), ("non_monotone", 2), ("outlier_wells", 2))
    )
    order = curves.assign(doubt=doubt).sort_values(["doubt", "auc_fraction_sd"], ascending=False, kind="stable")
    return [int(curve) for curve in order.index[:most]]


def plot(fitted: FittedCurves, chosen: Sequence[int], number: int) -> Plot:
    """Some curves as a page shows them."""
    require_rows("curves", chosen)
    rows, columns = -(-len(chosen) // PANELS[1]), min(PANELS[1], len(chosen))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
        for axes, curve in zip(panels, chosen, strict=False):
            draw_curve(fitted, curve, axes)
            axes.set_title(_name(fitted.curves.loc[curve]), fontsize=8.5, loc="left")
        for axes in panels[len(chosen) :]:
            axes.set_visible(False)
        for axes in panels[max(0, len(chosen) - columns) : len(chosen)]:
            axes.set_xlabel("dose (µM)")
        figure.supylabel("signal over controls", fontsize=9)
        legend_below(*panels[: len(chosen)], columns=5)

    first = fitted.curves.loc[chosen[0]]
    why = f" ({str(first['flags']).replace('_', ' ').replace(';', ', ')})" if first["flags"] else ""
    return Plot(
        f"curves-{number}",
        f"Doubtful curves, from {short(first['drug_id'])} on {short(first['cell_line_id'])}{why}.",
        "Bands hold what the curve may be, not where single wells fall. Where they stay above the dashed line at the "
        "highest dose, one half is not reached; where they fan out, the wells do not say.",
        draw,
        1.9 * rows + 0.8,
    )


def _name(curve: pd.Series) -> str:
    return f"{short(curve['drug_id'], 14)} on {short(curve['cell_line_id'], 14)}"
