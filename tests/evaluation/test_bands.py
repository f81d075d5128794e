from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import binom

from bdrp.evaluation.bands import _binomial_quantile, ecdf_band, histogram_band, resampled_means
from bdrp.evaluation.resampling import Resampling

LEVELS = np.arange(1, 50) / 50


@pytest.mark.parametrize("n", [50, 2000])
def test_calibrated_curves_stay_inside_with_the_promised_rate(n):
    # 1,000 curves at 95 %: SE 0.7 points of counting and 0.7 of the band's own simulation; discreteness adds coverage.
    low, high = ecdf_band(n, LEVELS, seed=0)
    rng = np.random.default_rng(1)
    curves = np.stack([np.searchsorted(np.sort(rng.random(n)), LEVELS, side="right") / n for _ in range(1000)])
    inside = np.mean(np.all((low <= curves) & (curves <= high), axis=1))
    assert 0.92 <= inside <= 0.985


def test_the_band_agrees_with_arviz():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from arviz.stats.ecdf_utils import ecdf_confidence_band

    reference = ecdf_confidence_band(
        500, LEVELS, LEVELS, method="simulated", num_trials=1000, random_state=np.random.RandomState(0),
        rvs=lambda n, random_state: random_state.uniform(size=n),
    )  # fmt: skip
    for ours, theirs in zip(ecdf_band(500, LEVELS, seed=0), reference, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.012)


@pytest.mark.parametrize("n", [1, 7, 300, 32_059])
@pytest.mark.parametrize("q", [1e-6, 0.004, 0.1, 0.5, 0.996, 1 - 1e-6])
def test_quantiles_of_counts_are_those_of_scipy(n, q):
    p = np.append(np.random.default_rng(n).random(40), [0.0, 1.0])
    assert _binomial_quantile(q, n, p).tolist() == np.maximum(binom.ppf(q, n, p), 0).tolist()


def test_a_screen_full_or_all_but_empty_is_resampled_alike():
    rng = np.random.default_rng(3)
    lines, drugs, values = rng.integers(0, 30, 200), rng.integers(0, 40, 200), rng.normal(size=(200, 3))
    for codes in ((lines, drugs), (np.arange(200) // 20, np.arange(200) % 20)):
        drawn = Resampling.draw(*codes, 0, 50)
        weights = drawn.of_line[:, codes[0]] * drawn.of_drug[:, codes[1]]
        np.testing.assert_allclose(drawn.means(values), weights @ values / weights.sum(axis=1)[:, None], atol=1e-12)


def test_a_single_pair_is_odd_only_in_the_outermost_levels():
    low, high = ecdf_band(1, LEVELS, seed=0)
    inside = [np.all((low <= (pit <= LEVELS)) & ((pit <= LEVELS) <= high)) for pit in (0.001, 0.1, 0.5, 0.9, 0.999)]
    assert inside == [False, True, True, True, False]


def test_histograms_stay_inside_with_the_promised_rate():
    low, high = histogram_band(400, 20, seed=0)
    counts = np.random.default_rng(1).multinomial(400, np.full(20, 0.05), size=1000)
    assert 0.92 <= np.mean(np.all((low <= counts) & (counts <= high), axis=1)) <= 0.995


@pytest.mark.parametrize("n", [1, 5])
def test_no_band_allows_less_than_no_pair_or_more_than_all(n):
    low, high = ecdf_band(n, LEVELS, seed=0)
    least, most = histogram_band(n, 1, seed=0)
    assert low.min() >= 0 and high.max() <= 1
    assert 0 <= least <= most <= n


def test_resampled_means_centre_on_the_mean():
    rng = np.random.default_rng(0)
    values, lines, drugs = rng.random((600, 2)) < [0.5, 0.9], np.arange(600) // 20, np.arange(600) % 20
    means = resampled_means(values, lines, drugs, seed=0)
    np.testing.assert_allclose(means.mean(axis=0), values.mean(axis=0), atol=0.02)


def test_errors_that_lines_share_widen_the_interval():
    rng = np.random.default_rng(0)
    lines, drugs = np.arange(2000) // 40, np.arange(2000) % 40
    alone, shared = rng.random(2000) < 0.9, (rng.random(50) < 0.9)[lines]
    spread = resampled_means(np.stack([alone, shared], axis=1), lines, drugs, seed=0).std(axis=0)
    assert spread[0] == pytest.approx(np.sqrt(0.9 * 0.1 / 2000) * np.sqrt(3), rel=0.35)
    assert spread[1] == pytest.approx(np.sqrt(0.9 * 0.1 / 50), rel=0.35)


def test_one_drug_is_kept_and_lines_still_vary():
    values, lines = np.array([[True], [False]] * 20), np.arange(40)
    assert resampled_means(values, lines, np.zeros(40, dtype=int), seed=0).std() > 0.04
