from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from bdrp.evaluation.significance import critical_difference
from bdrp.report.comparison.critical_difference import plot
from bdrp.report.figures.svg import render


@pytest.fixture
def make_result():
    """Mean ranks of methods a, b, ... whose RMSEs on 12 folds are shifted as told."""

    def make(*shifts, **labels):
        matrix = np.random.default_rng(0).normal(size=(12, len(shifts))) + shifts
        wide = pd.DataFrame(matrix, columns=list("abcdefgh")[: len(shifts)])
        wide.index.name = "fold"
        values = wide.reset_index().melt(id_vars="fold", var_name="method")
        return critical_difference(values.assign(**{"figure": "rmse", **labels}))[0]

    return make


def test_the_claim_says_who_is_best_and_how_many_are_not_told_apart(make_result):
    result = make_result(0.0, 0.1, 50.0, split="cell_line")
    seen = plot(result)
    assert re.match(r"[ab] ranks best by RMSE over 12 folds, split by cell line: mean rank 1\.\d+", seen.claim)
    assert "not told apart from 1 of 2 others" in seen.claim
    assert f"{result.distance:.2f}" in seen.reading


def test_a_clear_winner_is_called_one_and_nothing_is_joined(make_result):
    seen = plot(make_result(0.0, 50.0, 100.0), "drug")
    assert "over 12 drugs: mean rank 1.00, told apart from all 2 others" in seen.claim
    assert "not told apart</text>" not in render(seen)


def test_every_method_and_its_mean_rank_are_drawn(make_result):
    result = make_result(*np.arange(8.0))
    svg = render(plot(result))
    for row in result.ranks.itertuples():
        assert f">{row.method}</text>" in svg
        assert f">{row.mean_rank:.2f}</text>" in svg
    assert "not told apart</text>" in svg


def test_the_same_ranks_give_the_same_figure_and_names_stay_text(make_result):
    result = make_result(0.0, 1.0, 2.0)
    assert render(plot(result)) == render(plot(result))
    result.ranks["method"] = ["<b>&", "x", "y"]
    assert "<b>" not in render(plot(result))
