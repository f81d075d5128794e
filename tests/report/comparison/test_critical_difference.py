from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from bdrp.evaluation.significance import CriticalDifference, critical_difference
from bdrp.report.comparison.critical_difference import plot
from bdrp.report.figures.style import BLUE, INK, VERMILION, looks
from bdrp.report.figures.svg import render

LOOKS = looks("abcdefgh")


@pytest.fixture
def make_result():
    """Mean ranks of methods a, b, ... whose RMSEs on 12 folds are shifted as given."""

    def make(*shifts, **labels):
        matrix = np.random.default_rng(0).normal(size=(12, len(shifts))) + shifts
        wide = pd.DataFrame(matrix, columns=list("abcdefgh")[: len(shifts)])
        wide.index.name = "fold"
        values = wide.reset_index().melt(id_vars="fold", var_name="method")
        return critical_difference(values.assign(**{"figure": "rmse", **labels}))[0]

    return make


def ranked(distance, **ranks):
    """A critical difference by hand."""
    table = pd.DataFrame({"method": list(ranks), "mean_rank": list(ranks.values()), "value": 0.0})
    return CriticalDifference("rmse", "", table, pd.DataFrame(), distance, 12, 0.95)


def test_a_method_is_a_dot_at_its_mean_rank_in_its_own_colour(drawn):
    seen = drawn(plot(ranked(0.5, b=1.25, a=1.75, c=3.0), LOOKS))
    assert seen.names() == {0: "b", 1: "a", 2: "c"}
    assert seen.lines(VERMILION) == [[(1.25, 0)]]
    assert seen.lines(BLUE) == [[(1.75, 1)]]
    assert seen.texts()[1:] == ["1.25", "1.75", "3.00"]
    assert list(seen.names(axis="x")) == [1, 2, 3]
    assert seen.panels[0].get_xlabel() == "mean rank over 12 folds (left is better)"
    assert seen.outside() == []


def test_a_bar_joins_those_that_are_not_told_apart_and_the_difference_has_its_length(drawn):
    seen = drawn(plot(ranked(0.5, d=1.25, a=1.75, b=3.0), LOOKS))
    (start, end), difference = seen.lines(INK)
    assert (start[1], end[1]) == pytest.approx((-0.2, 1.2))  # rows 0 and 1
    assert start[0] == end[0] > 3
    assert difference == [(1, -0.95), (1.5, -0.95)]
    assert seen.texts()[0] == "critical difference 0.50"
    assert seen.legend == {"not told apart": seen.rgba(INK)}


def test_overlapping_groups_have_bars_apart_and_one_entry_in_the_legend(drawn):
    seen = drawn(plot(ranked(1.0, d=1.0, a=1.8, b=2.6), LOOKS))
    bars = seen.lines(INK)[:2]
    assert [(bar[0][1], bar[1][1]) for bar in bars] == [(-0.2, 1.2), (0.8, 2.2)]
    assert bars[1][0][0] > bars[0][0][0]
    assert list(seen.legend) == ["not told apart"]
    assert seen.outside() == []


def test_a_difference_longer_than_all_ranks_is_in_view(drawn):
    assert drawn(plot(ranked(4.0, d=1.0, a=2.0, b=3.0), LOOKS)).outside() == []


def test_a_clear_winner_is_called_one_and_nothing_is_joined(drawn, make_result):
    plotted = plot(make_result(0.0, 50.0, 100.0), LOOKS, "drug")
    assert "over 12 drugs: mean rank 1.00, told apart from all 2 others" in plotted.claim
    seen = drawn(plotted)
    assert len(seen.lines(INK)) == 1 and seen.legend == {}  # the critical difference alone


def test_the_claim_says_who_is_best_and_how_many_are_not_told_apart(make_result):
    result = make_result(0.0, 0.1, 50.0, split="cell_line")
    seen = plot(result, LOOKS)
    assert re.match(r"[ab] ranks best by RMSE over 12 folds, split by cell line: mean rank 1\.\d+", seen.claim)
    assert "not told apart from 1 of 2 others" in seen.claim
    assert f"{result.distance:.2f}" in seen.reading


def test_the_same_ranks_give_the_same_figure_and_names_stay_text(make_result):
    result = make_result(0.0, 1.0, 2.0)
    assert render(plot(result, LOOKS)) == render(plot(result, LOOKS))
    result.ranks["method"] = ["<b>&", "x", "y"]
    svg = render(plot(result, looks(["<b>&", "x", "y"])))
    assert "<b>" not in svg and "&lt;b&gt;&amp;</text>" in svg
