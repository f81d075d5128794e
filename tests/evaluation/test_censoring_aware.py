from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from bdrp.evaluation.censoring_aware import (
    censoring_aware_metrics,
    coverage,
    crps_inside,
    integrated,
    log_score,
    pit_bounds,
)
from bdrp.evaluation.curves import coverage_metrics
from bdrp.evaluation.observed import check_observed
from bdrp.predictive import Normal, Remapped, StudentT

KNOTS = ([0.05, 0.3, 0.5, 0.8, 0.95], [0.08, 0.28, 0.45, 0.85, 0.93])
HALF = norm.pdf(0) - 1 / (2 * np.sqrt(np.pi))  # integral of a standard normal's squared cdf up to 0


def test_a_response_beyond_a_limit_scores_the_probability_of_beyond(make_seen):
    pred, seen = make_seen([0.0] * 3, [1.0] * 3, [0.0, 3.0, -3.0], lower_limit=-1.0, upper_limit=1.0)
    np.testing.assert_allclose(log_score(pred, seen), [norm.logpdf(0), np.log(0.15865525), np.log(0.15865525)])


def test_the_log_score_stays_exact_where_the_cdf_rounds_to_one(make_seen):
    pred, seen = make_seen([0.0] * 2, [1.0] * 2, [25.0, -25.0], lower_limit=-20.0, upper_limit=20.0)
    for some in (pred, Remapped(pred, [0.2, 0.8], [0.2, 0.8])):
        np.testing.assert_allclose(log_score(some, seen), norm.logsf(20), rtol=1e-9)
    pred, seen = make_seen([0.0], [1.0], [100.0], upper_limit=90.0)
    assert log_score(pred, seen)[0] == pytest.approx(np.log(np.finfo(float).tiny))


def test_the_crps_inside_the_limits_has_its_closed_values(make_seen):
    # Up to 0, the median: a response above scores the squared cdf, one at 0 too, and one at the lower limit the rest.
    pred, seen = make_seen([0.0] * 2, [1.0] * 2, [5.0, 0.0], upper_limit=0.0)
    np.testing.assert_allclose(crps_inside(pred, seen), [HALF, HALF])
    pred, seen = make_seen([0.0] * 2, [1.0] * 2, [-5.0, 5.0], lower_limit=0.0, upper_limit=np.nan)
    np.testing.assert_allclose(crps_inside(pred, seen), [HALF, pred.crps(5.0)[1] - HALF])


@pytest.mark.parametrize("response", [-0.5, 0.7, -9.0, 9.0])
@pytest.mark.parametrize("remapped", [False, True])
def test_the_crps_inside_agrees_with_adaptive_integration(make_seen, response, remapped):
    pred, seen = make_seen([0.3], [1.7], [response], lower_limit=-1.0, upper_limit=2.0)
    some = Remapped(pred, *KNOTS) if remapped else pred
    at = np.clip(response, -1, 2)
    below = quad(lambda t: some.cdf(t)[0] ** 2, -1, at, limit=500, epsabs=1e-10)[0]
    above = quad(lambda t: (1 - some.cdf(t)[0]) ** 2, at, 2, limit=500, epsabs=1e-10)[0]
    assert crps_inside(some, seen)[0] == pytest.approx(below + above, abs=1e-5 if remapped else 1e-9)


def test_the_closed_form_is_that_of_scoringrules_where_it_has_one():
    import scoringrules

    rng = np.random.default_rng(0)
    mean, std, lower = rng.normal(0, 2, 200), rng.uniform(0.3, 3, 200), rng.uniform(-3, 0, 200)
    upper = lower + rng.uniform(0.5, 4, 200)
    y = np.clip(rng.normal(0, 3, 200), lower, upper)
    keys = pd.DataFrame({"cell_line_id": ["a"] * 200, "drug_id": ["x"] * 200})
    pred = Normal.from_std(keys, "m", mean, std, np.zeros(200))
    seen = check_observed(pred, keys.assign(response=y, lower_limit=lower, upper_limit=upper))
    expected = scoringrules.crps_cnormal(y, mean, std, lower, upper, backend="numpy")
    np.testing.assert_allclose(crps_inside(pred, seen), expected, rtol=1e-9, atol=1e-12)


