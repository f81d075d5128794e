"""Is the noise that the model claims the noise that repeats of one experiment show?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bdrp.report.figures.plot import Plot
from bdrp.report.figures.style import BLUE, INK, MUTED, VERMILION, legend_below, short
from bdrp.report.html.parts import Definition, Section
from bdrp.report.html.table import Column, Table, columns_of
from bdrp.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFINITIONS: Final = (
    Definition(
        "noise.rows", "Repeated responses", "Responses of a cell line that was measured more than once with a compound."
    ),
    Definition("noise.sets", "Sets of repeats", "A set is one cell line with one compound."),
    Definition("noise.cell_lines", "Cell lines with repeats", "Cell lines with a set of repeats."),
    Definition(
        "noise.compounds", "Compounds with repeats", "Compounds, distinguished by structure, with a set of repeats."
    ),
    Definition(
        "noise.noise_sd",
        "Measured noise SD",
        "SD of a single measurement about the mean of its set, after the mean difference between the drug ids of one "
        "compound is taken off; with its 95 % interval (cell lines resampled). No model can err less on new "
        "measurements.",
    ),
    Definition(
        "noise.noise_sd_with_offset",
        "Measured noise SD, with offsets",
        "The same with the differences between drug ids left in: batch, dose range, laboratory. A model that learns "
        "each id apart can know them, one that knows compounds only cannot.",
    ),
    Definition(
        "noise.aleatoric_sd",
        "Predicted aleatoric SD, same responses",
        "What the measured noise SD would be on average if the predicted aleatoric variances were the noise.",
    ),
    Definition("noise.rmse", "RMSE, same responses", "The model's whole error on the responses that were repeated."),
)
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
_TITLE: Final = "Is the predicted noise what repeats show?"
_NO_REPEATS: Final = "No cell line was measured twice with one compound, so it is not known."
_INTERVAL: Final = ("", "_lower", "_upper")


def section(metrics: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], unit: str) -> Section:
    """The noise that repeats measured beside the predicted one, in numbers and, where it is known, drawn."""
    if not metrics["all"]["rows"]:
        return Section("noise", _TITLE, (_NO_REPEATS,))
    by_compound = tables["noise_by_compound"]
    drawn = () if metrics["all"]["noise_sd"] is None else (plot(by_compound, metrics["all"], unit),)
    return Section("noise", _TITLE, (), (_measured(metrics, unit),), drawn, (_compounds(by_compound),))


def plot(table: pd.DataFrame, metrics: Mapping[str, Any], unit: str) -> Plot:
    """Measured noise beside the predicted, all repeats first, then a row a compound.

    Args:
        table: `noise_by_compound` of the scores' tables.
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
    # Behind the dot and wider, so that both are seen where they agree.
    axes.plot(
        shown["noise_sd_with_offset"], at, "x", color=MUTED, markersize=9, zorder=1.9, label="with offsets of ids"
    )
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


def _measured(metrics: Mapping[str, Any], unit: str) -> Table:
    """The measured noise and the predicted one, over all repeats and over those that are uncensored."""
    labels = {definition.key.partition(".")[2]: definition.label for definition in DEFINITIONS}
    parts = (metrics["all"], metrics["inside_limits"])
    rows = tuple(
        (label, *(part.get(f"{name}{end}") for part in parts for end in _INTERVAL)) for name, label in labels.items()
    )
    heads = ("All repeats", "from", "to", "All of a set uncensored", "from", "to")
    columns = (Column("Metric"), *columns_of(*heads))
    return Table("Measured noise", columns, rows, f"SDs in {unit}, with a 95 % interval.")


def _compounds(table: pd.DataFrame) -> Table:
    """The same for each compound."""
    columns = {
        "name": Column("Compound"),
        "sets": Column("Sets"),
        "noise_sd": Column("Noise SD"),
        "noise_sd_lower": Column("from"),
        "noise_sd_upper": Column("to"),
        "noise_sd_with_offset": Column("With offsets"),
        "aleatoric_sd": Column("Aleatoric SD"),
        "rmse": Column("RMSE"),
        "extrapolated_share": Column("Censored", "share"),
    }
    return Table.from_records("Measured noise by compound", columns, table.to_dict("records"), "Most repeats first.")
