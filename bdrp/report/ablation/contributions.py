"""What does each component of the model contribute, with which uncertainty, and is it more than nothing?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BAND, BLUE, INK, MUTED, VERMILION, legend_below, nominal_line, short
from bdrp.report.words import by, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Final = {"contributes": BLUE, "harms": VERMILION, "none": MUTED}
LEGEND: Final = {"contributes": "contributes", "harms": "does better without", "none": "no contribution shown"}
FAR, OTHERS = 2.0, 0.8  # chosen: what is twice as large as four fifths of all is written at the edge, to show the rest
READING: Final = (
    "Each row takes one component away; the dot is by how much {label} then rises, the bar its 95 % interval with cell "
    "lines and drugs resampled. To the right of 0 the component helps. A bar that touches 0, or lies within the "
    "band of what counts as practically equal, is grey: no contribution is shown, though there may be a small one. An "
    "arrow with a number lies beyond the axis."
)


def kind_of(conclusion: object) -> str:
    """What a row of a table of contributions concludes, in one word: "contributes", "harms" or "none"."""
    word = str(conclusion).split(" ")[0]
    return {"better": "harms", "worse": "contributes"}.get(word, word)


def plot(table: pd.DataFrame, metric: str, label: str, unit: str, titles: Mapping[str, str]) -> Plot:
    """One metric's contributions: a panel a split, a row a component.

    Args:
        table: rows of `Contributions.table` about components.
        metric: which of its metrics.
        label: the metric's name.
        unit: of the metric; "" if it has none.
        titles: of the components, by name.
    """
    mine = table[table["figure"] == metric]
    require_rows(f"contributions-{metric}", mine)
    components = [name for name in titles if name in set(mine["part"])]
    axis = f"rise of {label} without the component" + (f", {unit}" if unit else "")
    named = {name: short(titles[name], 30) for name in components}
    return Plot(
        f"contributions-{metric}",
        _claim(mine, label, titles),
        READING.format(label=label),
        lambda figure: draw(figure, mine, named, axis),
        height_in=1.0 + mine["split"].nunique() * (0.45 + 0.25 * len(components)),
    )


def draw(figure: Figure, rows: pd.DataFrame, named: Mapping[str, str], axis: str) -> None:
    """A panel a split, a row a component, all on one axis; `named` says in which order and how they are written."""
    splits, components, limit = list(dict.fromkeys(rows["split"])), list(named), _limit(rows)
    panels = figure.subplots(len(splits), 1, sharex=True, squeeze=False)[:, 0]
    for axes, split in zip(panels, splits, strict=True):
        _panel(axes, rows[rows["split"] == split], components, limit)
        axes.set_yticks(range(len(components)), list(named.values()))
        axes.set_title(by(split), loc="left", fontsize=9.5, color=INK)
    panels[-1].set_xlabel(axis)
    _legend(panels[0])


def _panel(axes: Axes, rows: pd.DataFrame, components: list[str], limit: float) -> None:
    half = _negligible(rows)
    axes.axvspan(-half, half, color=BAND, zorder=0)
    nominal_line(axes, x=0.0)
    for row in rows.itertuples():
        at, colour = components.index(str(row.part)), COLOURS[kind_of(row.said)]
        value = float(row.contribution)
        if abs(value) > limit:
            side = np.sign(value)
            axes.plot([side * limit], [at], ">" if side > 0 else "<", color=colour, markersize=7)
            align = "right" if side > 0 else "left"
            axes.text(side * 0.95 * limit, at, number(value, 2), ha=align, va="center", fontsize=8.5, color=INK)
            continue
        ends = np.clip([row.lower, row.upper], -limit, limit)
        axes.plot(ends, [at, at], color=colour, linewidth=2.4)
        axes.plot([value], [at], "o", color=colour, markersize=6)
    axes.set_xlim(-1.05 * limit, 1.05 * limit)
    axes.set_ylim(len(components) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _legend(axes: Axes) -> None:
    for kind, label in LEGEND.items():
        axes.plot([], [], "o-", color=COLOURS[kind], label=label)
    legend_below(axes)


def _limit(rows: pd.DataFrame) -> float:
    """The end of the axis: what lies far beyond the others has no say in it."""
    sizes = rows["contribution"].abs()
    near = rows[sizes <= FAR * max(float(sizes.quantile(OTHERS)), _negligible(rows))]
    ends = near[["contribution", "lower", "upper"]].abs().to_numpy(float)
    return 1.1 * max(2 * _negligible(rows), float(np.nanmax(ends, initial=0.0)))


def _negligible(rows: pd.DataFrame) -> float:
    """Half the width of the band of what is practically equal."""
    from bdrp.evaluation.significance.metrics import find_metric as metric_of

    direction = metric_of(str(rows["figure"].iloc[0])).direction
    return direction.negligible * (float(rows["against_value"].abs().mean()) if direction.relative else 1.0)


def _claim(rows: pd.DataFrame, label: str, titles: Mapping[str, str]) -> str:
    """The greatest contribution of each split, and how many components show none."""
    claims = []
    for split, mine in rows.groupby("split", sort=False):
        first = mine.iloc[int(mine["contribution"].argmax())]
        none = int((mine["said"].map(kind_of) == "none").sum())
        most = f"{short(titles[str(first['part'])], 30)} ({number(float(first['contribution']), 2)})"
        claims.append(f"{by(split)} {most}, and {none} of {len(mine)} components show none")
    return f"{label}, greatest contribution: {'; '.join(claims)}."