@given(
    mean=st.floats(-30, 30),
    std=st.floats(0.05, 5),
    y=st.floats(-60, 60),
    low=st.floats(-20, 0),
    high=st.floats(0.1, 20),
)
@settings(max_examples=40, deadline=None)
def test_integration_and_the_closed_form_of_a_normal_agree(make_seen, mean, std, y, low, high):
    pred, seen = make_seen([mean], [std], [y], lower_limit=low, upper_limit=high)
    closed = crps_inside(pred, seen)
    np.testing.assert_allclose(integrated(pred, seen.response, seen.lower_limit, seen.upper_limit), closed, atol=1e-9)
    assert closed[0] >= -1e-12


@pytest.mark.parametrize("dof", [2.5, 10.0, 200.0])
def test_integration_and_the_closed_form_of_a_student_t_agree(dof):
    rng = np.random.default_rng(1)
    keys = pd.DataFrame({"cell_line_id": ["a"] * 300, "drug_id": ["x"] * 300})
    pred = StudentT(keys, "m", rng.normal(0, 2, 300), rng.gamma(1, size=300) + 0.01, rng.gamma(1, size=300), dof)
    lower, y = rng.normal(-1, 2, 300), rng.normal(0, 4, 300)
    upper = lower + rng.gamma(2, size=300)
    lower[:60], upper[40:90] = -np.inf, np.inf
    seen = check_observed(pred, keys.assign(response=y, lower_limit=lower, upper_limit=upper))
    closed = crps_inside(pred, seen)
    # The panels of the integral are wide in the tails, where 2.5 degrees leave much.
    np.testing.assert_allclose(integrated(pred, y, lower, upper), closed, rtol=0, atol=1e-5 if dof < 3 else 1e-9)
    np.testing.assert_allclose(closed[40:60], pred.crps(y)[40:60], atol=1e-11)


def test_without_limits_integration_gives_the_whole_crps(make_seen):
    pred, seen = make_seen([0.0] * 3, [1.0, 2, 3], [0.5, -30.0, 40.0])
    some = Remapped(pred, *KNOTS)
    np.testing.assert_allclose(crps_inside(some, seen), some.crps(seen.response), rtol=1e-5)
    np.testing.assert_allclose(crps_inside(pred, seen), pred.crps(seen.response), rtol=1e-9)


def test_where_beyond_the_limit_a_published_value_lies_does_not_matter(make_seen):
    limits = {"lower_limit": -2.0, "upper_limit": 1.0}
    one, near = make_seen([0.0] * 2, [1.0] * 2, [1.1, -2.1], **limits)
    _, far = make_seen([0.0] * 2, [1.0] * 2, [50.0, -90.0], **limits)
    for figure in (log_score, crps_inside):
        np.testing.assert_array_equal(figure(one, near), figure(one, far))
    assert coverage(one, near, 0) == coverage(one, far, 0)


def test_a_response_beyond_is_covered_by_the_share_of_its_tail_inside_the_interval(make_seen):
    # Tails of 0.5, 0.1 and 0.03, of which the central 90 % hold 0.45, 0.05 and nothing.
    upper = norm.ppf([0.5, 0.9, 0.97])
    for drawn, held, compatible in zip(upper, (0.9, 0.5, 0.0), (1, 1, 0), strict=True):
        pred, seen = make_seen([0.0], [1.0], [9.0], upper_limit=drawn)
        figures = coverage(pred, seen, 0)["90"]
        assert figures["coverage"] == pytest.approx(held)
        assert figures["compatible"] == compatible
        pred, seen = make_seen([0.0], [1.0], [-9.0], lower_limit=-drawn)
        assert coverage(pred, seen, 0)["90"]["coverage"] == pytest.approx(held)


