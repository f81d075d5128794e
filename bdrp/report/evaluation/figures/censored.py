"""Is the model as good on uncensored responses as on those that a curve fit extrapolated beyond the tested doses?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from bdrp.report.figures.plot import Plot
from bdrp.report.figures.style import BLUE, GREEN, INK, MUTED, nominal_line
from bdrp.report.words import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS: Final = {"extrapolated": "censored", "observed": "uncensored"}  # as scores.json calls them; from the bottom
_READING = (
    "Uncensored: the response lies between the lowest and the highest dose that were tested. Censored: it lies "
    "outside, so it is what a fitted curve says about doses that nobody tested. Dashed: the nominal 90 %. A good "
    "value over all pairs can hide a poor one on the responses that were really observed."
)


def plot(metrics: Mapping[str, Mapping[str, float]], unit: str) -> Plot:
    """Coverage, width and RMSE on both kinds of response; `metrics` has n, coverage_90, width_90, rmse for each."""
    censored, seen = (metrics[kind] for kind in KINDS)
    share = censored["n"] / (censored["n"] + seen["n"])
    claim = (
        f"{percent(share, 0)} of responses are censored. There, 90 % intervals cover "
        f"{percent(censored['coverage_90'])} and the RMSE is {number(censored['rmse'], 2)} {unit}; on uncensored ones "
        f"{percent(seen['coverage_90'])} and {number(seen['rmse'], 2)}."
    )
    return Plot("censored", claim, _READING, lambda figure: draw(figure, metrics, unit), height_in=2.2)


def draw(figure: Figure, metrics: Mapping[str, Mapping[str, float]], unit: str) -> None:
    """A panel a metric, a bar a kind of response."""
    rows = [metrics[kind] for kind in KINDS]
    covered, widths, errors = figure.subplots(1, 3, sharey=True)
    _bars(covered, [100 * row["coverage_90"] for row in rows], BLUE, "inside 90 %\nintervals (%)", 1)
    nominal_line(covered, x=90.0)
    covered.set_xlim(right=max(92.0, covered.get_xlim()[1]))
    _bars(widths, [row["width_90"] for row in rows], GREEN, f"mean width,\n{unit}", 2)
    _bars(errors, [row["rmse"] for row in rows], MUTED, f"RMSE,\n{unit}", 2)
    covered.set_yticks(
        [0, 1], [f"{kind}\n{int(row['n']):,} pairs" for kind, row in zip(KINDS.values(), rows, strict=True)]
    )


def _bars(axes: Axes, values: list[float], colour: str, label: str, digits: int) -> None:
    axes.barh([0, 1], values, height=0.5, color=colour)
    for y, value in enumerate(values):
        inside = value > 0.3 * max(values)
        at, colour_of_text = (0.0, "white") if inside else (value, INK)
        look: dict[str, Any] = {"va": "center", "fontsize": 9, "color": colour_of_text}
        axes.annotate(number(value, digits), (at, y), (6, 0), textcoords="offset points", **look)
    axes.set(xlim=(0, 1.12 * max(*values, 1e-9)), ylim=(-0.5, 1.5), xlabel=label)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
