"""How wide are the distributions, and how much of that is noise and how much ignorance?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BLUE, ORANGE, PURPLE
from bdrp.report.words import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

_READING = (
    "The predicted SDs of all held-out pairs, and their two parts: aleatoric (noise of the assay, which more training "
    "data would not remove) and epistemic (not knowing the weights, which it would). Each histogram has its own "
    "height; the white line is the median. Variances add up, SDs do not. Held-out responses check the whole alone; how "
    "it is split is the model's own account, which calls too much epistemic where there is little to learn. A model "
    "whose SD is the same for all pairs shows a single spike and can rank nothing."
)


def plot(std: Floats, aleatoric_std: Floats, epistemic_std: Floats, unit: str) -> Plot:
    """Histograms of the N predicted SDs and of their aleatoric and epistemic parts."""
    require_rows("sharpness", std)
    low, middle, high = np.quantile(std, [0.1, 0.5, 0.9])
    epistemic = float(np.sum(epistemic_std**2) / np.sum(std**2))
    claim = (
        f"A typical predicted SD is {number(middle, 2)} {unit}; eight pairs in ten lie between {number(low, 2)} and "
        f"{number(high, 2)}. Not knowing the weights makes {percent(epistemic, 0)} of the variance."
    )
    return Plot(
        "sharpness",
        claim,
        _READING,
        lambda figure: draw(figure, std, aleatoric_std, epistemic_std, unit),
        height_in=3.9,
    )


def draw(figure: Figure, std: Floats, aleatoric_std: Floats, epistemic_std: Floats, unit: str) -> None:
    """A histogram a row, on one axis of SDs; the largest SDs are drawn at its end."""
    top = 1.05 * float(max(np.quantile(std, 0.998), np.median(std)))
    parts = {"predicted SD": (std, BLUE), "aleatoric": (aleatoric_std, ORANGE), "epistemic": (epistemic_std, PURPLE)}
    rows = figure.subplots(len(parts), 1, sharex=True)
    for axes, (name, (values, colour)) in zip(rows, parts.items(), strict=True):
        _histogram(axes, np.clip(values, 0, top), top, colour)
        axes.set_ylabel(name, rotation="horizontal", ha="right", va="center")
    rows[-1].set(xlim=(0, top), xlabel=f"SD, {unit}")


def _histogram(axes: Axes, values: Floats, top: float, colour: str) -> None:
    axes.stairs(*np.histogram(values, np.linspace(0, top, 71)), fill=True, color=colour)
    middle = float(np.median(values))
    axes.axvline(middle, color="white", linewidth=1.4)
    axes.annotate(f"median {number(middle, 2)}", (1, 0.86), xycoords="axes fraction", ha="right", fontsize=9)
    axes.grid(visible=False)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
