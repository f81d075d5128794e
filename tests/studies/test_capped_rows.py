from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.data.screen import find_caps
from bdrp.evaluation import significance
from bdrp.studies.capped_rows import one_sided, score_rows, sides_of
from bdrp.testing import MockDistribution


def observed(response, upper=np.nan, lower=np.nan):
    size = len(response)
    keys = {"cell_line_id": [f"L{i}" for i in range(size)], "drug_id": "D0"}
    return pd.DataFrame({**keys, "response": response, "lower_limit": lower, "upper_limit": upper, "mean_effects": 0.0})


def test_a_response_at_the_limit_is_a_cap_and_one_beyond_it_an_extrapolation():
    response, limit = np.array([1.0, 2.0, 3.0, -1.0]), np.full(4, 2.0)
    lower = np.full(4, -1.0)
    np.testing.assert_array_equal(find_caps(response, lower, limit), [0, 1, 0, -1])
    np.testing.assert_array_equal(find_caps(response, lower, limit, beyond=True), [0, 1, 1, -1])
    np.testing.assert_array_equal(find_caps(response, np.full(4, np.nan), np.full(4, np.nan)), 0)


def test_without_caps_the_rows_are_those_of_a_comparison():
    pred, table = MockDistribution([0.0, 1.0, 2.0]), observed([0.3, 5.0, 1.0], upper=4.0)
    side = sides_of(table, beyond=False)
    pd.testing.assert_frame_equal(score_rows(pred, table, side), significance.pair_rows(pred, table))


def test_a_calibrated_prediction_covers_at_its_level_though_most_responses_stand_at_the_cap():
    rng = np.random.default_rng(0)
    mean = rng.normal(0.5, 1.0, 20_000)
    pred = MockDistribution(mean, aleatoric=0.75, epistemic=0.25)
    response = np.minimum(mean + rng.standard_normal(len(mean)), 0.0)
    table = observed(response, upper=0.0)
    side = sides_of(table, beyond=False)
    assert np.mean(side) > 0.6
    rows, naive = score_rows(pred, table, side), significance.pair_rows(pred, table)
    # standard error 0.002; three of them
    assert rows["coverage_90"].mean() == pytest.approx(0.9, abs=0.0065)
    assert rows["coverage_50"].mean() == pytest.approx(0.5, abs=0.011)
    assert abs(naive["coverage_50"].mean() - 0.5) > 0.05
    wide = score_rows(MockDistribution(mean, aleatoric=4.0), table, side)
    assert rows["nll"].mean() < wide["nll"].mean() and rows["crps"].mean() < wide["crps"].mean()


def test_a_mean_beyond_the_cap_errs_by_nothing_that_was_seen():
    table = observed([2.0, 2.0, -1.0, 0.0], upper=2.0, lower=-1.0)
    rows = score_rows(MockDistribution([5.0, 1.0, -3.0, 4.0]), table, sides_of(table, beyond=False))
    np.testing.assert_allclose(rows["bias"], [0, -1, 0, 4])
    np.testing.assert_allclose(rows["squared_error"], [0, 1, 0, 16])
    np.testing.assert_allclose(one_sided(np.array([3.0, -3.0]), np.array([-1.0, -1.0])), [3, 0])
