from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from bdrp.errors import DataError
from bdrp.evaluation.posterior_check import clustered_se, posterior_check
from bdrp.predictive import PosteriorDraws

LOG_ROOT = 0.5 * np.log(2 * np.pi)


@pytest.fixture(autouse=True)
def _quiet_arviz():
    """ArviZ announces its own future when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz  # noqa: F401


def drawn_from(mean, noise, response, seed=0):
    """Posterior draws whose pair means are given, (S, N), with one noise SD."""
    sampled = mean + noise * np.random.default_rng(seed).standard_normal(mean.shape)
    log_likelihood = -0.5 * ((response - mean) / noise) ** 2 - np.log(noise) - LOG_ROOT
    return PosteriorDraws(mean, sampled, log_likelihood)


def rows_of(response):
    names = [f"L{i % 10}" for i in range(len(response))]
    return pd.DataFrame({"cell_line_id": names, "drug_id": "D", "response": response})


@pytest.fixture(scope="module")
def one_mean():
    """40 responses around one unknown mean with noise 1: posterior and leave-one-out are known in closed form."""
    rng = np.random.default_rng(1)
    n, prior = 40, 10.0**2
    response = 2.0 + rng.standard_normal(n)
    variance = 1 / (1 / prior + n)
    theta = variance * response.sum() + np.sqrt(variance) * rng.standard_normal(4000)
    drawn = drawn_from(np.repeat(theta[:, None], n, axis=1), 1.0, response)
    without = 1 / (1 / prior + n - 1)
    centre, sd = without * (response.sum() - response), np.sqrt(1 + without)
    return drawn, response, centre, sd


def test_leaving_one_out_by_weights_agrees_with_the_closed_form(one_mean):
    drawn, response, centre, sd = one_mean
    seen = posterior_check(drawn, rows_of(response), of_rows=100)
    exact = -0.5 * ((response - centre) / sd) ** 2 - np.log(sd) - LOG_ROOT
    # 4,000 draws of one parameter: measured errors are a tenth of these bounds, which no seed in 200 came near
    assert seen.rows["elpd"].to_numpy() == pytest.approx(exact, abs=0.02)
    assert seen.metrics["elpd"] == pytest.approx(exact.sum(), abs=0.1)
    # the drawn responses know a probability to 1 / sqrt(4 * 4,000) = 0.008
    assert seen.rows["loo_pit"].to_numpy() == pytest.approx(ndtr((response - centre) / sd), abs=0.04)
    assert seen.metrics["p_loo"] == pytest.approx(1.0, abs=0.4)
    assert seen.metrics["share_above"] == 0.0 and seen.metrics["largest_k"] < 0.7
    assert (seen.metrics["rows"], seen.metrics["of_rows"], seen.metrics["draws"]) == (40, 100, 4000)


@pytest.mark.parametrize(("share", "low", "high"), [(0.05, -0.3, 0.4), (0.5, 0.35, 0.85), (2.0, 0.9, 2.5)])
def test_k_hat_is_about_the_epistemic_over_the_noise_variance(share, low, high):
    rng = np.random.default_rng(2)
    response = np.zeros(50)
    mean = np.sqrt(share) * rng.standard_normal((2400, 50))
    k_hat = posterior_check(drawn_from(mean, 1.0, response), rows_of(response)).rows["k_hat"]
    # the shape of the weights' tail is share itself; the mean of 50 estimates from 2,400 draws has an error below 0.05
    assert low < k_hat.mean() < high


def test_replicates_cover_what_the_model_made_and_miss_what_it_did_not(one_mean):
    drawn, response, *_ = one_mean
    fair = posterior_check(drawn, rows_of(response)).statistics.set_index("statistic")
    wide = posterior_check(drawn_from(drawn.mean, 3.0, response), rows_of(response)).statistics.set_index("statistic")
    assert fair.loc["sd", "lower"] < fair.loc["sd", "observed"] < fair.loc["sd", "upper"]
    assert wide.loc["sd", "observed"] < wide.loc["sd", "lower"] and wide.loc["sd", "p_value"] > 0.99
    assert fair.loc["mean", "observed"] == pytest.approx(response.mean())


def test_histograms_hold_every_response(one_mean):
    drawn, response, *_ = one_mean
    bins = posterior_check(drawn, rows_of(response)).densities
    width = bins["right"] - bins["left"]
    assert (bins["observed"] * width).sum() == pytest.approx(1.0)
    assert (bins["lower"] <= bins["upper"]).all() and (
        bins["left"].iloc[1:].to_numpy() == bins["right"].iloc[:-1]
    ).all()


def test_the_same_draws_give_the_same_check(one_mean):
    drawn, response, *_ = one_mean
    one, two = (posterior_check(drawn, rows_of(response)) for _ in range(2))
    pd.testing.assert_frame_equal(one.rows, two.rows)
    assert one.metrics == two.metrics


def test_rows_that_are_not_those_of_the_draws_are_refused(one_mean):
    drawn, response, *_ = one_mean
    with pytest.raises(DataError, match="39 rows for draws that know 40"):
        posterior_check(drawn, rows_of(response[1:]))
    unknown = drawn_from(drawn.mean, 1.0, np.where(np.arange(40) == 3, np.nan, response))
    with pytest.raises(DataError, match="4000 of their log densities not finite"):
        posterior_check(unknown, rows_of(response))


def test_a_clustered_standard_error_is_the_one_computed_by_hand():
    values, groups = np.array([1.0, 0.0, 2.0, 3.0, 6.0, 0.0]), pd.Series(list("aabbcc"))
    # mean 2; sums of deviations: a -3, b 1, c 2; sqrt(3 / 2 * (9 + 1 + 4)) = sqrt(21)
    assert clustered_se(values, groups) == pytest.approx(np.sqrt(21))
    assert np.isnan(clustered_se(values, pd.Series(["a"] * 6)))
