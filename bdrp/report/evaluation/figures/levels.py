"""Coverage and width of central intervals at 50, 80, 90 and 95 %, over all pairs and over groups of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BLUE, GREEN, INK, nominal_line
from bdrp.report.words import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVELS = (0.5, 0.8, 0.9, 0.95)

_OVERALL_READING = (
    "Left: the share of responses inside the central interval (dot) beside the nominal level (black tick). "
    "Right: how wide those intervals are on average. Coverage is only worth something if the width is small: an "
    "interval over the whole dose range covers everything and says nothing."
)
_GROUP_READING = (
    "Each dot is one {what}; on the dashed line its intervals cover at their nominal level, left of it less. The "
    "dark bar spans the middle half of the {what}s, the white dot is the median. Coverage that is right on "
    "average can still be too low for one {what} and too high for another. {what_capital}s with few pairs "
    "scatter more, by chance alone."
)


def plot_overall(coverage: Mapping[str, Mapping[str, float]], unit: str, pairs: int) -> Plot:
    """Coverage and mean width over all pairs; `coverage` maps "50", "80", "90", "95" to coverage and width."""
    rows = pd.DataFrame([{"level": level, **coverage[f"{100 * level:.0f}"]} for level in LEVELS])
    worst = rows.iloc[int((rows["coverage"] - rows["level"]).abs().to_numpy().argmax())]
    nine = rows.iloc[int((rows["level"] - 0.9).abs().to_numpy().argmin())]
    claim = (
        f"{percent(nine['level'], 0)} intervals hold {percent(nine['coverage'])} of {pairs:,} responses and are "
        f"{number(nine['width'], 2)} {unit} wide on average; the largest miss of the four levels is "
        f"{number(100 * abs(worst['coverage'] - worst['level']), 1)} percentage points."
    )
    return Plot("coverage", claim, _OVERALL_READING, lambda figure: draw_overall(figure, rows, unit), height_in=2.9)


def draw_overall(figure: Figure, rows: pd.DataFrame, unit: str) -> None:
    """A row a level: empirical coverage beside the nominal level, and how wide intervals are."""
    covered, widths = figure.subplots(1, 2, sharey=True)
    at = np.arange(len(rows))
    for y, level, inside in zip(at, rows["level"], rows["coverage"], strict=True):
        covered.plot([100 * level] * 2, [y - 0.28, y + 0.28], color=INK, linewidth=2.2, solid_capstyle="butt")
        covered.plot([100 * inside], [y], "o", color=BLUE, markersize=8)
        left = 100 * min(level, inside)
        covered.annotate(
            percent(inside), (left, y), (-9, 0), textcoords="offset points", ha="right", va="center", fontsize=9
        )
    covered.set(xlim=(100 * min(0.5, rows["coverage"].min()) - 22, 103), ylim=(-0.6, len(rows) - 0.35))
    covered.set_yticks(at, [f"{percent(level, 0)} intervals" for level in rows["level"]])
    covered.set_xlabel("responses inside (%)")
    widths.barh(at, rows["width"], height=0.45, color=GREEN)
    for y, width in zip(at, rows["width"], strict=True):
        widths.annotate(number(width, 2), (width, y), (4, 0), textcoords="offset points", va="center", fontsize=9)
    widths.set_xlim(0, 1.22 * float(rows["width"].max()))
    widths.set_xlabel(f"mean width, {unit}")
    for axes in (covered, widths):
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)


def plot_groups(groups: pd.DataFrame, what: str, unit: str) -> Plot:
    """Coverage and width at each level, a dot a group.

    Args:
        groups: one row a group, with coverage_50, coverage_80, coverage_90, coverage_95 and width_50 ... width_95.
        what: the noun of one group, "drug", "tissue" or "cell line".
        unit: of the width.
    """
    require_rows(f"levels-{what}", groups)
    low, high = np.nanquantile(groups["coverage_90"], [0.25, 0.75])
    claim = (
        f"For the middle half of {len(groups):,} {what}s, 90 % intervals cover between {percent(low, 0)} and "
        f"{percent(high, 0)}; the {what} covered least reaches {percent(float(groups['coverage_90'].min()), 0)}."
    )
    reading = _GROUP_READING.format(what=what, what_capital=what.capitalize())
    name = f"levels-{what.replace(' ', '-')}"
    return Plot(name, claim, reading, lambda figure: draw_groups(figure, groups, unit), height_in=3.2)


def draw_groups(figure: Figure, groups: pd.DataFrame, unit: str) -> None:
    """A row a level: the coverage of every group less the level, and its width."""
    covered, widths = figure.subplots(1, 2, sharey=True)
    for at, level in enumerate(LEVELS):
        name = f"{100 * level:.0f}"
        _strip(covered, 100 * (groups[f"coverage_{name}"].to_numpy(float) - level), at, BLUE)
        _strip(widths, groups[f"width_{name}"].to_numpy(float), at, GREEN)
    covered.set_yticks(range(len(LEVELS)), [f"{percent(level, 0)} intervals" for level in LEVELS])
    nominal_line(covered, x=0.0)
    covered.set(xlabel="empirical less nominal coverage\n(percentage points)")
    widths.set(xlabel=f"mean width, {unit}")
    widths.set_xlim(left=0)
    for axes in (covered, widths):
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)


def _strip(axes: Axes, values: np.ndarray, at: int, colour: str) -> None:
    """All values as dots around a row, shifted so that none hides another, under a bar for the middle half."""
    values = np.sort(values[np.isfinite(values)])
    if not len(values):
        return
    offset = 0.26 * np.sin(np.arange(len(values)) * 2.399963)  # the golden angle: neighbours in rank land far apart
    axes.plot(values, at + offset, "o", color=colour, markersize=3.4, alpha=0.5, markeredgewidth=0)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    axes.plot([low, high], [at, at], color=INK, linewidth=3.2, solid_capstyle="butt", zorder=4)
    axes.plot([middle], [at], "o", color="white", markeredgecolor=INK, markeredgewidth=1.2, markersize=5.5, zorder=5)
