"""Are the lines that one would choose for a drug predicted as well as the others?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from bdrp.report.figures.plot import Plot, require_rows
from bdrp.report.figures.style import BAND, BLUE, INDEPENDENT, INK, ORANGE, legend_below, nominal_line
from bdrp.report.html.parts import Definition, Section
from bdrp.report.html.table import Column, Table, columns_of
from bdrp.report.words import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DEFINITIONS: Final = (
    Definition("predicted_rank.drugs", "Drugs whose lines are ranked", "Drugs with at least 10 held-out pairs."),
    Definition(
        "predicted_rank.pairs",
        "Pairs predicted most sensitive",
        "The tenth of each drug's pairs with the lowest predicted mean; the metrics below are of these.",
    ),
    Definition(
        "predicted_rank.coverage_90",
        "90 % coverage, predicted most sensitive",
        "Share of their responses inside the 90 % interval; 90 % at every rank if calibrated. With its 95 % interval, "
        "cell lines and drugs resampled.",
    ),
    Definition(
        "predicted_rank.bias",
        "Bias, predicted most sensitive",
        "Mean of prediction less response. Below 0, lines that look sensitive disappoint; 0 at every rank if "
        "calibrated.",
        "The optimizer's curse, Smith and Winkler 2006, doi:10.1287/mnsc.1050.0451",
    ),
    Definition(
        "predicted_rank.width_90",
        "90 % width, predicted most sensitive",
        "Mean length of their 90 % intervals, in the unit of the response.",
    ),
    Definition(
        "predicted_rank.hit_rate",
        "Hit rate",
        "Share of them whose response is in the lowest tenth of the drug's. High is good; 10 % is chance.",
    ),
    Definition(
        "predicted_rank.hit_rate_if_calibrated",
        "Hit rate, if calibrated",
        "What that share would be on average if responses were drawn from the predicted distributions: noise alone "
        "keeps it below 100 %.",
    ),
)
_TITLE: Final = "Are the lines that one would choose predicted as well as the others?"
_WHY: Final = (
    "Who acts on predictions takes the lines that look most sensitive, and with them the errors that make them look "
    "so. Here the held-out lines of each drug are ranked by their predicted mean and cut into tenths."
)
_UNRANKED: Final = "Too few pairs of one drug were held out, or their predicted means do not differ."
_READING: Final = (
    "A column is a tenth of each drug's lines by predicted mean, the most sensitive left; the bars are 95 % intervals, "
    "cell lines and drugs resampled. Top: responses inside their 90 % intervals, on the dashed line at every rank if "
    "calibrated; all dots would stay in the grey band in 95 % of samples if pairs were independent too. Middle: "
    "predicted mean less response; below 0 on the left and above it on the right, predictions are too extreme, the "
    "other way about they are shrunken too much. Bottom: how many of a column were observed in the lowest tenth of "
    "their drug's responses, beside what calibrated predictions would find; chance finds 10 % (dashed)."
)


def section(metrics: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], unit: str) -> Section:
    """Coverage, bias and hits of the pairs predicted most sensitive, and by tenth of the predicted rank."""
    if not metrics["pairs"]:
        return Section("predicted-rank", _TITLE, (_UNRANKED,))
    by_rank = tables["by_predicted_rank"]
    drawn = (plot(by_rank, unit),)
    return Section("predicted-rank", _TITLE, (_WHY,), (_chosen(metrics, unit),), drawn, (_tenths(by_rank),))


def plot(table: pd.DataFrame, unit: str) -> Plot:
    """Coverage, bias and hits, a column a tenth of the predicted rank.

    Args:
        table: `by_predicted_rank` of the scores' tables; its first row is the tenth predicted most sensitive.
        unit: of the bias.
    """
    require_rows("predicted-rank", table)
    return Plot("predicted-rank", _claim(table.iloc[0], unit), _READING, lambda f: draw(f, table, unit), height_in=5.6)


def draw(figure: Figure, table: pd.DataFrame, unit: str) -> None:
    """A panel a metric, each with its interval at every tenth, over what calibration would make of it."""
    covered, bias, hits = figure.subplots(3, 1, sharex=True)
    at = table["tenth"]
    null = (100 * table[f"null_{end}"] for end in ("lower", "upper"))
    covered.fill_between(at, *null, color=BAND, label=INDEPENDENT)
    _points(covered, table, "coverage_90", 100.0)
    nominal_line(covered, y=90.0)
    covered.set_ylabel("responses inside\n90 % intervals (%)")
    _points(bias, table, "bias", 1.0)
    nominal_line(bias, y=0.0)
    bias.set_ylabel(f"prediction less\nresponse, {unit}")
    hits.plot(at, 100 * table["hit_rate_if_calibrated"], "x", color=ORANGE, markersize=6, label="hits if calibrated")
    _points(hits, table, "hit_rate", 100.0)
    nominal_line(hits, y=10.0)
    hits.set(
        ylim=(-2, 102),
        ylabel="observed in the\nlowest tenth (%)",
        xlabel="lines of each drug by predicted mean, in tenths",
    )
    hits.set_xticks(range(1, 11), ["most\nsensitive", *map(str, range(2, 10)), "most\nresistant"])
    legend_below(covered, hits, columns=2)


def _points(axes: Axes, table: pd.DataFrame, name: str, scale: float) -> None:
    low, high = (scale * table[f"{name}_{end}"] for end in ("lower", "upper"))
    axes.vlines(table["tenth"], low, high, color=BLUE, linewidth=2.2, alpha=0.45)
    axes.plot(table["tenth"], scale * table[name], "o", color=BLUE, markersize=5, label="this model (95 %)")
    axes.set_xlim(0.5, 10.5)
    axes.tick_params(axis="x", length=0, labelcolor=INK)


def _claim(first: pd.Series, unit: str) -> str:
    aside = "below" if first["bias"] > 0 else "above"
    return (
        f"Of {int(first['n']):,} pairs predicted most sensitive, a tenth of each drug's, 90 % intervals cover "
        f"{percent(first['coverage_90'])}; responses lie {number(abs(float(first['bias'])), 2)} {unit} {aside} the "
        f"predicted means, and {percent(first['hit_rate'], 0)} were observed in the lowest tenth, "
        f"{percent(first['hit_rate_if_calibrated'], 0)} if calibrated."
    )


def _chosen(metrics: Mapping[str, Any], unit: str) -> Table:
    keys = {definition.key.partition(".")[2]: definition.label for definition in DEFINITIONS}
    rows = tuple(
        (label, *(metrics.get(f"{key}{end}") for end in ("", "_lower", "_upper"))) for key, label in keys.items()
    )
    caption = f"Bias and width in {unit}; 95 % intervals, cell lines and drugs resampled."
    return Table("Pairs predicted most sensitive", columns_of("Metric", "This model", "from", "to"), rows, caption)


def _tenths(table: pd.DataFrame) -> Table:
    columns = {
        "tenth": Column("Tenth"),
        "n": Column("Pairs"),
        "coverage_90": Column("90 % coverage", "share"),
        "coverage_90_lower": Column("from", "share"),
        "coverage_90_upper": Column("to", "share"),
        "null_lower": Column("If calibrated, from", "share"),
        "null_upper": Column("to", "share"),
        "width_90": Column("90 % width"),
        "bias": Column("Bias"),
        "bias_lower": Column("from"),
        "bias_upper": Column("to"),
        "hit_rate": Column("Hit rate", "share"),
        "hit_rate_lower": Column("from", "share"),
        "hit_rate_upper": Column("to", "share"),
        "hit_rate_if_calibrated": Column("If calibrated", "share"),
    }
    caption = "Tenth 1 has the lowest predicted means of its drug."
    return Table.from_records("All metrics by predicted rank", columns, table.to_dict("records"), caption)
