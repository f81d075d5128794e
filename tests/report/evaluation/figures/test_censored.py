from __future__ import annotations

import pytest

from bdrp.report.evaluation.figures import censored
from bdrp.report.figures.style import BLUE, GREEN, INK, MUTED

METRICS = {
    "extrapolated": {"n": 3000, "coverage_90": 0.95, "width_90": 4.0, "rmse": 2.0},
    "observed": {"n": 1000, "coverage_90": 0.85, "width_90": 3.0, "rmse": 0.5},
}


def test_a_bar_is_as_long_as_its_metric_censored_below_uncensored(drawn):
    seen = drawn(censored.plot(METRICS, "ln(µM)"))
    for panel, values in enumerate([(95, 85), (4, 3), (2, 0.5)]):
        assert seen.bars(panel).tolist() == [[0, -0.25, values[0], 0.5], [0, 0.75, values[1], 0.5]]
    assert seen.names() == {0: "censored\n3,000 pairs", 1: "uncensored\n1,000 pairs"}
    assert [axes.patches[0].get_facecolor() for axes in seen.panels] == [*map(seen.rgba, (BLUE, GREEN, MUTED))]
    assert seen.across(0) == [("x", 90.0)] and seen.across(1) == seen.across(2) == []
    assert seen.outside() == []


def test_bars_are_labelled_with_their_numbers_and_axes_with_their_units(drawn):
    seen = drawn(censored.plot(METRICS, "ln(µM)"))
    assert [seen.texts(panel) for panel in range(3)] == [["95.0", "85.0"], ["4.00", "3.00"], ["2.00", "0.50"]]
    assert [axes.get_xlabel() for axes in seen.panels] == [
        "inside 90 %\nintervals (%)",
        "mean width,\nln(µM)",
        "RMSE,\nln(µM)",
    ]
    short, long = seen.panels[2].texts[1], seen.panels[2].texts[0]
    assert (short.xy, short.get_color()) == ((0.5, 1), INK)  # a quarter of the longest: beside its bar
    assert (long.xy, long.get_color()) == ((0.0, 0), "white")


@pytest.mark.parametrize("coverage", [0.0, 0.3, 0.75, 1.0])
def test_the_nominal_level_is_in_view_however_low_the_coverage(drawn, coverage):
    low = {kind: {**row, "coverage_90": coverage} for kind, row in METRICS.items()}
    assert drawn(censored.plot(low, "ln(µM)")).outside() == []


def test_the_claim_says_how_many_are_censored_and_what_that_changes():
    assert censored.plot(METRICS, "ln(µM)").claim.replace("\u202f", " ") == (
        "75 % of responses are censored. There, 90 % intervals cover 95.0 % and the RMSE is 2.00 ln(µM); on "
        "uncensored ones 85.0 % and 0.50."
    )
