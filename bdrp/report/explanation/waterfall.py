"""From the mean of all responses to one prediction, a step a contribution, each with its posterior interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bdrp.explain import PairContributions
from bdrp.report.figures.axes import axes_or_new
from bdrp.report.figures.plot import Plot
from bdrp.report.figures.style import BLUE, INK, MUTED, VERMILION, short
from bdrp.report.words import number, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GENES: Final = 8  # chosen: what a figure can name
NORMAL_90: Final = 1.6448536269514722
COLUMNS: Final = ("step", "contribution", "sd")


def steps(found: PairContributions, pair: int, genes: int = GENES) -> pd.DataFrame:
    """The steps to the prediction of one pair: step, contribution, sd (NaN where it is not told); they sum to it.

    The features of largest contribution stand for themselves, slopes and network together, the others in one step.
    """
    terms, deviations = found.terms.iloc[pair], found.terms_sd.iloc[pair]
    named = found.genes(pair, genes)
    others = found.slopes[pair].sum() + found.network[pair].sum() - named["contribution"].sum()
    rows = [
        ("mean of all responses", terms["overall"], np.nan),
        ("level of the drug", terms["drug_structure"] + terms["drug_level"], deviations["drug_level"]),
        ("level of the line", terms["line_level"], deviations["line_level"]),
        ("network, at the mean line", found.at_mean_line[pair], np.nan),
        *named[["feature", "contribution", "slopes_sd"]].itertuples(index=False),
        (f"{len(found.features) - len(named):,} other features", others, np.nan),
        ("other drugs on the line", terms["factors"], deviations["factors"]),
        ("recalibration", terms["recalibration"], np.nan),
        ("measured since the fit", terms.get("measured", 0.0), np.nan),
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table[(table["contribution"] != 0) | (table.index == 0)].reset_index(drop=True)


def draw_waterfall(
    found: PairContributions, pair: int, unit: str = "response", axes: Axes | None = None, genes: int = GENES
) -> Axes:
    """The steps as bars from left to right and top to bottom, with 90 % posterior intervals; last the prediction.

    Args:
        found: contributions.
        pair: the position of the pair.
        unit: of the response.
        axes: to draw on; new ones if None.
        genes: how many are named.
    """
    table = steps(found, pair, genes)
    axes = axes_or_new(axes, 0.3 * (len(table) + 3))
    ends = table["contribution"].cumsum().to_numpy()
    starts = np.concatenate([[ends[0]], ends[:-1]])
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        colour = BLUE if end < start else VERMILION
        if row:
            axes.barh(row, end - start, left=start, color=colour, height=0.62, alpha=0.85)
        else:
            axes.plot([end], [row], marker="D", color=INK, markersize=5, linestyle="none")
        axes.plot([end, end], [row, row + 1], color=MUTED, linewidth=0.7)
        width = NORMAL_90 * table["sd"][row]
        if width > 0:
            axes.plot([end - width, end + width], [row, row], color=INK, linewidth=1.1, solid_capstyle="butt")
    mean, low, high = found.pairs.loc[pair, ["prediction", "q05", "q95"]].astype(float)
    last, reach = len(table), [[mean - low], [high - mean]]
    axes.errorbar([mean], [last], xerr=reach, fmt="D", color=INK, markersize=5, linewidth=1.4, capsize=3)
    labels = [*(short(step, 30) for step in table["step"]), "prediction, 90 % interval"]
    axes.set_yticks(range(last + 1), labels)
    axes.set_ylim(last + 0.6, -0.6)
    axes.use_sticky_edges = False  # a bar that ends at the edge would hide where it began
    axes.margins(x=0.05)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"predicted response ({unit})")
    return axes


def plot(found: PairContributions, pair: int, names: tuple[str, str], unit: str) -> Plot:
    """The figure as a page shows it; `names` are of the line and of the drug."""
    line, drug = names
    table = steps(found, pair)
    named = table["step"].isin(set(found.features["feature"]))
    first = table[named].iloc[0] if named.any() else None
    largest = (
        "" if first is None else f"; of the line's profile {first['step']} adds most ({signed(first['contribution'])})"
    )

    def draw(figure: Figure) -> None:
        draw_waterfall(found, pair, unit, figure.subplots())

    return Plot(
        f"waterfall-{pair}",
        f"{drug} on {line}: {number(found.pairs['prediction'][pair], 2)} {unit} predicted{largest}.",
        "Each bar is what one part of the model adds to the prediction, blue towards sensitive, vermilion towards "
        "resistant; the thin line is its 90 % posterior interval, where it has one. The bars sum to the prediction. "
        "Genes and tissue are what the drug's slopes and the network together make of the line's profile.",
        draw,
        0.27 * (len(table) + 4),
    )
