from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.report.evaluation.figures import levels
from bdrp.report.figures.style import BLUE, GREEN, INK

COVERAGE = {
    "50": {"coverage": 0.45, "width": 1.0},
    "80": {"coverage": 0.82, "width": 2.0},
    "90": {"coverage": 0.88, "width": 3.0},
    "95": {"coverage": 0.95, "width": 4.0},
}


def test_a_level_is_a_tick_at_the_nominal_and_a_dot_at_the_empirical_coverage(drawn):
    seen = drawn(levels.plot_overall(COVERAGE, "ln(µM)", 1234))
    np.testing.assert_allclose(np.array(seen.lines(BLUE))[:, 0], [[45, 0], [82, 1], [88, 2], [95, 3]])
    ticks = np.array(seen.lines(INK))
    np.testing.assert_allclose(ticks[:, :, 0], [[50, 50], [80, 80], [90, 90], [95, 95]])
    np.testing.assert_allclose(ticks.mean(axis=1)[:, 1], [0, 1, 2, 3])
    assert [text.replace("\u202f", " ") for text in seen.texts(0)] == ["45.0 %", "82.0 %", "88.0 %", "95.0 %"]
    np.testing.assert_allclose([text.xy[0] for text in seen.panels[0].texts], [45, 80, 88, 95])  # left of both
    assert seen.outside() == []


def test_widths_are_bars_beside_them_with_their_numbers(drawn):
    seen = drawn(levels.plot_overall(COVERAGE, "ln(µM)", 1234))
    np.testing.assert_allclose(seen.bars(1), [[0, at - 0.225, at + 1, 0.45] for at in range(4)])
    assert seen.texts(1) == ["1.00", "2.00", "3.00", "4.00"]
    assert seen.panels[1].get_xlabel() == "mean width, ln(µM)"
    assert list(seen.names().values()) == [f"{level}\u202f% intervals" for level in (50, 80, 90, 95)]
    assert seen.panels[1].patches[0].get_facecolor() == seen.rgba(GREEN)


@pytest.mark.parametrize("coverage", [0.0, 1.0])
def test_intervals_that_hold_nothing_or_everything_are_in_view(drawn, coverage):
    extreme = {level: {"coverage": coverage, "width": 1.0} for level in COVERAGE}
    assert drawn(levels.plot_overall(extreme, "ln(µM)", 3)).outside() == []


def test_the_claim_names_the_width_at_90_and_the_largest_miss():
    assert levels.plot_overall(COVERAGE, "ln(µM)", 1234).claim.replace("\u202f", " ") == (
        "90 % intervals hold 88.0 % of 1,234 responses and are 3.00 ln(µM) wide on average; the largest miss of the "
        "four levels is 5.0 percentage points."
    )


def groups(coverage, width):
    levelled = {f"coverage_{level}": coverage for level in (50, 80, 95)}
    return pd.DataFrame({**levelled, "coverage_90": coverage, **{f"width_{each}": width for each in (50, 80, 90, 95)}})


def test_a_group_is_a_dot_at_its_miss_under_the_middle_half_and_the_median(drawn):
    seen = drawn(levels.plot_groups(groups([0.8, 0.9, 1.0, 0.7, 0.9], [1.0, 2.0, 3.0, 4.0, 5.0]), "drug", "ln(µM)"))
    dots, nineties = seen.lines(BLUE), seen.lines(BLUE)[2]
    assert len(dots) == 4
    np.testing.assert_allclose([x for x, _ in nineties], [-20, -10, 0, 0, 10], atol=1e-9)
    assert all(abs(y - 2) <= 0.26 for _, y in nineties)
    np.testing.assert_allclose(seen.lines(INK)[2], [(-10, 2), (0, 2)], atol=1e-9)
    np.testing.assert_allclose(seen.lines("white")[2], [(0, 2)], atol=1e-9)
    np.testing.assert_allclose(seen.lines(INK, 1)[2], [(2, 2), (4, 2)])
    np.testing.assert_allclose(seen.lines("white", 1)[2], [(3, 2)])
    assert [len(row) for row in seen.lines(GREEN, 1)] == [5] * 4
    assert seen.across(0) == [("x", 0.0)]
    assert seen.outside() == []


def test_dots_of_one_value_do_not_hide_each_other(drawn):
    seen = drawn(levels.plot_groups(groups([0.9] * 6, [1.0] * 6), "drug", "ln(µM)"))
    heights = sorted(y for _, y in seen.lines(BLUE)[2])
    assert np.diff(heights).min() > 0.02


def test_groups_whose_coverage_is_not_known_are_left_out(drawn):
    seen = drawn(levels.plot_groups(groups([0.8, np.nan, 1.0], [1.0, np.nan, 2.0]), "tissue", "ln(µM)"))
    assert [len(row) for row in seen.lines(BLUE)] == [2] * 4
    nothing = drawn(levels.plot_groups(groups([np.nan, 0.9], [np.nan, 1.0]), "tissue", "ln(µM)"))
    assert [len(row) for row in nothing.lines(BLUE)] == [1] * 4
    assert seen.outside() == nothing.outside() == []


def test_what_groups_are_called_is_in_name_words_and_claim():
    plot = levels.plot_groups(groups([0.8, 0.9, 1.0, 0.7, 0.9], [1.0] * 5), "cell line", "ln(µM)")
    assert plot.name == "levels-cell-line"
    assert "Each dot is one cell line;" in plot.reading and "Cell lines with few pairs" in plot.reading
    assert plot.claim.replace("\u202f", " ") == (
        "For the middle half of 5 cell lines, 90 % intervals cover between 80 % and 90 %; the cell line covered least "
        "reaches 70 %."
    )
