"""Draw docs/images/triage.png from a model's held-out part: `python docs/triage_figure.py demo/model`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bdrp import TrainedModel, triage
from bdrp.report.figures.style import BLUE, GREEN, INK, MUTED, ORANGE, SETTINGS, legend_below

TARGET = Path(__file__).with_name("images") / "triage.png"
QUEUED = np.arange(0.05, 1.0, 0.05)
SHOWN = {
    "sd": ("predictive SD", BLUE, "-"),
    "wrong_side": ("chance of the wrong side", INK, "-"),
    "drug_sd": ("residual SD a drug", GREEN, (0, (6, 1.5, 1, 1.5))),
    "oracle": ("oracle (true errors)", ORANGE, (0, (1, 1.2))),
}
LOSSES = {"squared_error": "Who acts on a number: squared error", "wrong_call": "Who acts on a call: wrong calls"}


def main(model: Path) -> None:
    trained = TrainedModel.load(model)
    policy = triage.Policy(threshold_by_drug=True)
    parts = trained.held_out_predictions(), trained.held_out()
    found = triage.simulate_review(*parts, policy, queued=[round(float(share), 2) for share in QUEUED])
    with mpl.rc_context(SETTINGS):
        figure, panels = plt.subplots(2, 2, figsize=(9, 6), sharex=True, sharey=True, layout="constrained")
        for row, (where, what) in zip(
            panels, (("relative", "over all pairs"), ("relative_within_drug", "within a drug")), strict=True
        ):
            for axes, (loss, title) in zip(row, LOSSES.items(), strict=True):
                draw(axes, found[found["loss"] == loss], where)
                axes.set_title(f"{title}, {what}", loc="left", fontsize=9.5)
            row[0].set_ylabel("error left (%)")
        panels[0, 0].set(xlim=(5, 100), ylim=(0, 115))
        for axes in panels[1]:
            axes.set_xlabel("pairs accepted without a look (%)")
        legend_below(panels[0, 0], columns=5)
        figure.savefig(TARGET, dpi=130)
    print(TARGET)


def draw(axes: Axes, rows: pd.DataFrame, where: str) -> None:
    """What is left of a loss in the accepted share, a line a way to fill the queue."""
    axes.axhline(100, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label="random")
    for ranking, (label, colour, line) in SHOWN.items():
        one = rows[rows["ranking"] == ranking].sort_values("queued")
        shares, left = 100 * (1 - one["queued"]), 100 * one[where]
        axes.plot([100, *shares], [100, *left], color=colour, linestyle=line, label=label)
    for share in (50, 80):
        axes.axvline(share, color=MUTED, linewidth=0.8, alpha=0.5)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
