"""Predictions of pairs as intervals, a row a pair, in the unit in which they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bdrp.predictive import Predictions, ReadableUnit
from bdrp.report.figures.style import BAND, BLUE, INK, log_axis, short
from bdrp.report.words import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(axes: Axes, predictions: Predictions, top: int, level: float) -> Axes:
    """The lowest medians with their central intervals over the doses that each drug was tested at, where known."""
    distribution, context = predictions.distribution, predictions.context
    unit = ReadableUnit(distribution.unit)
    median = distribution.quantile(np.array([0.5]))[:, 0]
    rows = np.argsort(median, kind="stable")[:top]
    low, high = unit.read(distribution[rows].interval(level)).T
    tested = context.iloc[rows][["lower_limit", "upper_limit"]].to_numpy(float) if unit.is_logarithm else None
    at = np.arange(len(rows), 0, -1)
    if tested is not None and np.isfinite(tested).any():
        bounds = unit.read(tested)
        axes.barh(at, bounds[:, 1] - bounds[:, 0], left=bounds[:, 0], height=0.7, color=BAND, label="tested doses")
    label = f"{percent(level, 0)} interval"
    axes.hlines(at, low, high, color=BLUE, linewidth=2.2, label=label)
    axes.plot(unit.read(median[rows]), at, "o", color=INK, markersize=4.5, label="median")
    axes.set_yticks(at, [short(name, 34) for name in _names(predictions, rows)], fontsize=8.5)
    if unit.is_logarithm:
        log_axis(axes)
    axes.set_xlabel(f"predicted response, {unit.name}")
    axes.grid(visible=False, axis="y")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.05 - 0.8 / (len(rows) + 2)), ncols=3)
    return axes


def _names(predictions: Predictions, rows: np.ndarray) -> list[str]:
    keys, context = predictions.distribution.keys.iloc[rows], predictions.context.iloc[rows]
    lines = context["line_name"].where(context["line_name"].ne(""), keys["cell_line_id"].to_numpy())
    return [f"{drug} on {line}" for drug, line in zip(context["drug_name"], lines, strict=True)]
