"""What holds for every figure: one style, a title, a name, and a refusal where there is nothing to draw."""

from __future__ import annotations

import inspect

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from bdrp.errors import DataError
from bdrp.evaluation.significance import CriticalDifference
from bdrp.report.ablation import contributions
from bdrp.report.comparison import by_method, critical_difference
from bdrp.report.evaluation.figures import (
    error_sd,
    groups,
    levels,
    pit,
    posterior,
    predicted,
    reliability,
    right_censored,
    risk,
    sharpness,
)
from bdrp.report.figures.plot import Plot
from bdrp.report.figures.style import GRID, INK
from bdrp.report.transferability import figures


def line(figure):
    figure.subplots().plot([0, 1], [0, 1], label="line")


def test_a_notebook_shows_a_figure_with_how_to_read_it():
    shown = Plot("a-line", "It rises.", "Left < right.", line)._repr_html_()
    assert shown.startswith("<figure") and "<svg" in shown and "<figcaption>Left &lt; right.</figcaption>" in shown


def test_a_figure_is_drawn_under_its_claim_in_the_style_of_all():
    figure = Plot("a-line", "It rises from 0 to 1.", "", line).figure()
    (axes,) = figure.axes
    assert figure.get_suptitle() == "It rises from 0 to 1."
    assert axes.xaxis.get_gridlines()[0].get_color() == GRID
    assert axes.title.get_color() == axes.xaxis.label.get_color() == INK
    assert not axes.spines["top"].get_visible() and not axes.spines["right"].get_visible()


def test_a_long_claim_takes_lines_of_its_own_and_none_from_the_panels():
    short, long = (Plot("a", "word " * many, "", line, height_in=3.0).figure() for many in (3, 40))
    assert short.get_suptitle().count("\n") == 0 and long.get_suptitle().count("\n") == 3
    assert long.get_figheight() - short.get_figheight() == pytest.approx(0.6)
    assert short.get_figwidth() == long.get_figwidth()


def test_a_hostile_claim_becomes_text_without_mathematics(hostile_name):
    plot = Plot("a", hostile_name, "", line)
    assert not any(ord(letter) < 32 for letter in plot.title)
    assert not plot.figure()._suptitle.get_parse_math()


def test_drawing_leaves_the_settings_of_others_alone():
    before = mpl.rcParams.copy()
    Plot("a", "It rises.", "", line).figure()
    assert mpl.rcParams.copy() == before  # a copy: whoever reads the backend from the settings themselves chooses one


def test_drawing_twice_draws_two_figures_of_the_same_data():
    plot = Plot("a", "It rises.", "", line)
    one, other = plot.figure(), plot.figure()
    assert one is not other
    np.testing.assert_array_equal(one.axes[0].lines[0].get_xydata(), other.axes[0].lines[0].get_xydata())


NONE, NO_PAIRS = pd.DataFrame({"figure": [], "labelled": []}), np.empty(0)
RANKS = CriticalDifference("rmse", "", pd.DataFrame(), pd.DataFrame(), 1.0, 1, 0.95)


@pytest.mark.parametrize(
    ("plot", "arguments"),
    [
        (reliability.plot, (NONE, 0)),
        (reliability.plot_change, (NONE, NONE)),
        (pit.plot_histogram, (NONE, NO_PAIRS)),
        (pit.plot_left_out, (NONE, NO_PAIRS)),
        (pit.plot_ecdf, (NONE, 0)),
        (groups.plot, (NONE, "drug", "x")),
        (levels.plot_groups, (NONE, "drug", "x")),
        (predicted.plot, (NO_PAIRS, NO_PAIRS)),
        (sharpness.plot, (NO_PAIRS, NO_PAIRS, NO_PAIRS, "x")),
        (error_sd.plot, (NONE,)),
        (risk.plot, (NONE, "x")),
        (right_censored.plot, (NONE, {})),
        (posterior.plot_k_hat, (NONE, 0.7)),
        (posterior.plot_replicated, (NONE, "x")),
        (posterior.plot_statistics, (NONE,)),
        (by_method.plot_metric, (NONE, "rmse", "RMSE", "x", {})),
        (by_method.plot_risk, (NONE, "pair", "x", {})),
        (critical_difference.plot, (RANKS, {})),
        (contributions.plot, (NONE, "rmse", "RMSE", "x", {})),
        (figures.plot_adaptation, (NONE, NONE, NONE, "far", "x")),
        (figures.plot_shift, (NONE, "far", "x")),
    ],
    ids=lambda value: f"{value.__module__.rsplit('.', 1)[1]}.{value.__name__}" if callable(value) else "",
)
def test_nothing_to_draw_is_refused_by_name(plot, arguments):
    more = {"r2": None, "per_drug": None, "ence": None, "by_chance": None, "unit": "x"}
    named = [name for name, of in inspect.signature(plot).parameters.items() if of.kind is of.KEYWORD_ONLY]
    with pytest.raises(DataError, match=r"nothing to draw in the figure .*: 0 rows"):
        plot(*arguments, **{name: more[name] for name in named})
