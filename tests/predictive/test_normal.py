from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.predictive import Normal, Remapped


class SharedDirection:
    """Deviations that all pairs share up to a pair's own loading: correlation 1."""

    def __init__(self, loading):
        self.loading = np.asarray(loading)

    def draw(self, rng, draws):
        return rng.standard_normal((draws, 1)) * self.loading

    def __getitem__(self, index):
        return SharedDirection(self.loading[index])


@pytest.fixture
def standard():
    keys = pd.DataFrame({"cell_line_id": ["a"], "drug_id": ["b"]})
    return Normal(keys, "ln_ic50_um", [0.0], [0.64], [0.36])


@pytest.fixture
def shared():
    keys = pd.DataFrame({"cell_line_id": list("abc"), "drug_id": list("xyz")})
    return Normal(keys, "m", [0.0, 1.0, 2.0], [0.25] * 3, [1.0, 4.0, 9.0], SharedDirection([1.0, 2.0, 3.0]))


def test_known_values_of_the_standard_normal(standard):
    assert standard.cdf(1.959963984540054)[0] == pytest.approx(0.975)
    assert standard.quantile(0.95)[0] == pytest.approx(1.6448536269514722)
    assert standard.log_prob(0.0)[0] == pytest.approx(-0.9189385332046727)
    # CRPS(N(0,1), 0) = (sqrt(2) - 1) / sqrt(pi), Gneiting and Raftery (2007)
    assert standard.crps(0.0)[0] == pytest.approx((np.sqrt(2) - 1) / np.sqrt(np.pi))


def test_an_impossible_response_still_has_a_finite_log_probability(standard):
    assert standard.log_prob(100.0)[0] == pytest.approx(-5000.9189385332046)


def test_joint_draws_carry_what_pairs_share(shared):
    # Correlation of pairs 0 and 2 is 3 / sqrt(1.25 * 9.25) = 0.882; 40,000 draws, SE 0.001.
    draws = shared.joint(40_000, seed=0)
    assert np.corrcoef(draws[:, 0], draws[:, 2])[0, 1] == pytest.approx(3 / np.sqrt(1.25 * 9.25), abs=0.006)
    assert abs(np.corrcoef(shared.sample(40_000, seed=0).T[[0, 2]])[0, 1]) < 0.03


def test_joint_draws_have_each_pairs_own_distribution(shared):
    # 3 SDs and 3 means of 40,000 draws at 5 standard errors: fails once in 300,000 seeds.
    draws = shared.joint(40_000, seed=1)
    np.testing.assert_allclose(draws.std(axis=0), shared.std, rtol=5 / np.sqrt(80_000))
    assert np.all(np.abs(draws.mean(axis=0) - shared.mean) < 5 * shared.std / 200)


def test_a_subset_keeps_its_joint_draws(shared):
    draws = shared[np.array([2, 0])].joint(40_000, seed=0)
    np.testing.assert_allclose(draws.std(axis=0), shared.std[[2, 0]], rtol=0.02)
    assert np.corrcoef(draws.T)[0, 1] == pytest.approx(3 / np.sqrt(1.25 * 9.25), abs=0.006)


def test_scaling_widens_noise_epistemic_and_joint_draws_alike(shared):
    wide = shared.scale(2.0)
    np.testing.assert_array_equal(wide.mean, shared.mean)
    np.testing.assert_allclose(wide.aleatoric, 4 * shared.aleatoric)
    np.testing.assert_allclose(wide.epistemic, 4 * shared.epistemic)
    np.testing.assert_allclose(wide.joint(50, 3) - wide.mean, 2 * (shared.joint(50, 3) - shared.mean))
    np.testing.assert_allclose(wide[np.array([1])].joint(50, 3).std(), 2 * shared[np.array([1])].joint(50, 3).std())


def test_a_remapped_joint_draw_keeps_marginals_and_correlation(shared):
    remapped = Remapped(shared, [0.05, 0.5, 0.95], [0.15, 0.55, 0.9])
    draws = remapped.joint(40_000, seed=2)
    assert np.corrcoef(draws[:, 0], draws[:, 2])[0, 1] > 0.85
    # The share below each quantile, SE at most 0.0025: 5 standard errors.
    for p in (0.1, 0.5, 0.9):
        np.testing.assert_allclose(np.mean(draws <= remapped.quantile(p), axis=0), p, atol=0.0125)
