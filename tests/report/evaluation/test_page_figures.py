"""The figures of the calibration report, drawn from scores: what holds for each of them, and which are left out."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

from bdrp.report.evaluation import topics
from bdrp.report.evaluation.page_figures import UNKNOWN_UNIT, PageFigures

ALWAYS = (
    *("reliability", "coverage", "pit-histogram", "pit-ecdf", "predicted-observed", "sharpness", "error-sd"),
    *("risk-coverage", "groups-drug", "groups-tissue", "groups-cell-line"),
)
MORE = (
    *("recalibration", "levels-drug", "levels-tissue", "levels-cell-line", "censored", "right-censored", "noise"),
    "predicted-rank",
)
OF_TRAINING_ROWS = ("k-hat", "loo-pit", "replicated", "replicated-statistics")
IN_THE_UNIT = {
    *("coverage", "predicted-observed", "sharpness", "error-sd", "risk-coverage", "censored", "noise"),
    *(f"{kind}-{group}" for kind in ("groups", "levels") for group in ("drug", "tissue", "cell-line")),
    *("replicated", "predicted-rank"),
}


def plots_of(case, checked=None):
    figures = PageFigures(case.scores, case.pred, case.observed["response"].to_numpy(float), case.before)
    groups = [plot for what in ("drug", "tissue", "cell line") for plot in figures.groups(what)]
    shown = [*figures.calibration(), *groups, *figures.accuracy(), *figures.ranking(), *figures.right_censored()]
    shown += [*figures.censored(), *(figures.posterior(checked) if checked else ())]
    shown += [plot for each in topics.sections(case.scores, figures.metrics, figures.unit) for plot in each.figures]
    return {plot.name: plot for plot in shown}


@pytest.fixture(scope="module")
def plots(case, checked):
    return plots_of(case, checked)


def test_every_figure_is_there(plots):
    assert sorted(plots) == sorted((*ALWAYS, *MORE, *OF_TRAINING_ROWS))


@pytest.mark.parametrize("name", (*ALWAYS, *MORE, *OF_TRAINING_ROWS))
def test_a_figure_shows_all_its_data_under_labels_and_a_legend_that_is_true(plots, drawn, name):
    plot = plots[name]
    seen = drawn(plot)
    assert seen.outside() == []
    assert seen.legend == {label: seen.labelled[label] for label in seen.legend}
    assert not seen.legend or set(seen.legend) == set(seen.labelled)
    assert all(axes.get_xlabel() or axes.get_ylabel() for axes in seen.panels if axes.get_label() != "<colorbar>")
    labels = [text for axes in seen.panels for text in (axes.get_xlabel(), axes.get_ylabel())]
    assert any("ln(µM)" in label for label in labels) == (name in IN_THE_UNIT)
    assert not {"nan", "none", "inf"} & set(re.findall(r"[a-z]+", " ".join(seen.words).lower()))


@pytest.mark.parametrize("name", (*ALWAYS, *MORE, *OF_TRAINING_ROWS))
def test_a_figure_states_its_claim_in_numbers_and_says_how_to_read_it(plots, name):
    assert re.search(r"\d", plots[name].claim) and plots[name].claim.endswith((".", ")."))
    assert plots[name].reading.endswith(".") and len(plots[name].reading) > 100


SHAPES = {
    "five pairs": {"pairs": 5, "drugs": 2, "tissues": 1},
    "one pair": {"pairs": 1, "drugs": 1, "tissues": 1},
    "one drug, no limits": {"drugs": 1, "tissues": 1, "limits": False, "recalibrated": False},
    "far too narrow": {"stretch": 4.0, "tissues": 2, "recalibrated": False},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_unusual_scores_are_drawn_whole(make_case, drawn, shape):
    plots = plots_of(make_case(**shape))
    assert set(ALWAYS) <= set(plots)
    for name, plot in plots.items():
        seen = drawn(plot)
        assert seen.outside() == [], name
        assert not {"nan", "none", "inf"} & set(re.findall(r"[a-z]+", " ".join(seen.words).lower())), name


def test_what_the_pairs_cannot_fill_is_left_out(make_case):
    bare = set(plots_of(make_case(drugs=1, tissues=1, limits=False, recalibrated=False)))
    assert bare == {*ALWAYS, "levels-cell-line", "predicted-rank"}


def test_a_prediction_without_a_unit_says_so_on_the_axes(case):
    unknown = SimpleNamespace(unit="")
    assert PageFigures(case.scores, case.pred, np.zeros(1)).unit == "ln(µM)"
    assert PageFigures(case.scores, unknown, np.zeros(1)).unit == UNKNOWN_UNIT == "unit unknown"
