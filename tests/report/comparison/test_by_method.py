from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.report.comparison import by_method
from bdrp.report.figures.style import BLUE, GREEN, VERMILION, looks

LOOKS = looks(["ridge", "forest", "deep"])
INTERVALS = pd.DataFrame(
    [
        ("pair", "ridge", "rmse", 1.0, 0.9, 1.1),
        ("pair", "forest", "rmse", 1.2, 1.1, 1.3),
        ("drug", "ridge", "rmse", 3.0, 2.5, 3.5),
        ("drug", "forest", "rmse", 2.0, 1.5, 2.5),
        ("pair", "ridge", "coverage_90", 0.91, 0.88, 0.93),
        ("drug", "forest", "coverage_90", 0.7, 0.6, 0.8),
    ],
    columns=["split", "method", "figure", "value", "lower", "upper"],
)


def metric(table=INTERVALS, name="rmse", **more):
    return by_method.plot_metric(table, name, name.upper(), "ln(µM)", LOOKS, **more)


def test_a_panel_is_a_split_and_a_row_a_method_with_its_interval(drawn):
    seen = drawn(metric())
    assert [axes.get_title(loc="left") for axes in seen.panels] == ["by pair", "by drug"]
    assert seen.names(0) == seen.names(1) == {0: "ridge", 1: "forest"}
    assert [seen.lines(BLUE, panel) for panel in (0, 1)] == [
        [[(0.9, 0), (1.1, 0)], [(1.0, 0)]],
        [[(2.5, 0), (3.5, 0)], [(3.0, 0)]],
    ]
    assert [seen.lines(VERMILION, panel) for panel in (0, 1)] == [
        [[(1.1, 1), (1.3, 1)], [(1.2, 1)]],
        [[(1.5, 1), (2.5, 1)], [(2.0, 1)]],
    ]
    assert seen.panels[1].get_xlabel() == "RMSE, ln(µM)"
    assert seen.outside() == []


def test_errors_have_an_axis_a_split_and_coverage_one_with_its_line(drawn):
    errors, coverage = drawn(metric()), drawn(metric(name="coverage_90", nominal=0.9))
    assert errors.panels[0].get_xlim() != errors.panels[1].get_xlim()
    assert coverage.panels[0].get_xlim() == coverage.panels[1].get_xlim()
    assert [coverage.across(panel) for panel in (0, 1)] == [[("x", 90.0)]] * 2
    assert errors.across(0) == []
    np.testing.assert_allclose(coverage.lines(BLUE, 0)[1], [(91, 0)])
    np.testing.assert_allclose(coverage.lines(VERMILION, 1)[1], [(70, 1)])
    assert coverage.outside() == []


def test_the_first_method_is_at_the_top(drawn):
    bottom, top = drawn(metric()).panels[0].get_ylim()
    assert bottom > 1 > 0 > top


def test_a_method_keeps_its_colour_where_another_has_no_figure(drawn):
    without = INTERVALS[INTERVALS["method"] != "ridge"]
    assert drawn(metric(without)).lines(VERMILION, 0)[1] == [(1.2, 0)]
    curves = pd.DataFrame({"method": ["forest", "deep"], "kept": 0.1, "rmse": [1.0, 2.0]})
    legend = drawn(by_method.plot_risk(curves, "pair", "x", LOOKS)).legend
    assert legend == {"forest": drawn.rgba(VERMILION), "deep": drawn.rgba(GREEN)}


def test_an_interval_that_is_not_known_leaves_the_dot(drawn):
    seen = drawn(metric(INTERVALS.assign(lower=np.nan, upper=np.nan)))
    assert seen.lines(BLUE, 0)[1] == [(1.0, 0)]
    assert seen.outside() == []


def test_the_claim_gives_the_extremes_of_each_split():
    assert metric().claim == "RMSE over the methods: 1.00 to 1.20 by pair; 2.00 to 3.00 by drug."
    covered = metric(name="coverage_90", nominal=0.9).claim.replace("\u202f", " ")
    assert covered == "COVERAGE_90 over the methods: 91.0 % to 91.0 % by pair; 70.0 % to 70.0 % by drug."


CURVES = pd.DataFrame(
    {
        "method": ["ridge"] * 2 + ["forest"] * 2,
        "kept": [0.1, 1.0] * 2,
        "rmse": [0.8, 1.0, 0.7, 1.3],
    }
)


def test_risk_is_a_line_a_method_in_its_colour(drawn):
    seen = drawn(by_method.plot_risk(CURVES, "cell_line", "ln(µM)", LOOKS))
    np.testing.assert_allclose(seen.line("ridge"), [[10, 0.8], [100, 1.0]])
    np.testing.assert_allclose(seen.line("forest"), [[10, 0.7], [100, 1.3]])
    assert seen.legend == {"ridge": seen.rgba(BLUE), "forest": seen.rgba(VERMILION)}
    (axes,) = seen.panels
    assert axes.get_xlim() == (0, 100) and axes.get_ylim()[0] == 0
    assert axes.get_ylabel() == "RMSE of the pairs retained, ln(µM)"
    assert seen.outside() == []


def test_the_claim_of_risk_names_whose_surest_tenth_is_best():
    plot = by_method.plot_risk(CURVES, "cell_line", "ln(µM)", LOOKS)
    assert plot.claim == "Split by cell line: the surest tenth has the smallest RMSE with forest, 0.70 ln(µM)."
    assert plot.name == "risk-cell-line"


def test_twenty_four_methods_look_different():
    known = looks(map(str, range(24)))
    assert len({(look.colour, look.line) for look in known.values()}) == 24


@pytest.mark.parametrize("name", ["two\nlines", "a" * 40])
def test_names_are_cut_and_stay_on_one_line(drawn, name):
    table = INTERVALS.replace({"method": {"ridge": name}})
    seen = drawn(by_method.plot_metric(table, "rmse", "RMSE", "", looks([name, "forest"])))
    assert "\n" not in seen.names()[0] and len(seen.names()[0]) <= 26
    assert seen.panels[1].get_xlabel() == "RMSE"


def test_hostile_names_stay_text(drawn, hostile_name):
    curves = CURVES.replace({"method": {"ridge": hostile_name}})
    plot = by_method.plot_risk(curves, "pair", "ln(µM)", looks([hostile_name, "forest"]))
    assert list(drawn(plot).legend) == ["</title><script>alert('x'…", "forest"]
