from __future__ import annotations

import numpy as np
import pytest

from bdrp.report.evaluation.figures import predicted


def plot(mean, response, **more):
    return predicted.plot(
        np.array(mean, float), np.array(response, float), **{"r2": 0.5, "per_drug": 0.25, "unit": "ln(µM)", **more}
    )


def test_a_hexagon_is_where_its_pairs_are_and_counts_them(drawn):
    seen = drawn(plot([0.0] * 90 + [10.0] * 10, [0.0] * 90 + [5.0] * 10))
    (hexagons,) = seen.panels[0].collections
    counted = dict(zip(map(tuple, np.round(hexagons.get_offsets(), 0)), hexagons.get_array(), strict=True))
    assert counted == {(0, 0): 90, (10, 5): 10}
    step = 10.8 / 52  # a hexagon's width: 52 over the box
    np.testing.assert_allclose(hexagons.get_offsets(), [[0, 0], [10, 5]], atol=step)


def test_the_diagonal_crosses_a_square_box_around_means_and_responses(drawn):
    seen = drawn(plot([0.0] * 50 + [1.0] * 50, [0.0] * 50 + [2.0] * 50))
    axes = seen.panels[0]
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((-0.08, 2.08))  # 4 % of the range on either side
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[-0.08, -0.08], [2.08, 2.08]])
    assert axes.get_aspect() == 1
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted response, ln(µM)", "observed response, ln(µM)")
    assert seen.panels[1].get_ylabel() == "pairs in a hexagon"
    assert seen.outside() == []


def test_one_value_in_a_thousand_may_lie_outside_and_the_rest_is_seen(drawn):
    rng = np.random.default_rng(0)
    mean = np.append(rng.uniform(-1, 1, 9999), 50.0)
    seen = drawn(plot(mean, mean))
    assert seen.panels[0].get_xlim()[1] < 1.2
    assert seen.panels[0].collections[0].get_array().sum() > 9980


def test_one_pair_is_drawn(drawn):
    seen = drawn(plot([1.0], [2.0], r2=None, per_drug=None))
    assert seen.panels[0].collections[0].get_array().tolist() == [1]
    assert seen.outside() == []


def test_pairs_that_are_all_alike_are_drawn(drawn):
    seen = drawn(plot([1.0, 1.0], [1.0, 1.0]))
    assert seen.panels[0].collections[0].get_array().tolist() == [2]


def test_the_claim_leaves_out_what_is_not_defined():
    whole = plot([0, 0], [3, 3]).claim.replace("\u202f", " ")
    assert whole == (
        "Predictions are off by 3.00 ln(µM) (RMSE) and explain 50 % of the variance over all pairs; within a drug they "
        "correlate 0.25 with what was measured."
    )
    assert plot([0, 0], [3, 3], r2=None, per_drug=None).claim == "Predictions are off by 3.00 ln(µM) (RMSE)."
