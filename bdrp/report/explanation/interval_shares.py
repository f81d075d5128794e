"""What the predictive variance of some pairs consists of, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from bdrp.explain import PairContributions
from bdrp.explain.variance_shares import SHARES
from bdrp.report.figures.axes import axes_or_new
from bdrp.report.figures.plot import Plot
from bdrp.report.figures.style import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SKY, VERMILION, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Final = dict(zip(SHARES, (MUTED, VERMILION, BLUE, PURPLE, ORANGE, SKY, GREEN), strict=True))


def draw_interval_shares(
    found: PairContributions,
    pairs: Sequence[int],
    labels: Sequence[str],
    unit: str = "response",
    axes: Axes | None = None,
) -> Axes:
    """A bar a pair, as long as its SD and divided as its variance.

    Args:
        found: contributions.
        pairs: positions of the pairs.
        labels: their names.
        unit: of the response.
        axes: to draw on; new ones if None.
    """
    axes = axes_or_new(axes, 0.4 * len(pairs) + 1.6)
    variance = found.variance.iloc[list(pairs)]
    total = variance.sum(axis=1).to_numpy()
    left = np.zeros(len(total))
    for name, words in SHARES.items():
        width = np.sqrt(total) * variance[name].to_numpy() / total
        if (width > 0).any():
            axes.barh(range(len(total)), width, left=left, color=COLOURS[name], height=0.6, label=short(words, 50))
        left += width
    for row, (end, share) in enumerate(zip(left, variance["noise"].to_numpy() / total, strict=True)):
        axes.annotate(
            f"{100 * share:.0f} % noise", (end, row), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize=8.5, color=INK,
        )  # fmt: skip
    axes.set_yticks(range(len(total)), [short(label, 30) for label in labels])
    axes.set_ylim(len(total) - 0.4, -0.6)
    axes.margins(x=0.14)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"predictive SD ({unit}), divided as the variance")
    axes.figure.legend(loc="outside lower center", ncols=2)
    return axes


def plot(found: PairContributions, pairs: Sequence[int], labels: Sequence[str], unit: str) -> Plot:
    """The figure as a page shows it."""
    shares = found.variance.div(found.variance.sum(axis=1), axis=0).mean()
    rest = shares.drop("noise").idxmax()

    def draw(figure: Figure) -> None:
        draw_interval_shares(found, pairs, labels, unit, figure.subplots())

    return Plot(
        "interval-shares",
        f"Noise is {100 * shares['noise']:.0f} % of the variance of the predictions asked for; of the rest, most is "
        f"{SHARES[rest]}.",
        "Length is the predictive SD; colours divide it as the variance is divided. Noise stays however much is "
        "measured; the other parts shrink with more of what they name.",
        draw,
        0.32 * len(pairs) + 1.7,
    )
