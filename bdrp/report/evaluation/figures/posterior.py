"""Can the posterior be relied on where it was fitted? Importance weights and replicated responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.report.definitions import STATISTICS
from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BLUE, INK, MUTED, SKY, VERMILION, legend_below
from bdrp.report.words import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HIGHEST: Final = 2.0  # chosen: beyond it a k-hat says no more than that the weights are useless
WIDTH: Final = 0.05
_K_READING = (
    "Each training row is left out by weighting the posterior draws; k-hat says how heavy the tail of its weights is. "
    "Up to 0.7 the row's leave-one-out metrics can be relied on; above 1 the weights have no mean. With a normal "
    "likelihood k-hat is about the row's epistemic variance over its noise variance: it is large where the model "
    "leans on the single row, or where a posterior that ignores correlations is wider along the data than the true "
    "one. It does not say that the prediction of held-out rows is wrong."
)
_REPLICATED_READING = (
    "Responses of the same training rows, drawn anew from the posterior many times: where the observed histogram "
    "(line) leaves the range of the replicated ones (band), the shape of the model's noise or means is off. Before "
    "recalibration."
)
_STATISTICS_READING = (
    "Each statistic of all sampled training responses together, beside its 95 % range over replicated responses, in "
    "SDs of the replicates. A dot outside its bar is a feature of the data that the model does not reproduce. "
    "The same data were used for the fit, so a pass proves little; a miss says much."
)


def plot_k_hat(rows: pd.DataFrame, good_k: float) -> Plot:
    """How many rows have which k-hat; `rows` is `PosteriorCheck.rows`."""
    require_rows("k-hat", rows)
    above = float(np.mean(rows["k_hat"] > good_k))
    claim = (
        f"k-hat is above {number(good_k, 1)} for {percent(above)} of {len(rows):,} training rows: leave-one-out "
        + ("can be relied on." if above <= 0.01 else "metrics of those rows cannot be relied on.")
    )
    k_hat = rows["k_hat"].to_numpy(float)
    return Plot("k-hat", claim, _K_READING, lambda figure: draw_k_hat(figure.subplots(), k_hat, good_k))


def draw_k_hat(axes: Axes, k_hat: npt.NDArray[np.float64], good_k: float) -> None:
    """A histogram of the rows, in two colours at `good_k`; the largest are drawn at the end of the axis."""
    values = np.clip(k_hat, -0.5, HIGHEST)
    edges = np.arange(np.floor(min(0.0, values.min()) / WIDTH) * WIDTH, max(1.0, values.max()) + 2 * WIDTH, WIDTH)
    counts = np.histogram(values, edges)[0]
    fine = edges[:-1] + WIDTH / 2 <= good_k
    for chosen, colour, label in ((fine, BLUE, "reliable"), (~fine, VERMILION, "not reliable")):
        axes.bar(edges[:-1][chosen], counts[chosen], WIDTH, align="edge", color=colour, label=label)
    axes.axvline(good_k, color=INK, linewidth=1.1, linestyle=(0, (4, 3)))
    axes.annotate(number(good_k, 1), (good_k, 0.97), xycoords=("data", "axes fraction"), xytext=(4, 0),
                  textcoords="offset points", va="top", fontsize=9)  # fmt: skip
    axes.set(xlim=(edges[0], edges[-1]), xlabel="Pareto k-hat of a row's importance weights", ylabel="training rows")
    axes.grid(visible=False, axis="x")
    legend_below(axes)


def plot_replicated(densities: pd.DataFrame, unit: str) -> Plot:
    """Observed and replicated histograms; `densities` is `PosteriorCheck.densities`."""
    require_rows("replicated", densities)
    inside = int(densities["observed"].between(densities["lower"], densities["upper"]).sum())
    claim = f"The observed histogram lies within that of replicated responses in {inside} of {len(densities)} bins."
    return Plot(
        "replicated", claim, _REPLICATED_READING, lambda figure: draw_replicated(figure.subplots(), densities, unit)
    )


def draw_replicated(axes: Axes, densities: pd.DataFrame, unit: str) -> None:
    """The observed histogram over the band of the replicated ones."""
    seen, lower, upper = (densities[name].to_numpy(float) for name in ("observed", "lower", "upper"))
    steps = np.append(densities["left"], densities["right"].iloc[-1])
    axes.stairs(upper, steps, baseline=lower, fill=True, color=SKY, alpha=0.5, label="replicated (95 % a bin)")
    axes.stairs(seen, steps, color=INK, linewidth=1.6, label="observed")
    axes.set(xlim=(steps[0], steps[-1]), xlabel=f"response, {unit}", ylabel="density")
    axes.set_ylim(bottom=0)
    legend_below(axes)


def plot_statistics(table: pd.DataFrame) -> Plot:
    """Statistics of the responses beside replicated ones; `table` is `PosteriorCheck.statistics`."""
    require_rows("replicated-statistics", table)
    missed = [STATISTICS.get(name, name) for name in table["statistic"][_outside(table)]]
    claim = f"{len(table) - len(missed)} of {len(table)} statistics of the responses lie within their replicated range"
    claim += f"; {', '.join(missed)} not." if missed else "."
    return Plot(
        "replicated-statistics",
        claim,
        _STATISTICS_READING,
        lambda figure: draw_statistics(figure.subplots(), table),
        height_in=3.6,
    )


def draw_statistics(axes: Axes, table: pd.DataFrame) -> None:
    """A row a statistic: the range of the replicates about their median, and the observed one as a dot."""
    seen, lower, middle, upper = (table[name].to_numpy(float) for name in ("observed", "lower", "median", "upper"))
    unit = (upper - lower) / (2 * 1.96)
    unit = np.where(unit > 0, unit, 1.0)
    at = np.arange(len(table))[::-1]
    axes.hlines(at, (lower - middle) / unit, (upper - middle) / unit, color=SKY, linewidth=7, label="replicated (95 %)")
    axes.axvline(0, color=MUTED, linewidth=0.8)
    outside = _outside(table)
    for chosen, colour, label in ((~outside, BLUE, "observed, within"), (outside, VERMILION, "observed, outside")):
        if chosen.any():
            standardised = (seen - middle) / unit
            axes.plot(standardised[chosen], at[chosen], "o", color=colour, markersize=6, label=label)
    axes.set_yticks(at, [STATISTICS.get(name, name) for name in table["statistic"]])
    axes.set(xlabel="observed less median of the replicates, in SDs of the replicates")
    axes.margins(y=0.08)
    legend_below(axes)


def _outside(table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which statistics lie outside the range of the replicated ones."""
    return ~table["observed"].between(table["lower"], table["upper"]).to_numpy()
