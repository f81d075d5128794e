"""How wide are the distributions, and how much of that is noise and how much ignorance?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bdrp.report.style import BLUE, ORANGE, PURPLE, Picture, draw, legend_below
from bdrp.report.words import number, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_READING = (
    "The predicted SD of every held-out pair, and its two parts: aleatoric (noise of the assay, which more training "
    "data would not remove) and epistemic (not knowing the weights, which it would). Variances add up, SDs do not. A "
    "model whose SD is the same for all pairs shows a single spike and can rank nothing."
)


def picture(std: np.ndarray, aleatoric_std: np.ndarray, epistemic_std: np.ndarray, unit: str) -> Picture:
    """Histograms of the N predicted SDs and of their aleatoric and epistemic parts."""
    top = 1.05 * float(np.quantile(std, 0.998)) or 1.0
    edges = np.linspace(0, max(top, 1.05 * float(np.median(std))), 61).tolist()

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        share = np.full(len(std), 100 / len(std))
        axes.hist(np.clip(std, 0, edges[-1]), edges, weights=share, color=BLUE, alpha=0.3, label="all (predicted SD)")
        for values, colour, style, name in (
            (aleatoric_std, ORANGE, "-", "aleatoric"),
            (epistemic_std, PURPLE, (0, (5, 1.5)), "epistemic"),
        ):
            axes.hist(
                np.clip(values, 0, edges[-1]),
                edges,
                weights=share,
                histtype="step",
                color=colour,
                linewidth=2,
                linestyle=style,
                label=name,
            )
        axes.set(xlim=(0, edges[-1]), xlabel=f"SD, {unit}", ylabel="pairs (%)")
        axes.grid(visible=False, axis="x")
        legend_below(axes)

    low, middle, high = np.quantile(std, [0.1, 0.5, 0.9])
    epistemic = float(np.sum(epistemic_std**2) / np.sum(std**2))
    claim = (
        f"A typical predicted SD is {number(middle, 2)} {unit}; eight pairs in ten lie between {number(low, 2)} and "
        f"{number(high, 2)}. Not knowing the weights makes {percent(epistemic, 0)} of the variance."
    )
    return draw("sharpness", claim, _READING, paint, height_in=3.6)
