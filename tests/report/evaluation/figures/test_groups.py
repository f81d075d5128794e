from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.report.evaluation.figures import groups
from bdrp.report.figures.style import BLUE, GREEN, VERMILION


def table(coverage, **columns):
    count, share = len(coverage), np.array(coverage, float)
    return pd.DataFrame(
        {
            "name": [f"G{i}" for i in range(count)],
            "n": np.arange(count) + 30,
            "cell_lines": np.arange(count) + 3,
            "coverage_90": share,
            "coverage_90_lower": share - 0.05,
            "coverage_90_upper": np.minimum(share + 0.05, 1),
            "p_holm": 1.0,
            "width_90": np.arange(count) + 1.0,
            **columns,
        }
    )


def test_a_row_is_a_group_the_least_covered_at_the_top(drawn):
    seen = drawn(groups.plot(table([0.9, 0.7, 0.8]), "drug", "ln(µM)"))
    assert seen.names() == {3: "G1 (31)", 2: "G2 (32)", 1: "G0 (30)"}
    np.testing.assert_allclose(seen.dots(BLUE), [(70, 3), (80, 2), (90, 1)])
    np.testing.assert_allclose(seen.ranges(BLUE), [[(65, 3), (75, 3)], [(75, 2), (85, 2)], [(85, 1), (95, 1)]])
    np.testing.assert_allclose(seen.bars(1), [[0, 2.75, 2, 0.5], [0, 1.75, 3, 0.5], [0, 0.75, 1, 0.5]])
    assert seen.across(0) == [("x", 90.0)]
    assert [axes.get_xlabel() for axes in seen.panels] == ["responses inside 90 % intervals (%)", "width, ln(µM)"]
    assert seen.outside() == []


def test_groups_that_chance_does_not_explain_are_orange_and_no_others(drawn):
    seen = drawn(groups.plot(table([0.7, 0.8, 0.9], p_holm=[0.04, 0.05, np.nan]), "drug", "ln(µM)"))
    np.testing.assert_allclose(seen.dots(VERMILION), [(70, 3)])
    np.testing.assert_allclose(seen.ranges(VERMILION), [[(65, 3), (75, 3)]])
    np.testing.assert_allclose(seen.dots(BLUE), [(80, 2), (90, 1)])
    assert "1 of 3 drugs differ" in groups.plot(table([0.7, 0.8, 0.9], p_holm=[0.04, 0.05, 1]), "drug", "x").claim


def test_tissues_are_counted_in_cell_lines_and_others_in_pairs(drawn):
    names = {what: drawn(groups.plot(table([0.9]), what, "x")).names()[1] for what in ("tissue", "drug", "cell line")}
    assert names == {"tissue": "G0 (3)", "drug": "G0 (30)", "cell line": "G0 (30)"}
    assert "in brackets the number of cell lines" in groups.plot(table([0.9]), "tissue", "x").reading
    assert "in brackets the number of pairs" in groups.plot(table([0.9]), "cell line", "x").reading


def test_of_many_groups_both_ends_are_drawn_and_a_gap_says_how_many_are_not(drawn):
    many = table(np.linspace(0.5, 1.0, 33))
    plot = groups.plot(many, "drug", "ln(µM)")
    seen = drawn(plot)
    assert list(seen.names().values()) == [f"G{i} ({i + 30})" for i in (*range(10), *range(23, 33))]
    assert list(seen.names()) == [*np.arange(21, 11, -1.0), *np.arange(10, 0, -1.0)]
    assert seen.texts(0) == ["13 more"] and seen.panels[0].texts[0].xy[1] == 11
    assert "10 drugs covered least and the 10 covered most of 33" in plot.reading
    assert "50\u202f% (G0) to 100\u202f% (G32)" in plot.claim
    assert seen.outside() == []


def test_as_many_as_have_room_are_all_drawn(drawn):
    seen = drawn(groups.plot(table(np.linspace(0.5, 1.0, 32)), "drug", "ln(µM)"))
    assert len(seen.names()) == 32 and seen.texts(0) == []


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_single_group_is_drawn_wherever_it_lies(drawn, share):
    one = table([share], coverage_90_lower=[max(share - 0.1, 0)], coverage_90_upper=[min(share + 0.1, 1)])
    plot = groups.plot(one, "cell line", "ln(µM)")
    assert drawn(plot).outside() == []
    assert plot.claim.startswith(f"The only cell line, G0: 90 % intervals cover {100 * share:.0f}")


def test_groups_alike_in_coverage_are_ordered_by_size_and_then_by_name(drawn):
    alike = table([0.9, 0.9, 0.9], n=[5, 9, 9], name=["a", "c", "b"])
    assert list(drawn(groups.plot(alike, "drug", "x")).names().values()) == ["b (9)", "c (9)", "a (5)"]


def test_an_interval_that_is_not_known_leaves_the_dot(drawn):
    unknown = table([0.9, 0.8], coverage_90_lower=[np.nan, np.nan], coverage_90_upper=[np.nan, np.nan])
    seen = drawn(groups.plot(unknown, "drug", "ln(µM)"))
    np.testing.assert_allclose(seen.dots(BLUE), [(80, 2), (90, 1)])
    assert not any(seen.ranges(BLUE)) and seen.outside() == []


def test_names_are_cut_and_stay_text(drawn, hostile_name):
    seen = drawn(groups.plot(table([0.9], name=[hostile_name]), "drug", "ln(µM)"))
    assert seen.names() == {1: "</title><script>alert('x'… (30)"}
    assert seen.panels[1].patches[0].get_facecolor() == seen.rgba(GREEN)
