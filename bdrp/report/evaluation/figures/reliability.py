"""Is empirical coverage the nominal level, at every level, and did recalibration help?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BAND, BLUE, INDEPENDENT, INK, ORANGE, known_band, legend_below, nominal_line
from bdrp.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READING = (
    "Each point asks: of all held-out responses, what share fell inside the central interval of that level? A "
    "calibrated model follows the dashed diagonal; below it intervals are too narrow, above it too wide. Blue band: "
    "how well the line is known, all levels together (95 %, cell lines and drugs resampled); calibration is in doubt "
    "where it leaves the diagonal. Grey band: where the line would stay in 95 % of samples if calibration were "
    "perfect and pairs independent; pairs of one line or drug err together, so leaving it alone proves little."
)
_CHANGE_READING = (
    "The same curves before and after recalibration, less the nominal level: on the dashed line intervals cover at "
    "their nominal level, below it they are too narrow, above it too wide. Recalibration was fitted on pairs that are "
    "not shown here."
)


def plot(curve: pd.DataFrame, pairs: int) -> Plot:
    """The reliability curve of central intervals.

    Args:
        curve: columns nominal, observed, lower, upper, null_lower, null_upper, all shares.
        pairs: the number of held-out pairs behind it.
    """
    require_rows("reliability", curve)
    nominal, observed = curve["nominal"].to_numpy(float), curve["observed"].to_numpy(float)
    worst = int(np.argmax(np.abs(observed - nominal)))
    claim = (
        "Over all levels, empirical coverage misses the nominal level by at most "
        f"{number(100 * abs(observed[worst] - nominal[worst]), 1)} percentage points: "
        f"{number(100 * observed[worst], 1)} % of {pairs:,} responses lie in their {number(100 * nominal[worst], 0)} "
        "% interval."
    )
    return Plot("reliability", claim, _READING, lambda figure: draw(figure.subplots(), curve), height_in=4.3)


def draw(axes: Axes, curve: pd.DataFrame) -> None:
    """The curve in its two bands, and the diagonal."""
    nominal = curve["nominal"]
    axes.fill_between(nominal, curve["null_lower"], curve["null_upper"], color=BAND, label=INDEPENDENT)
    known_band(axes, nominal, curve["lower"], curve["upper"])
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1.1, linestyle=(0, (4, 3)), label="perfect calibration")
    axes.plot(nominal, curve["observed"], "o-", color=BLUE, markersize=3.2, label="this model")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("nominal level of the central interval")
    axes.set_ylabel("empirical coverage: share of responses inside")
    legend_below(axes, columns=2)


def plot_change(curve: pd.DataFrame, before: pd.DataFrame) -> Plot:
    """What recalibration did to the reliability curve; both tables as for `plot`."""
    require_rows("recalibration", curve)
    now, was = (float(_miss(table, "observed").abs().max()) for table in (curve, before))
    verb = "cut" if now < was - 0.05 else "raised" if now > was + 0.05 else "left"
    claim = (
        f"Recalibration {verb} the largest miss over all levels "
        f"{f'from {number(was, 1)} to' if verb != 'left' else 'at'} {number(now, 1)} percentage points."
    )
    return Plot(
        "recalibration",
        claim,
        _CHANGE_READING,
        lambda figure: draw_change(figure.subplots(), curve, before),
        height_in=3.6,
    )


def draw_change(axes: Axes, curve: pd.DataFrame, before: pd.DataFrame) -> None:
    """Both curves less the diagonal, in percentage points, and the band of the later one."""
    nominal = 100 * curve["nominal"]
    after, low, high = (_miss(curve, name) for name in ("observed", "null_lower", "null_upper"))
    earlier = _miss(before, "observed")
    axes.fill_between(nominal, low, high, color=BAND, label=INDEPENDENT)
    nominal_line(axes, y=0.0)
    axes.plot(nominal, earlier, "s--", color=ORANGE, markersize=3.5, label="before")
    axes.plot(nominal, after, "o-", color=BLUE, markersize=3.5, label="after recalibration")
    reach = 1.2 * max(2.0, float(np.abs(np.concatenate([after, earlier, low, high])).max()))
    axes.set(xlim=(0, 100), ylim=(-reach, reach))
    axes.set_xlabel("level of the central interval (%)")
    axes.set_ylabel("empirical less nominal coverage\n(percentage points)")
    legend_below(axes)


def _miss(curve: pd.DataFrame, name: str) -> pd.Series:
    """One column less the nominal level, in percentage points."""
    return 100 * (curve[name] - curve["nominal"])
