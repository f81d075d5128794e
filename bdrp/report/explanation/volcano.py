"""Scores of all genes of a drug: how large the effect of each is, and how sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bdrp.explain import Associations
from bdrp.report.figures.axes import axes_or_new
from bdrp.report.figures.plot import Plot
from bdrp.report.figures.style import BLUE, INK, MUTED, VERMILION, short
from bdrp.report.words import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVEL: Final = 0.05  # the usual false discovery rate
LABELLED: Final = 8


def draw_volcano(
    found: Associations, drug_id: str, unit: str = "response", axes: Axes | None = None, most: int = LABELLED
) -> Axes:
    """Effect of one SD of expression against -log10 p, a point a gene; the surest are named where there is room.

    Args:
        found: scores.
        drug_id: one of the drugs.
        unit: of the response.
        axes: to draw on; new ones if None.
        most: how many genes are named.
    """
    axes = axes_or_new(axes)
    table = found.table(drug_id)
    height = -np.log10(table["p"].to_numpy().clip(min=1e-300))
    certain = (table["fdr"] < LEVEL).to_numpy()
    sensitive = (table["effect"] < 0).to_numpy()
    for chosen, colour, label in (
        (~certain, MUTED, f"false discovery rate {LEVEL:g} or more"),
        (certain & sensitive, BLUE, "high expression: sensitive"),
        (certain & ~sensitive, VERMILION, "high expression: resistant"),
    ):
        if chosen.any():
            axes.scatter(
                table["effect"][chosen], height[chosen], s=9, color=colour, alpha=0.7, linewidth=0, label=label,
                rasterized=True,
            )  # fmt: skip
    for row in _apart(table["effect"].to_numpy()[:most], height[:most], np.ptp(table["effect"]), np.ptp(height)):
        effect = table["effect"].iloc[row]
        axes.annotate(
            short(table.index[row], 14), (effect, height[row]), xytext=(4 if effect > 0 else -4, 2),
            textcoords="offset points", ha="left" if effect > 0 else "right", fontsize=8.5, color=INK,
        )  # fmt: skip
    axes.margins(x=0.2, y=0.08)  # chosen: the outermost point has room for its name
    axes.set_xlabel(f"effect of one SD more expression ({unit})")
    axes.set_ylabel("−log10 p")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, handletextpad=0.1, columnspacing=0.8)
    return axes


def plot(found: Associations, drug_id: str, drug_name: str, unit: str) -> Plot:
    """The figure as a page shows it."""
    certain = int((found.fdr.loc[drug_id] < LEVEL).sum())

    def draw(figure: Figure) -> None:
        draw_volcano(found, drug_id, unit, figure.subplots())

    return Plot(
        f"volcano-{found.score.index.get_loc(drug_id)}",
        f"{count(certain, 'gene')} of {found.score.shape[1]:,} with a false discovery rate below {LEVEL:g} for "
        f"{drug_name}.",
        "A point is a gene: right of zero, lines that express it highly are more resistant than their relatives by "
        "expression; left, more sensitive. The higher, the surer.",
        draw,
        3.9,
    )


def _apart(x: np.ndarray, y: np.ndarray, width: float, height: float) -> list[int]:
    """Which of some points can be named, the first first, so that no name lies on another."""
    taken: list[int] = []
    for row in range(len(x)):
        near = [abs(x[row] - x[at]) < 0.18 * width and abs(y[row] - y[at]) < 0.06 * height for at in taken]
        if not any(near):
            taken.append(row)
    return taken
