"""Is the noise that the model claims the noise that repeats of one experiment show?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bdrp.report.figures.plot import Plot
from bdrp.report.figures.style import BLUE, INK, MUTED, VERMILION, legend_below, short
from bdrp.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMED: Final = 20  # chosen: more rows leave no room for legible names; the table holds all
_READING = (
    "Some cell lines were measured more than once with one compound, often under two drug ids. Blue: the SD of a "
    "single measurement about the mean of its repeats, the mean difference between ids taken off, with its 95 % "
    "interval (cell lines resampled); in brackets the number of sets of repeats. Grey cross: the same with the "
    "differences between ids left in. Orange: the noise (aleatoric SD) that the model predicts for the same "
    "responses. Right of blue, it calls noise what repeats do not show, such as effects that it cannot describe; left "
    "of blue, it takes noise for its own ignorance or claims more precision than the assay has. Censored "
    "repeats are extrapolations on both sides. Compounds without repeats may be noisier or less noisy."
)


def plot(table: pd.DataFrame, metrics: Mapping[str, Any], unit: str) -> Plot:
    """Measured noise beside the predicted, all repeats first, then a row a compound.

    Args:
        table: `Scores.noise_by_compound`.
        metrics: `noise` of the scores, the part `all`; its noise_sd is known.
        unit: of the SDs.
    """
    every = pd.DataFrame([{**metrics, "name": "All compounds"}])
    named = table[table["noise_sd"].notna()][:MOST_NAMED]
    shown = pd.concat([every, named], ignore_index=True) if len(table) > 1 else every
    return Plot(
        "noise",
        _claim(metrics, unit),
        _READING,
        lambda figure: draw(figure.subplots(), shown, unit),
        height_in=1.2 + 0.25 * len(shown),
    )


def draw(axes: Axes, shown: pd.DataFrame, unit: str) -> None:
    """A row a compound: measured SD with its interval, the same with offsets, and the predicted noise."""
    at = -np.arange(len(shown), dtype=float) - (np.arange(len(shown)) > 0) * 0.4
    low, high = (shown[f"noise_sd_{end}"].astype(float) for end in ("lower", "upper"))
    axes.hlines(at, low, high, color=BLUE, linewidth=2.2, alpha=0.45)
    axes.plot(shown["noise_sd"], at, "o", color=BLUE, markersize=5.5, label="measured (95 %)")
    axes.plot(shown["noise_sd_with_offset"], at, "x", color=MUTED, markersize=5, label="with offsets of ids")
    axes.plot(shown["aleatoric_sd"], at, "D", color=VERMILION, markersize=5, label="predicted noise")
    names = [f"{short(name)} ({int(sets):,})" for name, sets in zip(shown["name"], shown["sets"], strict=True)]
    axes.set_yticks(at, names, fontsize=8.5)
    axes.set_ylim(at[-1] - 0.7, 0.7)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"SD of a single measurement, {unit}", color=INK)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    legend_below(axes)


def _claim(metrics: Mapping[str, Any], unit: str) -> str:
    measured, predicted = metrics["noise_sd"], metrics["aleatoric_sd"]
    low, high = metrics["noise_sd_lower"], metrics["noise_sd_upper"]
    interval = "" if low is None else f" ({number(low, 2)} to {number(high, 2)})"
    start = f"Repeats scatter with an SD of {number(measured, 2)}{interval} {unit}"
    if metrics["noise_sd_with_offset"] > 1.05 * measured:
        start += f", {number(metrics['noise_sd_with_offset'], 2)} with what sets drug ids of a compound apart"
    claimed = f"the model calls {number(predicted, 2)} noise on the same responses"
    if low is not None and low <= predicted <= high:
        return f"{start}; {claimed}, as repeats show."
    return f"{start}; {claimed}, {'more' if predicted > measured else 'less'} than repeats show."
