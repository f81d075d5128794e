"""Draw docs/images/calibration.png from a model's held-out part: `python docs/calibration_figure.py demo/model`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from bdrp import TrainedModel, evaluation
from bdrp.evaluation import Scores

TARGET = Path(__file__).with_name("images") / "calibration.png"
INK, FAINT, BLUE, ORANGE = "#1c2530", "#8a96a3", "#0b5cad", "#c8501e"
STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": FAINT}


def main(model: Path) -> None:
    trained = TrainedModel.load(model)
    with mpl.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), width_ratios=(1.75, 1), layout="constrained")
        one_drug(left, trained)
        reliability(right, evaluation.score(trained.held_out_predictions(), trained.held_out()))
        TARGET.parent.mkdir(exist_ok=True)
        figure.savefig(TARGET, dpi=160)
    print(TARGET)


def one_drug(axes: Axes, trained: TrainedModel) -> None:
    """Held-out lines of the drug with most of them: intervals, and what was then observed."""
    observed = trained.held_out()
    drug = observed["drug_id"].value_counts().index[0]
    rows = np.flatnonzero(observed["drug_id"] == drug)
    pred, measured = trained.held_out_predictions()[rows], observed.iloc[rows]
    order = np.argsort(pred.mean)
    at = np.arange(len(order))
    for level, width, alpha in ((0.9, 3.0, 0.3), (0.5, 5.0, 0.65)):
        low, high = pred.interval(level)[order].T
        axes.vlines(at, low, high, color=BLUE, alpha=alpha, linewidth=width, label=f"{100 * level:.0f} % interval")
    inside = np.abs(pred.cdf(measured["response"].to_numpy()) - 0.5) <= 0.45
    axes.plot(at, measured["response"].to_numpy()[order], "o", color=INK, markersize=3.5, label="observed afterwards")
    axes.set(xticks=[], ylabel=f"ln IC50, {pred.unit}")
    axes.set_xlabel(f"{len(order)} responses on cell lines that the model never saw, by predicted mean")
    axes.set_title(
        f"{measured['drug_name'].iloc[0]}: {100 * inside.mean():.0f} % inside their 90 % interval",
        loc="left",
        fontsize=9.5,
    )
    axes.legend(frameon=False, loc="upper left", fontsize=8)


def reliability(axes: Axes, scores: Scores) -> None:
    """Empirical coverage against the nominal level, with the band of what is known about it."""
    curve = scores.tables["reliability"]
    axes.fill_between(curve["nominal"], curve["lower"], curve["upper"], color=BLUE, alpha=0.2, linewidth=0)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(curve["nominal"], curve["observed"], "o-", color=BLUE, markersize=2.8, linewidth=1.2)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="nominal level of the central interval")
    axes.set_ylabel("empirical coverage")
    axes.set_title(f"All {scores.to_dict()['n']['pairs']:,} held-out responses", loc="left", fontsize=9.5)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
