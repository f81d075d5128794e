"""When the model gives right-censoring a probability, does it happen that often?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BLUE, INDEPENDENT, INK, MUTED, known_band, legend_below, nominal_line
from bdrp.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_READING = (
    "A response above the highest tested dose is right-censored: it is only known to lie above. Pairs are sorted by "
    "the predicted probability of that and cut into bins of equal size; each dot compares a bin's mean probability "
    "with the share that was right-censored, above as such and below as their difference. On the dashed line the two "
    "agree; below it the probability is too high, above it too low. Blue band: how well the shares are known, all "
    "bins together (95 %, cell lines and drugs resampled); calibration is in doubt where it leaves the dashed line. "
    "Grey band: where all dots would stay in 95 % of samples if calibration were perfect and pairs independent; pairs "
    "of one line or drug go together, so leaving it alone proves little. The Brier score is the mean squared distance "
    "of probability and outcome; the drug's base rate, its baseline, knows drugs and nothing of cell lines."
)


def plot(curve: pd.DataFrame, metrics: Mapping[str, Any]) -> Plot:
    """The reliability of P(response > upper limit).

    Args:
        curve: `Scores.beyond_reliability`, at least one bin.
        metrics: the topic `beyond` of the scores.
    """
    require_rows("right-censored", curve)
    nominal, observed = curve["nominal"].to_numpy(float), curve["observed"].to_numpy(float)
    claim = _claim(nominal, observed, metrics)
    return Plot("right-censored", claim, _READING, lambda figure: draw(figure, curve), height_in=4.9)


def draw(figure: Figure, curve: pd.DataFrame) -> None:
    """The shares, and below them the shares less the probabilities."""
    shares, misses = figure.subplots(2, 1, sharex=True, height_ratios=[1.7, 1])
    _curve(shares, curve, np.zeros(len(curve)), 1.0)
    shares.plot([0, 1], [0, 1], color=INK, linewidth=1.1, linestyle=(0, (4, 3)), label="perfect calibration")
    shares.set(ylim=(-0.01, 1.02), ylabel="share right-censored")
    _curve(misses, curve, curve["nominal"].to_numpy(float), 100.0)
    nominal_line(misses, y=0.0)
    misses.set(xlim=(-0.01, 1.01), ylabel="less the probability\n(percentage points)")
    misses.set_xlabel("predicted probability of right-censoring")
    legend_below(shares, columns=2)


def _curve(axes: Axes, curve: pd.DataFrame, less: np.ndarray, scale: float) -> None:
    """Shares and both bands, less `less`, times `scale`; the wider band lies behind."""
    at = curve["nominal"]
    names = ("observed", "lower", "upper", "null_lower", "null_upper")
    observed, lower, upper, null_lower, null_upper = (scale * (curve[name] - less) for name in names)
    known_band(axes, at, lower, upper)
    axes.fill_between(at, null_lower, null_upper, color=MUTED, alpha=0.3, label=INDEPENDENT)
    axes.plot(at, observed, "o-", color=BLUE, markersize=3.6, label="this model")


def _claim(nominal: np.ndarray, observed: np.ndarray, metrics: Mapping[str, Any]) -> str:
    worst = int(np.argmax(np.abs(observed - nominal)))
    predicted, happened = (number(100 * values[worst], 1) for values in (nominal, observed))
    where = "At worst of " + f"{len(nominal)} bins, " if len(nominal) > 1 else ""
    claim = (
        f"{where}{predicted} % probability of right-censoring came true in {happened} % of cases. Brier score "
        f"{number(metrics['brier'])}"
    )
    if metrics["brier_base_rate"] is None:
        return f"{claim}."
    return f"{claim}; each drug's base rate alone scores {number(metrics['brier_base_rate'])}."
