"""Where in its predicted distribution did each response fall? Evenly everywhere, if the distributions are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.report.style import BAND, BLUE, INK, Picture, draw, legend_below, nominal_line
from bdrp.report.words import number, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST: Final = 30  # chosen: with fewer, every shape has happened by chance
_HISTOGRAM_READING = (
    "The probability integral transform (PIT) of a response is the predicted probability of a value at or below it. "
    "If the distributions are right, every bar is equally tall. A hollow in the middle means intervals that are too "
    "narrow, a hill intervals that are too wide, a slope predictions that are too high (falling) or too low (rising). "
    "All bars stay in the grey band in 95 % of samples of this size if calibration is perfect and pairs are "
    "independent."
)
_ECDF_READING = (
    "The same values without bins: the share of responses with a PIT up to each point, less the share that "
    "calibration promises. The whole line stays in the grey band in 95 % of samples of this size if calibration is "
    "perfect and pairs are independent (simultaneous band after Säilynoja, Bürkner and Vehtari 2022). With many pairs "
    "the band is thin and shows differences that do not matter in practice: read the size of the excursion on the "
    "left axis too."
)


def histogram(bins: pd.DataFrame, pit: npt.NDArray[np.float64]) -> Picture:
    """The PIT histogram; `bins` has left, right, density, null_lower, null_upper; `pit` is (N,)."""
    left, right = bins["left"].to_numpy(float), bins["right"].to_numpy(float)
    relative, lower, upper = (bins[name].to_numpy(float) for name in ("density", "null_lower", "null_upper"))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
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
        axes.stairs(
            upper, steps, baseline=lower, fill=True, color=INK, alpha=0.16, label="by chance, if calibrated (95 %)"
        )
        nominal_line(axes, y=1.0)
        axes.set(xlim=(0, 1), ylim=(0, max(1.4, 1.08 * float(max(relative.max(), upper.max())))))
        axes.set_xlabel("where the response fell in its predicted distribution (PIT)")
        axes.set_ylabel("responses, relative to a fair share")
        axes.grid(visible=False, axis="x")
        legend_below(axes)

    return draw("pit-histogram", _shape(pit), _HISTOGRAM_READING, paint)


def ecdf(curve: pd.DataFrame, pairs: int) -> Picture:
    """The PIT's empirical distribution less the uniform one; `curve` has level, difference, null_lower, null_upper."""
    at = np.concatenate([[0.0], curve["level"], [1.0]])
    difference = _ended(curve["difference"])
    lower, upper = (_ended(curve[name] - curve["level"]) for name in ("null_lower", "null_upper"))
    inside = bool(np.all((difference >= lower - 1e-12) & (difference <= upper + 1e-12)))
    size = 100 * float(np.abs(difference).max())

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.fill_between(at, 100 * lower, 100 * upper, color=BAND, label="by chance, if calibrated (95 %)")
        nominal_line(axes, y=0.0)
        axes.plot(at, 100 * difference, color=BLUE, label="this model")
        reach = 1.25 * max(1.0, size, float(100 * np.abs(upper).max()))
        axes.set(xlim=(0, 1), ylim=(-reach, reach))
        axes.set_xlabel("PIT")
        axes.set_ylabel("share of responses up to here,\nless the promise (percentage points)")
        legend_below(axes)

    where = "within" if inside else "outside"
    claim = (
        f"The PIT of {pairs:,} responses strays at most {number(size, 1)} percentage points from even, {where} what "
        "chance alone would give "
        f"{'(so no sign of miscalibration)' if inside else '(so not calibrated to the last digit)'}."
    )
    return draw("pit-ecdf", claim, _ECDF_READING, paint)


def _ended(inner: pd.Series) -> np.ndarray:
    """A difference curve with its two ends, where it is 0 by definition."""
    return np.concatenate([[0.0], inner.to_numpy(float), [0.0]])


def _shape(pit: npt.NDArray[np.float64]) -> str:
    """What the histogram's shape says, in words; a deviation that chance explains is not spoken of."""
    outer, below = float(np.mean((pit <= 0.1) | (pit >= 0.9))), float(np.mean(pit < 0.5))
    allowed = max(0.03, 2 * float(np.sqrt(0.16 / len(pit))))
    if len(pit) < FEWEST:
        said = "There are too few responses to judge their spread."
    elif abs(outer - 0.2) > allowed:
        many, shape = ("many", "narrow") if outer > 0.2 else ("few", "wide")
        said = f"Too {many} responses fall in the tails: the distributions are too {shape}."
    elif abs(below - 0.5) > 1.25 * allowed:
        said = (
            f"Predictions lean {'high' if below > 0.5 else 'low'}: {percent(below)} of responses fall below the median."
        )
    else:
        said = "Responses fall almost evenly over their predicted distributions."
    return f"{said} The outer two tenths hold {percent(outer)} of {len(pit):,} responses (20 % if calibrated)."
