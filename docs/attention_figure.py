"""Draw docs/images/attention.png from the tables of a benchmark: `python docs/attention_figure.py attention`.

The folder is that of `python tests/benchmarks/attention_designs.py --out attention --root data --gene-sets h.all.gmt`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

TARGET = Path(__file__).with_name("images") / "attention.png"
INK, FAINT, BLUE, ORANGE = "#1c2530", "#8a96a3", "#0b5cad", "#c8501e"
STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": FAINT}
SLOPES = "product alone; slopes read"
LABELS = {SLOPES: "slopes themselves (default)"}


def main(tables: Path) -> None:
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(1, 3, figsize=(12.5, 3.8), width_ratios=(1, 1.1, 1), layout="constrained")
        correlation(axes[0], pd.read_csv(tables / "correlation.csv"))
        recovery(axes[1], pd.read_csv(tables / "designs.csv"))
        deletion(axes[2], pd.read_csv(tables / "deletion.csv", index_col=0))
        TARGET.parent.mkdir(exist_ok=True)
        figure.savefig(TARGET, dpi=160)
    print(TARGET)


def correlation(axes: Axes, pairs: pd.DataFrame) -> None:
    """How alike the gene weights of two drugs are."""
    bins = np.linspace(0, 1, 51)
    for name, color in (("softmax", ORANGE), ("slopes", BLUE)):
        label = (
            f"{name}: mean {pairs[name].mean():.5f}" if name == "softmax" else f"{name}: mean {pairs[name].mean():.2f}"
        )
        axes.hist(pairs[name], bins, weights=np.full(len(pairs), 1 / len(pairs)), color=color, alpha=0.8, label=label)
    axes.set(xlabel="rank correlation of the gene weights of two drugs", ylabel="share of pairs of drugs")
    axes.set_title("GDSC2: softmax attention is one ranking for all drugs", loc="left", fontsize=9.5)
    axes.legend(frameon=False, loc="upper left", fontsize=8)


def recovery(axes: Axes, designs: pd.DataFrame) -> None:
    """AUROC of causal genes by design, a dot a seed."""
    order = designs.groupby("design")["AUROC"].mean().sort_values().index
    for at, name in enumerate(order):
        values = designs.loc[designs["design"] == name, "AUROC"]
        color = BLUE if name == SLOPES else FAINT if name.startswith("slopes") else ORANGE
        axes.plot(values, np.full(len(values), at), "o", color=color, markersize=4)
    axes.axvline(0.5, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(order)), [LABELS.get(name, name) for name in order], fontsize=8)
    axes.set(xlim=(0.4, 1.0), xlabel="AUROC of causal genes (0.5: chance)")
    axes.set_title("Simulated: only slopes find causal genes", loc="left", fontsize=9.5)


def deletion(axes: Axes, moved: pd.DataFrame) -> None:
    """How far a prediction moves when a drug's top genes are set to their mean."""
    for name, color, style in (("slopes", BLUE, "o-"), ("softmax", ORANGE, "o-"), ("random", INK, "o--")):
        axes.plot(moved.index, moved[name], style, color=color, markersize=3.5, label=name)
    axes.set(
        xscale="log", xlabel="genes of largest weight set to their mean", ylabel="change of prediction, ln(µM), RMS"
    )
    axes.set_xticks(moved.index, [f"{count:,}" for count in moved.index])
    axes.minorticks_off()
    axes.set_title("GDSC2: what is deleted matters by its slope", loc="left", fontsize=9.5)
    axes.legend(frameon=False, loc="upper left", fontsize=8)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
