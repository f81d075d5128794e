"""A bar lies on the tested doses and nowhere else; where it would go on, it says so."""

from __future__ import annotations

import math

import pytest

from bdrp.report.answers import ask_predictions
from bdrp.report.answers.axis import Axis


def bars(answer):
    axis = Axis.over(answer.pairs, answer.unit)
    return axis, {pair.drug_name: axis.draw(pair, True) for pair in answer.pairs.itertuples(index=False)}


def test_the_axis_runs_over_the_tested_doses_in_powers_of_ten(few):
    axis, drawn = bars(few)
    assert [label for _, label in axis.ticks] == ["0.01", "0.1", "1", "10"]
    assert axis.place(math.log(0.01)) == pytest.approx(0.04) and axis.place(math.log(10)) == pytest.approx(0.96)
    assert all(bar.tested == pytest.approx((0.04, 0.96)) for bar in drawn.values())


def test_an_interval_ends_where_doses_end(few):
    axis, drawn = bars(few)
    sure, beyond, edge = drawn["Sure"], drawn["Beyond"], drawn["Open"]
    assert not sure.before and not sure.beyond and sure.low < sure.middle < sure.high
    assert (beyond.low, beyond.high, beyond.middle) == (
        pytest.approx(0.96),
        pytest.approx(0.96),
        None,
    ) and beyond.beyond
    assert edge.high == pytest.approx(0.96) and edge.beyond and edge.threshold == pytest.approx(0.96)


def test_without_doses_it_runs_over_the_intervals(make_predictions):
    nowhere = {"lower_limit": math.nan, "upper_limit": math.nan}
    axis, drawn = bars(ask_predictions(make_predictions("auc_fraction", 12, **nowhere), line="L1"))
    assert [label for _, label in axis.ticks] == ["0.2", "0.4", "0.6", "0.8"]
    assert all(bar.tested is None and not bar.beyond and 0 < bar.low < bar.high < 1 for bar in drawn.values())
