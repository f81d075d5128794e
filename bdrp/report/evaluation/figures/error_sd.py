"""Is the error as large as the predicted SD says?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BAND, BLUE, INK, legend_below
from bdrp.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READING = (
    "Pairs are sorted by predicted SD and cut into bins of equal size; each dot compares a bin's predicted SD with "
    "the error that was found in it. On the dashed line the two agree; above it the model is too sure, below it not "
    "sure enough. On the grey bars a bin may lie by chance. ENCE is the mean relative distance from the line; even a "
    "perfect model has some, so the value that chance alone gives is beside it."
)


def plot(bins: pd.DataFrame, *, ence: float | None, by_chance: float | None, unit: str) -> Plot:
    """Error against SD; `bins` has mean_std (root mean variance), rmse, null_lower and null_upper a bin."""
    require_rows("error-sd", bins)
    claim = _claim(bins["mean_std"].to_numpy(float), bins["rmse"].to_numpy(float), unit)
    if ence is not None and by_chance is not None:
        claim += f" ENCE {number(ence)}; chance alone gives {number(by_chance)}."
    return Plot("error-sd", claim, _READING, lambda figure: draw(figure.subplots(), bins, unit), height_in=4.2)


def draw(axes: Axes, bins: pd.DataFrame, unit: str) -> None:
    """A dot a bin on its bar of what chance allows, and the line on which error and SD agree."""
    predicted, observed, low, high = (bins[name] for name in ("mean_std", "rmse", "null_lower", "null_upper"))
    if low.notna().any():
        axes.vlines(predicted, low, high, color=BAND, linewidth=5, label="by chance (95 % a bin)")
    seen = np.concatenate([predicted, observed, low, high])
    box = (0.94 * float(np.nanmin(seen)), 1.05 * float(np.nanmax(seen)))
    axes.plot(box, box, color=INK, linewidth=1.1, linestyle=(0, (4, 3)), label="error = SD")
    axes.plot(predicted, observed, "o-", color=BLUE, markersize=5, linewidth=1.1, label="this model")
    axes.set(xlim=box, ylim=box, aspect="equal")
    axes.set_xlabel(f"predicted SD, {unit}")
    axes.set_ylabel(f"RMSE found, {unit}")
    legend_below(axes)


def _claim(predicted: npt.NDArray[np.float64], observed: npt.NDArray[np.float64], unit: str) -> str:
    if len(predicted) == 1:
        return f"The model says SD {number(predicted[0], 2)} and errs by {number(observed[0], 2)} {unit} (RMSE)."
    return (
        f"Where the model is surest it says SD {number(predicted[0], 2)} and errs by {number(observed[0], 2)}; where "
        f"least sure, {number(predicted[-1], 2)} and {number(observed[-1], 2)} {unit}."
    )