def test_bounds_of_the_pit_are_the_tail_beyond_and_one_value_inside(make_seen):
    pred, seen = make_seen([0.0] * 3, [1.0] * 3, [0.0, 5.0, -5.0], lower_limit=-1.0, upper_limit=1.0)
    low, high = pit_bounds(pred, seen)
    np.testing.assert_allclose(low, [0.5, norm.cdf(1), 0])
    np.testing.assert_allclose(high, [0.5, 1, norm.cdf(-1)])


@pytest.mark.parametrize("columns", [{}, {"lower_limit": np.nan, "upper_limit": np.nan}, {"upper_limit": 1e6}])
def test_where_nothing_is_censored_the_figures_are_the_conventional_ones(make_pairs, columns):
    pred, table = make_pairs(20, 10)
    seen = check_observed(pred, table.drop(columns=["lower_limit", "upper_limit"]).assign(**columns))
    figures = censoring_aware_metrics(pred, seen, 0)
    assert (figures["above"], figures["below"]) == (0, 0)
    assert figures["nll"] == figures["nll_inside"] == pytest.approx(-pred.log_prob(seen.response).mean())
    assert figures["crps"] == pytest.approx(pred.crps(seen.response).mean(), rel=1e-9)
    assert np.isnan(figures["nll_beyond"]) and np.isnan(figures["crps_beyond"])
    for level, conventional in coverage_metrics(pred, seen, 0).items():
        mine = figures["coverage"][level]
        assert mine["coverage"] == mine["compatible"] == conventional["coverage"]
        assert (mine["lower"], mine["upper"]) == (conventional["lower"], conventional["upper"])


def test_where_everything_is_censored_no_density_is_claimed(make_pairs):
    pred, table = make_pairs(20, 10)
    seen = check_observed(pred, table.assign(lower_limit=-99.0, upper_limit=-50.0))
    figures = censoring_aware_metrics(pred, seen, 0)
    assert figures["above"] == 200
    assert np.isnan(figures["nll_inside"]) and np.isnan(figures["crps_inside"])
    # "Beyond" was as good as certain, so nothing can be wrong, and nothing is learned about the intervals.
    assert figures["nll"] == pytest.approx(0, abs=1e-9)
    assert figures["coverage"]["90"]["coverage"] == pytest.approx(0.9)
    assert figures["coverage"]["90"]["compatible"] == 1


@pytest.mark.parametrize("upper", [-1.0, 1.0])
def test_a_calibrated_model_keeps_its_level_whatever_share_is_censored(make_pairs, upper):
    # 2400 independent pairs: 4 binomial standard errors, failing once in 16,000 seeds for each level.
    pred, table = make_pairs()
    figures = coverage(pred, check_observed(pred, table.assign(lower_limit=-3.0, upper_limit=upper)), 0)
    for level, seen in figures.items():
        nominal = float(level) / 100
        assert abs(seen["coverage"] - nominal) < 4 * np.sqrt(nominal * (1 - nominal) / 2400)
        assert seen["compatible"] >= seen["coverage"]
        assert seen["lower"] <= seen["coverage"] <= seen["upper"]


@pytest.mark.parametrize("stretch", [0.6, 1.6])
def test_a_wrong_spread_costs_both_scores_and_shows_in_the_coverage(make_pairs, stretch):
    pred, table = make_pairs()
    seen = check_observed(pred, table)
    right, wrong = censoring_aware_metrics(pred, seen, 0), censoring_aware_metrics(pred.scale(stretch), seen, 0)
    assert right["nll"] < wrong["nll"]
    assert right["crps"] < wrong["crps"]
    assert (wrong["coverage"]["90"]["upper"] < 0.9) if stretch < 1 else (wrong["coverage"]["90"]["lower"] > 0.9)


def test_many_pairs_take_seconds(make_seen):
    import time

    n = 160_000
    rng = np.random.default_rng(0)
    pred, seen = make_seen(rng.normal(size=n), np.ones(n), rng.normal(size=n), lower_limit=-2.0, upper_limit=-0.5)
    start = time.process_time()
    crps_inside(Remapped(pred, *KNOTS), seen)
    assert time.process_time() - start < 15
