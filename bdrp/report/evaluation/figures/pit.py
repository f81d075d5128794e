"""Where in its predicted distribution did each response fall? Evenly everywhere, if the distributions are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BAND, BLUE, INDEPENDENT, INK, known_band, legend_below, nominal_line
from bdrp.report.words import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXIS: Final = "where the response fell in its predicted distribution (PIT)"
FEWEST: Final = 30  # chosen: with fewer, every shape has happened by chance
_HISTOGRAM_READING = (
    "The probability integral transform (PIT) of a response is the predicted probability of a value at or below it. "
    "If the distributions are right, every bar is equally tall. A hollow in the middle means intervals that are too "
    "narrow, a hill intervals that are too wide, a slope predictions that are too high (falling) or too low (rising). "
    "All bars stay in the grey band in 95 % of samples of this size if calibration is perfect and pairs are "
    "independent."
)
_LEFT_OUT_READING = (
    "The PIT of training rows, each in the distribution that the other rows give it: the posterior draws are weighted "
    "by one over the row's likelihood (Pareto-smoothed importance sampling; Vehtari, Gelman and Gabry 2017), before "
    "recalibration. Read it as the PIT of held-out responses. It tells about new pairs of known drugs and lines, not "
    "about new lines or drugs, and only as well as the k-hat beside it allows: where k-hat is large, the row is not "
    "wholly left out, and the histogram leans towards a hill."
)
_ECDF_READING = (
    "The same values without bins: the share of responses with a PIT up to each point, less the share that is "
    "expected under calibration. Blue band: how well the line is known, all of it together (95 %, cell lines and drugs "
    "resampled); calibration is in doubt where it leaves 0. Grey band: where the line would stay in 95 % of samples "
    "if calibration were perfect and pairs independent (Säilynoja, Bürkner and Vehtari 2022); pairs of one line or "
    "drug err together, so leaving it alone proves little. With many pairs differences show that do not matter in "
    "practice: read their size on the left axis."
)


def plot_histogram(bins: pd.DataFrame, pit: npt.NDArray[np.float64]) -> Plot:
    """The PIT histogram; `bins` has left, right, density, null_lower, null_upper; `pit` is (N,)."""
    require_rows("pit-histogram", bins)
    return Plot(
        "pit-histogram", _shape(pit), _HISTOGRAM_READING, lambda figure: draw_histogram(figure.subplots(), bins, AXIS)
    )


def plot_left_out(bins: pd.DataFrame, pit: npt.NDArray[np.float64]) -> Plot:
    """The same of training rows, each predicted from all the others (LOO-PIT)."""
    require_rows("loo-pit", bins)
    axis = "where a training response fell, predicted from all others (LOO-PIT)"
    shape = _shape(pit)
    claim = f"Training rows, each left out in turn: {shape[0].lower()}{shape[1:]}"
    return Plot("loo-pit", claim, _LEFT_OUT_READING, lambda figure: draw_histogram(figure.subplots(), bins, axis))


def draw_histogram(axes: Axes, bins: pd.DataFrame, axis: str) -> None:
    """A bar a bin in the band that chance allows; `axis` says of what the PIT is."""
    left, right = bins["left"].to_numpy(float), bins["right"].to_numpy(float)
    relative, lower, upper = (bins[name].to_numpy(float) for name in ("density", "null_lower", "null_upper"))
    axes.bar(
        left,
        relative,
        width=right - left,
        align="edge",
        color=BLUE,
        edgecolor="white",
        linewidth=0.8,
        label="this model",
    )
    steps = np.append(left, right[-1])
    axes.stairs(upper, steps, baseline=lower, fill=True, color=INK, alpha=0.16, label=INDEPENDENT)
    nominal_line(axes, y=1.0)
    axes.set(xlim=(0, 1), ylim=(0, max(1.4, 1.08 * float(max(relative.max(), upper.max())))))
    axes.set_xlabel(axis)
    axes.set_ylabel("responses, relative to a fair share")
    axes.grid(visible=False, axis="x")
    legend_below(axes)


def plot_ecdf(curve: pd.DataFrame, pairs: int) -> Plot:
    """The PIT's empirical distribution less the uniform one; `curve` is `Scores.pit_ecdf`."""
    require_rows("pit-ecdf", curve)
    difference, lower, upper = (_difference(curve, name) for name in ("observed", "lower", "upper"))
    size = float(np.abs(difference).max())
    known = not np.isnan(lower).any()
    doubt = known and bool(np.any((lower > 0) | (upper < 0)))
    claim = f"The PIT of {pairs:,} responses strays at most {number(size, 1)} percentage points from even"
    claim += ", more than chance explains." if doubt else ", no more than chance explains." if known else "."
    return Plot("pit-ecdf", claim, _ECDF_READING, lambda figure: draw_ecdf(figure.subplots(), curve))


def draw_ecdf(axes: Axes, curve: pd.DataFrame) -> None:
    """The difference in its two bands, in percentage points."""
    at = np.concatenate([[0.0], curve["level"], [1.0]])
    names = ("observed", "lower", "upper", "null_lower", "null_upper")
    drawn = [_difference(curve, name) for name in names]
    difference, lower, upper, null_lower, null_upper = drawn
    axes.fill_between(at, null_lower, null_upper, color=BAND, label=INDEPENDENT)
    known_band(axes, at, lower, upper)
    nominal_line(axes, y=0.0)
    axes.plot(at, difference, color=BLUE, label="this model")
    reach = 1.1 * max(1.0, float(np.nanmax(np.abs(drawn))))
    axes.set(xlim=(0, 1), ylim=(-reach, reach))
    axes.set_xlabel("PIT")
    axes.set_ylabel("share of responses up to here,\nless the expected (percentage points)")
    legend_below(axes, columns=2)


def _difference(curve: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    """A column less the level, in percentage points, with its two ends, where it is 0 by definition."""
    inner = 100 * (curve[name] - curve["level"]).to_numpy(float)
    return np.concatenate([[0.0], inner, [0.0]])


def _shape(pit: npt.NDArray[np.float64]) -> str:
    """What the histogram's shape says, in words; a deviation that chance explains is not named."""
    outer, below = float(np.mean((pit <= 0.1) | (pit >= 0.9))), float(np.mean(pit < 0.5))
    allowed = max(0.03, 2 * float(np.sqrt(0.16 / len(pit))))
    if len(pit) < FEWEST:
        shape = "There are too few responses to judge their distribution."
    elif abs(outer - 0.2) > allowed:
        many, width = ("many", "narrow") if outer > 0.2 else ("few", "wide")
        shape = f"Too {many} responses fall in the tails: the distributions are too {width}."
    elif abs(below - 0.5) > 1.25 * allowed:
        shape = (
            f"Predictions lean {'high' if below > 0.5 else 'low'}: {percent(below)} of responses fall below the median."
        )
    else:
        shape = "Responses fall almost evenly over their predicted distributions."
    return f"{shape} The outer two tenths hold {percent(outer)} of {len(pit):,} responses (20 % if calibrated)."
