"""Which tissues, drugs and cell lines are covered too little or too much?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BLUE, GREEN, INK, MUTED, VERMILION, nominal_line, short
from bdrp.report.words import count, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMED = 32  # chosen: more rows than this leave no room for legible names
EACH_END = 10
SIGNIFICANT = 0.05  # chosen: the usual level; a group below it is orange
_READING = (
    "Left: the share of a {what}'s responses inside their 90 % intervals; the bar is the 95 % interval of that "
    "share, in brackets the number of {counted}. Orange: differs from 90 % by more than chance, all {what}s "
    "considered together (exact binomial test, Holm), as if pairs were independent.{hint} Right: the mean width of "
    "those intervals."
)
_HINTS = {
    "drug": "",
    "tissue": " All drugs on one cell line err together, so with few lines orange is no more than a hint.",
    "cell line": " All drugs on one cell line err together, so orange is no more than a hint.",
}
_CUT = " Shown are the {each} {what}s covered least and the {each} covered most of {many}; the table below holds all."


def plot(groups: pd.DataFrame, what: str, unit: str) -> Plot:
    """Coverage of 90 % intervals, a row a group, the least covered at the top.

    Args:
        groups: one row a group: name, n, cell_lines, coverage_90, its lower and upper, p_holm, width_90.
        what: the noun of one group, "drug", "tissue" or "cell line".
        unit: of the width.
    """
    require_rows(f"groups-{what}", groups)
    ranked = rank(groups)
    shown, left_out = select(ranked, what)
    reading = _READING.format(what=what, counted="cell lines" if what == "tissue" else "pairs", hint=_HINTS[what])
    reading += _CUT.format(each=EACH_END, what=what, many=len(ranked)) if left_out else ""
    return Plot(
        f"groups-{what.replace(' ', '-')}",
        _claim(ranked, what),
        reading,
        lambda figure: draw(figure, shown, left_out, unit),
        height_in=height_of(shown),
    )


def rank(groups: pd.DataFrame) -> pd.DataFrame:
    """The groups, the least covered first, and whether each is `off` by more than chance."""
    ranked = groups.sort_values(["coverage_90", "n", "name"], ascending=[True, False, True]).reset_index(drop=True)
    return ranked.assign(off=ranked["p_holm"] < SIGNIFICANT)


def select(ranked: pd.DataFrame, what: str) -> tuple[pd.DataFrame, int]:
    """The groups that a figure can name, of many those at both ends, with what is `counted`; and how many it cannot."""
    shown = ranked if len(ranked) <= MOST_NAMED else pd.concat([ranked[:EACH_END], ranked[-EACH_END:]])
    return shown.assign(counted=shown["cell_lines" if what == "tissue" else "n"]), len(ranked) - len(shown)


def height_of(shown: pd.DataFrame) -> float:
    """Inches for so many rows."""
    return 1.15 + 0.235 * (len(shown) + 1)


def draw(figure: Figure, shown: pd.DataFrame, left_out: int, unit: str) -> None:
    """Coverage beside width, a row a group; `left_out` groups are missing in the middle."""
    covered, widths = figure.subplots(1, 2, sharey=True, width_ratios=[1.5, 1])
    draw_coverage(covered, shown, left_out)
    widths.barh(_rows(len(shown), cut=left_out > 0), shown["width_90"], height=0.5, color=GREEN)
    widths.set(xlabel=f"width, {unit}")
    widths.grid(visible=False, axis="y")
    widths.tick_params(axis="y", length=0)


def draw_coverage(axes: Axes, shown: pd.DataFrame, left_out: int) -> None:
    """The coverage of each group with its interval; `left_out` groups are missing in the middle."""
    at = _rows(len(shown), cut=left_out > 0)
    _coverage(axes, shown, at)
    names = [f"{short(name)} ({int(n):,})" for name, n in zip(shown["name"], shown["counted"], strict=True)]
    axes.set_yticks(at, names, fontsize=8.5)
    if left_out:
        axes.annotate(
            f"{left_out} more",
            (0.02, at[EACH_END] + 1),
            xycoords=("axes fraction", "data"),
            color=MUTED,
            fontsize=8.5,
            va="center",
        )
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _coverage(axes: Axes, shown: pd.DataFrame, at: np.ndarray) -> None:
    colours = [VERMILION if off else BLUE for off in shown["off"]]
    low, high = 100 * shown["coverage_90_lower"], 100 * shown["coverage_90_upper"]
    axes.hlines(at, low, high, colors=colours, linewidth=2, alpha=0.45, zorder=2)
    axes.scatter(100 * shown["coverage_90"], at, s=25, c=colours, zorder=2)
    nominal_line(axes, x=90.0)
    axes.set_ylim(at[-1] - 0.7, at[0] + 0.7)
    least = 100 * shown[["coverage_90", "coverage_90_lower"]].min(axis=None)
    axes.set_xlim(min(80.0, float(least)) - 2, 101.5)
    axes.set_xlabel("responses inside 90 % intervals (%)", color=INK)


def _rows(many: int, *, cut: bool) -> np.ndarray:
    """Row heights from the top down, with a gap where groups in the middle were left out."""
    at = np.arange(many, 0, -1, dtype=float)
    if cut:
        at[: many // 2] += 1
    return at


def _claim(ranked: pd.DataFrame, what: str) -> str:
    least, most = ranked.iloc[0], ranked.iloc[-1]
    if len(ranked) == 1:
        return (
            f"The only {what}, {short(least['name'])}: 90 % intervals cover {percent(least['coverage_90'], 0)} of "
            f"{count(int(least['n']), 'pair')}."
        )
    return (
        f"90 % intervals cover {percent(least['coverage_90'], 0)} ({short(least['name'])}) to "
        f"{percent(most['coverage_90'], 0)} ({short(most['name'])}); {int(ranked['off'].sum())} of {len(ranked)} "
        f"{what}s differ from 90 % by more than chance if pairs were independent."
    )
