"""What do labelled pairs of a target screen change: coverage, width and error, by what was seen in training?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, VERMILION, legend_below, nominal_line
from bdrp.report.transferability.targets import NAMES, SOURCE_MEASUREMENT, SOURCE_SCREEN
from bdrp.report.words import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Final = {
    "raw": INK,
    "other laboratory": PURPLE,
    "recalibrated": BLUE,
    "shrunken drug offsets": ORANGE,
    "posterior as prior": VERMILION,
}
UNLABELLED: Final = ("raw", "other laboratory")  # that know no response of the target
COLUMNS: Final = {"coverage_90": "90 % intervals cover (%)", "width_90": "their width", "rmse": "RMSE"}
BINS: Final = {
    "line distance": ("trained line", "new, nearer half", "new, 50 to 90 %", "new, farthest 10 %"),
    "drug similarity": ("trained compound", "0.5 to 1", "0.3 to 0.5", "below 0.3"),
}
ASIDE: Final = {
    "raw": 0.0,
    "other laboratory": 0.05,
    "recalibrated": -0.07,
    "shrunken drug offsets": 0.0,
    "posterior as prior": 0.07,
}
_READING: Final = (
    "A row is a class of pairs by what of them was in training; from left to right, more pairs of the target were "
    "labelled. Other laboratory: no pair labelled, but intervals carry what laboratories differ by, which is where "
    "the posterior as prior starts. Bars are 95 % intervals with cell lines resampled, or drugs where those were not "
    "in training, thin lines the range of single draws of labelled pairs. Dashed: the nominal level of 90 % intervals. "
    "Dotted: the same model on held-out pairs of its source screen. Green: the source screen's own measurement as a "
    "prediction, on the pairs that both measured."
)
_SHIFT: Final = (
    "Pairs by how far their cell line lies from the trained ones (share of trained lines that have a nearer neighbour) "
    "and by their drug's largest Tanimoto similarity to a trained one; above, what 90 % intervals cover, below, how "
    "wide they are. Intervals that answer to the shift grow wider where pairs are farther, and keep their coverage. "
    "Bars are 95 % intervals with cell lines resampled, or drugs where those were not in training."
)


def plot_adaptation(
    scores: pd.DataFrame, source: pd.DataFrame, concordance: pd.DataFrame, target: str, unit: str
) -> Plot:
    """Coverage, width and RMSE against the number of labelled pairs, a row a class; of one target.

    Args:
        scores: seen, adaptation, labelled, figure, value, lower, upper, lowest, highest.
        source: the same of the source screen's held-out part; may be empty.
        concordance: seen, adaptation, rmse on pairs that both screens measured; may be empty.
        target: its name.
        unit: of width and RMSE.
    """
    require_rows(f"adaptation-{target}", scores)
    name, height = f"adaptation-{_plain(target)}", 1.3 + 1.0 * scores["seen"].nunique()
    return Plot(
        name,
        _claim(scores, target),
        _READING,
        lambda figure: draw_adaptation(figure, scores, source, concordance, unit),
        height_in=height,
    )


def draw_adaptation(
    figure: Figure, scores: pd.DataFrame, source: pd.DataFrame, concordance: pd.DataFrame, unit: str
) -> None:
    """A row a class, a column a metric; the tables as for `plot_adaptation`."""
    classes, counts = list(dict.fromkeys(scores["seen"])), sorted(scores["labelled"].unique())
    grid = figure.subplots(len(classes), len(COLUMNS), sharex=True, sharey="col", squeeze=False)
    for line, seen in zip(grid, classes, strict=True):
        for axes, name in zip(line, COLUMNS, strict=True):
            scale = 100 if name == "coverage_90" else 1
            _lines(axes, scores[(scores["seen"] == seen) & (scores["figure"] == name)], counts, scale)
            _level(axes, _source(source, seen, name), scale, MUTED, (0, (1, 1.5)), NAMES[SOURCE_SCREEN])
            if name == "coverage_90":
                nominal_line(axes, y=90)
            if name == "rmse":
                _level(axes, _measurement(concordance, seen), 1, GREEN, "-", NAMES[SOURCE_MEASUREMENT])
        line[0].set_ylabel(seen)
    for axes, (name, label) in zip(grid[0], COLUMNS.items(), strict=True):
        title = label if name == "coverage_90" else f"{label},\n{unit}"
        axes.set_title(title, loc="left", fontsize=8.5, color=INK)
    for axes in grid[-1]:
        axes.set_xticks(range(len(counts)), [f"{count:,}" for count in counts])
    grid[-1][1].set_xlabel("labelled pairs of the target")
    legend_below(*grid.flat)


def plot_shift(scores: pd.DataFrame, target: str, unit: str) -> Plot:
    """Coverage and width by bins of line distance and drug similarity, raw and with the most labelled pairs.

    Args:
        scores: kind, bin, adaptation, labelled, figure, value, lower, upper of one target.
        target: its name.
        unit: of the width.
    """
    require_rows(f"shift-{target}", scores)
    most = scores["labelled"].max()
    chosen = scores[(scores["labelled"] == most) | scores["adaptation"].isin(UNLABELLED)]
    name, claim = f"shift-{_plain(target)}", _shift_claim(chosen, target)
    return Plot(name, claim, _SHIFT, lambda figure: draw_shift(figure, chosen, unit), height_in=4.2)


def draw_shift(figure: Figure, chosen: pd.DataFrame, unit: str) -> None:
    """A column a kind of distance, coverage above width."""
    grid = figure.subplots(2, len(BINS), sharey="row", squeeze=False)
    for column, (kind, bins) in enumerate(BINS.items()):
        mine = chosen[chosen["kind"] == kind]
        there = [one for one in bins if one in set(mine["bin"])]
        for axes, name, scale in zip(grid[:, column], ("coverage_90", "width_90"), (100, 1), strict=True):
            _by_bin(axes, mine[mine["figure"] == name], there, scale)
        nominal_line(grid[0, column], y=90)
        grid[0, column].set_title(kind, loc="left", fontsize=9.5, color=INK)
        grid[0, column].set_xticks(range(len(there)), [])
        grid[1, column].set_xticks(range(len(there)), [_wrapped(name) for name in there], fontsize=7.5)
    grid[0, 0].set_ylabel("90 % intervals\ncover (%)")
    grid[1, 0].set_ylabel(f"mean width,\n{unit}")
    grid[1, 0].set_ylim(bottom=0)
    legend_below(*grid.flat)


def _lines(axes: Axes, table: pd.DataFrame, counts: list[int], scale: float) -> None:
    for name, colour in COLOURS.items():
        mine = table[table["adaptation"] == name].sort_values("labelled")
        if mine.empty:
            continue  # no legend of what is not there
        at = [counts.index(count) + ASIDE[name] for count in mine["labelled"]]
        axes.vlines(at, scale * mine["lower"], scale * mine["upper"], color=colour, linewidth=2.6, alpha=0.55)
        axes.vlines(at, scale * mine["lowest"], scale * mine["highest"], color=colour, linewidth=0.9)
        start = table[table["adaptation"] == _start(table, name)]
        axes.plot(
            [0.0] * len(start) + at,
            scale * pd.concat([start, mine])["value"],
            "o-",
            color=colour,
            markersize=3.6,
            label=name,
            zorder=3 if name == "raw" else 2,  # where the others' lines begin, the dot is raw's
        )


def _start(table: pd.DataFrame, name: str) -> str:
    """What a line begins at, of no labelled pair; nothing for what is that itself."""
    if name in UNLABELLED:
        return ""
    carried = name == "posterior as prior" and (table["adaptation"] == "other laboratory").any()
    return "other laboratory" if carried else "raw"


def _by_bin(axes: Axes, table: pd.DataFrame, bins: list[str], scale: float) -> None:
    for name, colour in COLOURS.items():
        mine = table[table["adaptation"] == name].set_index("bin").reindex(bins)
        if mine["value"].isna().all():
            continue
        at = [place + ASIDE[name] for place in range(len(bins))]
        axes.vlines(at, scale * mine["lower"], scale * mine["upper"], color=colour, linewidth=2.6, alpha=0.55)
        axes.plot(at, scale * mine["value"], "o-", color=colour, markersize=4, label=name)
    axes.set_xlim(-0.4, max(len(bins), 1) - 0.6)
    if not bins:
        axes.text(0.5, 0.5, "no pairs to show", transform=axes.transAxes, ha="center", va="center", color=MUTED)


def _level(axes: Axes, value: float | None, scale: float, colour: str, style: Any, label: str) -> None:
    if value is not None:
        axes.axhline(scale * value, color=colour, linestyle=style, linewidth=1.3, zorder=1, label=label)


def _source(source: pd.DataFrame, seen: str, name: str) -> float | None:
    if source.empty:
        return None
    found = source[(source["seen"] == seen) & (source["figure"] == name)]["value"]
    return None if found.empty else float(found.iloc[0])


def _measurement(concordance: pd.DataFrame, seen: str) -> float | None:
    if concordance.empty:
        return None
    found = concordance[(concordance["seen"] == seen) & (concordance["adaptation"] == SOURCE_MEASUREMENT)]["rmse"]
    return None if found.empty else float(found.iloc[0])


def _claim(scores: pd.DataFrame, target: str) -> str:
    most = int(scores["labelled"].max())
    covered = scores[scores["figure"] == "coverage_90"]
    claims = [f"{target}: 90 % intervals cover {_range(covered[covered['adaptation'] == 'raw'])} of responses raw"]
    other = covered[covered["adaptation"] == "other laboratory"]
    claims += [f"{_range(other)} as another laboratory's"] if len(other) else []
    last = covered[covered["labelled"] == most]
    if most > 0:
        parts = [f"{_range(mine)} {name}" for name, mine in last.groupby("adaptation", sort=False)]
        claims.append(f"with {most:,} labelled pairs {', '.join(parts)}")
    return "; ".join(claims) + ", over the classes."


def _shift_claim(chosen: pd.DataFrame, target: str) -> str:
    kind, bins = "drug similarity", BINS["drug similarity"]
    table = chosen[(chosen["kind"] == kind) & (chosen["figure"] == "width_90") & (chosen["adaptation"] == "raw")]
    widths = table.set_index("bin")["value"].reindex(bins).dropna()
    if len(widths) < 2:
        return f"{target}: all pairs are equally near in drugs."
    nearest = "trained ones" if widths.index[0] == bins[0] else "those most like them"
    return (
        f"{target}: raw 90 % intervals are {widths.iloc[-1] / widths.iloc[0]:.1f} times as wide for the drugs least "
        f"like trained ones as for {nearest}."
    )


def _range(table: pd.DataFrame) -> str:
    low, high = float(table["value"].min()), float(table["value"].max())
    return f"{percent(low, 0)} to {percent(high, 0)}"


def _wrapped(name: str) -> str:
    return name.replace(", ", ",\n").replace("trained ", "trained\n")


def _plain(name: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in name)
