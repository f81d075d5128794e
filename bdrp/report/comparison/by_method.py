"""How do methods compare on each split, and how well does the SD of each rank its errors?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import INK, Look, legend_below, nominal_line, short
from bdrp.report.words import by, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_READING = (
    "Each dot is a method's {label} on one split's held-out pairs, recalibrated; the bar is its 95 % interval with "
    "cell lines and drugs resampled. Bars of two methods may overlap although one is better on nearly every line: the "
    "differences have their own intervals."
)
_RISK = (
    "Reading from right to left, pairs are set aside, those with the largest predicted SD first; the line is the RMSE "
    "of those that remain. A line that falls further knows better where the method errs."
)


def plot_metric(
    intervals: pd.DataFrame,
    metric: str,
    label: str,
    unit: str,
    looks: Mapping[str, Look],
    nominal: float | None = None,
) -> Plot:
    """One metric with its intervals: a panel a split, a row a method.

    Args:
        intervals: split, method, figure, value, lower, upper; at least one row of the metric.
        metric: which of its metrics.
        label: the metric's name.
        unit: of the metric; "" if it has none.
        looks: of the methods, the same in all figures of a page.
        nominal: where a dashed line stands, as a fraction. Without one that all share, every split has its own axis:
            errors on new drugs are thrice those on new pairs.
    """
    table = intervals[intervals["figure"] == metric]
    require_rows(f"{metric}-by-method", table)
    splits, methods = list(dict.fromkeys(table["split"])), table["method"].nunique()
    last = "Dashed: the nominal level." if nominal else "Each split has its own axis."
    return Plot(
        f"{metric}-by-method".replace("_", "-"),
        _claim(table, splits, label, nominal),
        f"{_READING.format(label=label)} {last}",
        lambda figure: draw_metric(figure, table, f"{label}, {unit}" if unit else label, looks, nominal),
        height_in=0.7 + len(splits) * ((0.45 if nominal else 0.65) + 0.27 * methods),
    )


def draw_metric(
    figure: Figure, table: pd.DataFrame, axis: str, looks: Mapping[str, Look], nominal: float | None
) -> None:
    """A panel a split, a row a method; `table` has split, method, value, lower and upper of one metric."""
    splits, methods = list(dict.fromkeys(table["split"])), list(dict.fromkeys(table["method"]))
    scale = 100.0 if nominal is not None else 1.0
    panels = figure.subplots(len(splits), 1, sharex=nominal is not None, squeeze=False)[:, 0]
    for axes, split in zip(panels, splits, strict=True):
        for found in table[table["split"] == split].itertuples():
            at, colour = methods.index(found.method), looks[str(found.method)].colour
            axes.plot([scale * found.lower, scale * found.upper], [at, at], color=colour, linewidth=2.4)
            axes.plot([scale * found.value], [at], "o", color=colour, markersize=6)
        if nominal is not None:
            nominal_line(axes, x=scale * nominal)
        axes.set_yticks(range(len(methods)), [short(name) for name in methods])
        axes.set_ylim(len(methods) - 0.4, -0.6)
        axes.set_title(by(split), loc="left", fontsize=9.5, color=INK)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
    panels[-1].set_xlabel(axis)


def plot_risk(curves: pd.DataFrame, split: str, unit: str, looks: Mapping[str, Look]) -> Plot:
    """Risk against coverage of every method on one split; `curves` has method, kept and rmse."""
    require_rows(f"risk-{split}", curves)
    tenth = curves[(curves["kept"] - 0.1).abs() < 1e-9].sort_values("rmse", kind="stable")
    best = tenth.iloc[0]
    claim = (
        f"Split {by(split)}: the surest tenth has the smallest RMSE with {short(best['method'])}, "
        f"{number(float(best['rmse']), 2)} {unit}."
    )
    name = f"risk-{split.replace('_', '-')}"
    return Plot(name, claim, _RISK, lambda figure: draw_risk(figure.subplots(), curves, unit, looks), height_in=3.4)


def draw_risk(axes: Axes, curves: pd.DataFrame, unit: str, looks: Mapping[str, Look]) -> None:
    """A line a method: the RMSE of the pairs retained."""
    for method, mine in curves.groupby("method", sort=False):
        look = looks[str(method)]
        axes.plot(100 * mine["kept"], mine["rmse"], color=look.colour, linestyle=look.line, label=short(method))
    axes.set(xlim=(0, 100), xlabel="pairs retained (%)", ylabel=f"RMSE of the pairs retained, {unit}")
    axes.set_ylim(bottom=0)
    legend_below(axes)


def _claim(table: pd.DataFrame, splits: list[str], label: str, nominal: float | None) -> str:
    """The extremes of each split in words; who is better stands where differences are."""
    parts = []
    for split in splits:
        values = table[table["split"] == split]["value"]
        low, high = float(values.min()), float(values.max())
        ends = (number(low, 2), number(high, 2)) if nominal is None else (percent(low), percent(high))
        parts.append(f"{ends[0]} to {ends[1]} {by(split)}")
    return f"{label} over the methods: {'; '.join(parts)}."
