"""Which methods rank best over all blocks, and which of them cannot be told apart?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from bdrp.report.comparison.tables import label
from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import INK, Look, legend_below, short
from bdrp.report.words import by, count, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bdrp.evaluation.significance import CriticalDifference

BESIDE: Final = 0.03  # chosen: bars of overlapping groups stay apart
_READING = (
    "Each dot is a method's mean rank by {metric} over {blocks}; 1 is best in every one. A bar on the right joins "
    "methods whose mean ranks differ by less than the critical difference of {distance} (Nemenyi's test, {level} for "
    "all pairs of methods together, {what} as if independent): the data do not tell them apart, which does not prove "
    "them equal."
)


def plot(result: CriticalDifference, looks: Mapping[str, Look], block: str = "fold", blocks: str = "") -> Plot:
    """The mean ranks with bars over methods that are not told apart.

    Args:
        result: from `bdrp.evaluation.significance.critical_difference`.
        looks: of the methods, the same in all figures of a page.
        block: the noun of what was ranked over.
        blocks: its plural; with an s if empty.
    """
    require_rows("critical-difference", result.ranks)
    counted = count(result.blocks, block, blocks or None)
    reading = _READING.format(
        metric=label(result.metric),
        blocks=counted,
        distance=number(result.distance, 2),
        level=percent(result.level, 0),
        what=blocks or f"{block}s",
    )
    name = "-".join(["critical-difference", *filter(None, (result.split, result.metric))]).replace("_", "-")
    claim, height = _claim(result, counted), 1.3 + 0.36 * len(result.ranks)
    return Plot(name, claim, reading, lambda figure: draw(figure.subplots(), result, counted, looks), height_in=height)


def draw(axes: Axes, result: CriticalDifference, counted: str, looks: Mapping[str, Look]) -> None:
    """A row a method; `counted` says over how many blocks their ranks are means."""
    ranks, rows = result.ranks, len(result.ranks)
    _bars(axes, result)
    for row, (method, rank) in enumerate(zip(ranks["method"], ranks["mean_rank"], strict=True)):
        axes.plot([rank], [row], "o", color=looks[method].colour, markersize=7)
        axes.annotate(
            number(float(rank), 2), (rank, row), (7, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    axes.set_yticks(range(rows), [short(name) for name in ranks["method"]])
    right = max(rows * (1.12 + BESIDE * len(result.groups)), 1.05 + result.distance)
    axes.set(xlim=(0.7, right), ylim=(rows - 0.4, -1.6), xlabel=f"mean rank over {counted} (left is better)")
    axes.set_xticks(range(1, rows + 1))
    if result.groups:
        legend_below(axes)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _bars(axes: Axes, result: CriticalDifference) -> None:
    """A bar on the right for each group of neighbouring rows, and the critical difference at the top."""
    row = {name: i for i, name in enumerate(result.ranks["method"])}
    for i, group in enumerate(result.groups):
        at = len(row) * (1.1 + BESIDE * i)
        axes.plot(
            [at, at],
            [row[group[0]] - 0.2, row[group[-1]] + 0.2],
            color=INK,
            linewidth=4,
            label="not told apart" if i == 0 else "",
        )
    axes.plot([1, 1 + result.distance], [-0.95, -0.95], "|-", color=INK, linewidth=1.2, markersize=8)
    written = f"critical difference {number(result.distance, 2)}"
    axes.annotate(written, (1, -0.95), (0, 6), textcoords="offset points", fontsize=8.5)


def _claim(result: CriticalDifference, counted: str) -> str:
    best, rank = result.ranks["method"].iloc[0], float(result.ranks["mean_rank"].iloc[0])
    others = len(result.ranks) - 1
    beside = next((len(group) - 1 for group in result.groups if group[0] == best), 0)
    evidence = f"not told apart from {beside} of {others} others" if beside else f"told apart from all {others} others"
    where = f", split {by(result.split)}" if result.split else ""
    ranked = f"{label(result.metric)} over {counted}{where}"
    return f"{short(best)} ranks best by {ranked}: mean rank {number(rank, 2)}, {evidence}."
