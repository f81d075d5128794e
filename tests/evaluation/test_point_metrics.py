from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bdrp.evaluation.point_metrics import compute_point_metrics, pearson, spearman, within_group_pearson


def test_figures_by_hand(make_seen):
    _, seen = make_seen([1, 2, 3, 4], [1] * 4, [2, 2, 3, 5])
    figures = compute_point_metrics(np.array([1.0, 2, 3, 4]), seen)
    assert figures["rmse"] == pytest.approx(np.sqrt(2 / 4))
    assert figures["mae"] == pytest.approx(0.5)
    assert figures["bias"] == pytest.approx(-0.5)
    # Responses' sum of squares about their mean 3 is 1 + 1 + 0 + 4 = 6.
    assert figures["r2"] == pytest.approx(1 - 2 / 6)
    # Covariance sum 5, prediction's sum of squares 5.
    assert figures["pearson"] == pytest.approx(5 / np.sqrt(5 * 6))
    # Ranks 1 2 3 4 and 1.5 1.5 3 4.
    assert figures["spearman"] == pytest.approx(4.5 / np.sqrt(5 * 4.5))


def test_the_normalised_correlation_is_of_what_mean_effects_leave(make_seen):
    naive, rest = np.array([0.0, 10.0, 20.0, 30.0]), np.array([1.0, -1.0, 2.0, -2.0])
    mean = naive + np.array([2.0, -2.0, 4.0, -4.0])
    _, seen = make_seen(mean, [1] * 4, naive + rest, mean_effects=naive)
    figures = compute_point_metrics(mean, seen)
    assert figures["normalised_pearson"] == pytest.approx(1.0)
    assert figures["normalised_spearman"] == pytest.approx(1.0)
    # What is left is predicted twice too large: squared errors 1 + 1 + 4 + 4 against squares 1 + 1 + 4 + 4.
    assert figures["normalised_r2"] == pytest.approx(0.0)
    alone = compute_point_metrics(naive, seen)
    assert np.isnan([alone[f"normalised_{name}"] for name in ("pearson", "spearman", "r2")]).all()


def test_within_drugs_is_the_mean_of_each_drugs_own_correlation(make_pairs):
    from bdrp.evaluation.observed import check_observed

    pred, table = make_pairs(30, 5)
    frame = table.assign(mean=pred.mean)
    own = [stats.pearsonr(part["mean"], part["response"])[0] for _, part in frame.groupby("drug_id")]
    own_ranks = [stats.spearmanr(part["mean"], part["response"])[0] for _, part in frame.groupby("drug_id")]
    figures = compute_point_metrics(pred.mean, check_observed(pred, table))
    assert figures["within_drug_pearson"] == pytest.approx(np.mean(own))
    assert figures["within_drug_spearman"] == pytest.approx(np.mean(own_ranks))
    assert figures["within_drug_count"] == 5


def test_drugs_with_few_pairs_or_equal_responses_are_left_out():
    x, y = np.arange(6.0), np.array([0.0, 1.0, 2.0, 7.0, 7.0, 7.0])
    values = within_group_pearson(x, y, np.array([0, 0, 0, 1, 1, 1]), 3)
    assert values[0] == pytest.approx(1.0)
    assert np.isnan(values[1])
    assert np.isnan(within_group_pearson(x, y, np.zeros(6, dtype=int), 10)).all()


def test_a_large_offset_does_not_spoil_a_groups_correlation():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 50))
    shifted = within_group_pearson(x + 1e6, y - 1e6, np.zeros(50, dtype=int), 3)
    assert shifted[0] == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-6)


@pytest.mark.parametrize("x", [np.ones(5), np.array([1.0]), np.array([1.0, np.nan, 2.0])])
def test_correlations_that_are_not_defined_are_nan(x):
    assert np.isnan(pearson(x, np.arange(len(x), dtype=float)))
    assert np.isnan(spearman(x, np.arange(len(x), dtype=float)))


@given(values=st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=30))
@settings(max_examples=60, deadline=None)
def test_spearman_agrees_with_scipy(values):
    x, y = np.array(values, dtype=float).T
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert np.isnan(spearman(x, y))
    else:
        assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y)[0])
