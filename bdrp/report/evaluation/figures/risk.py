"""Does retaining only the pairs with a small SD leave smaller errors?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BLUE, GREEN, MUTED, ORANGE, legend_below
from bdrp.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READING = (
    "Reading from right to left, pairs are set aside, those with the largest predicted SD first; the line is the RMSE "
    "of those that remain. Random: setting aside pairs blindly. One SD a drug: the baseline, which knows nothing "
    "but each drug's usual error. Oracle: setting aside those with the largest true error, which no model can know. "
    "The further the line falls from random towards the oracle, the better the SD ranks errors."
)


def plot(curve: pd.DataFrame, unit: str) -> Plot:
    """The risk–coverage curve; `curve` has coverage (share retained) and mean squared errors by order of retaining."""
    require_rows("risk-coverage", curve)
    retained = 100 * curve["coverage"].to_numpy(float)
    model, oracle, drug_sd = (np.sqrt(curve[name].to_numpy(float)) for name in ("model", "oracle", "drug_sd"))
    tenth, everyone = int(np.argmin(np.abs(retained - 10))), int(np.argmax(retained))
    baseline = f"{number(drug_sd[tenth], 2)} if ranked by one SD a drug, " if np.isfinite(drug_sd[tenth]) else ""
    claim = (
        f"The {number(float(retained[tenth]), 0)} % of pairs with the smallest SD have an RMSE of "
        f"{number(model[tenth], 2)} {unit}, "
        f"against {number(model[everyone], 2)} for all, {baseline}and {number(oracle[tenth], 2)} by a perfect ranking."
    )
    return Plot("risk-coverage", claim, _READING, lambda figure: draw(figure.subplots(), curve, unit), height_in=3.9)


def draw(axes: Axes, curve: pd.DataFrame, unit: str) -> None:
    """The RMSE of the pairs retained, by each order in which they may be retained."""
    retained, rmse = 100 * curve["coverage"], np.sqrt(curve.drop(columns="coverage"))
    axes.plot(retained, rmse["random"], color=MUTED, linestyle=(0, (4, 3)), label="random order")
    if np.isfinite(rmse["drug_sd"]).any():
        style = (0, (6, 1.5, 1, 1.5))
        axes.plot(
            retained, rmse["drug_sd"], color=GREEN, linewidth=1.5, linestyle=style, label="ranked by one SD a drug"
        )
    axes.plot(retained, rmse["model"], color=BLUE, linewidth=2.4, label="ranked by predicted SD")
    axes.plot(
        retained, rmse["oracle"], color=ORANGE, linestyle=(0, (1, 1.2)), linewidth=2.2, label="oracle (true errors)"
    )
    axes.set(xlim=(0, 100), xlabel="pairs retained (%)", ylabel=f"RMSE of the pairs retained, {unit}")
    axes.set_ylim(bottom=0)
    legend_below(axes, columns=2)
