"""Capped responses as sites, against integrals of the likelihood that they stand in for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from bdrp.inference.hierarchical.censored_sites import MOST_NOISE, Caps, Cavity, Sites, log_tails, refine_sites


def settled(prior, residual, side, noise, rounds=60):
    """Posterior mean and variances of expected responses under a Gaussian prior (n, n), sites of the capped refined."""
    sites, capped = Sites(residual.copy(), noise.copy()), np.flatnonzero(side)
    for _ in range(rounds):
        whole = np.linalg.inv(np.linalg.inv(prior) + np.diag(1 / sites.variance))
        mean, variance = whole @ (sites.residual / sites.variance), np.diag(whole)
        some = Sites(sites.residual[capped], sites.variance[capped])
        caps, cavity = Caps(side[capped], residual[capped]), Cavity.of_posterior(mean[capped], variance[capped], some)
        sites.residual[capped], sites.variance[capped] = refine_sites(some, caps, noise[capped], cavity)
    return mean, variance, sites


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("cap", [-3.0, 0.0, 2.0, 5.0])
def test_a_single_site_gives_the_moments_of_the_integral(side, cap):
    grid = np.linspace(-12, 12, 40_001)
    weight = np.exp(-0.5 * grid**2 / 2.0) * ndtr(side * (grid - cap) / 0.7)
    mean = np.average(grid, weights=weight)
    variance = np.average((grid - mean) ** 2, weights=weight)
    found = settled(np.array([[2.0]]), np.array([cap]), np.array([side]), np.array([0.49]))
    np.testing.assert_allclose([found[0][0], found[1][0]], [mean, variance], rtol=2e-4, atol=2e-4)


def test_several_capped_and_measured_responses_give_the_moments_of_importance_draws():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((4, 4))
    prior, noise = root @ root.T + 0.3 * np.eye(4), np.array([0.3, 0.5, 0.4, 0.6])
    residual, side = np.array([0.5, 1.0, -0.5, 0.8]), np.array([0.0, 1.0, -1.0, 1.0])
    drawn = rng.multivariate_normal(np.zeros(4), prior, 400_000)
    tails = ndtr(side * (drawn - residual) / np.sqrt(noise))
    density = np.exp(-0.5 * (drawn - residual) ** 2 / noise)
    weight = np.where(side == 0, density, tails).prod(1)
    mean = np.average(drawn, axis=0, weights=weight)
    variance = np.average((drawn - mean) ** 2, axis=0, weights=weight)
    found = settled(prior, residual, side, noise)
    # standard errors of the weighted draws below 0.005; expectation propagation itself is off by some thousandths
    np.testing.assert_allclose(found[0], mean, atol=0.03)
    np.testing.assert_allclose(found[1], variance, rtol=0.05)


def test_a_cap_far_below_what_is_predicted_says_nothing_and_one_far_above_much():
    _, _, nothing = settled(np.array([[1.0]]), np.array([-20.0]), np.array([1.0]), np.array([0.25]))
    assert nothing.variance[0] > 1e3 * 0.25 and nothing.variance[0] <= MOST_NOISE * 0.25
    mean, _, much = settled(np.array([[1.0]]), np.array([4.0]), np.array([1.0]), np.array([0.25]))
    assert much.variance[0] < 2 * 0.25 and mean[0] > 3


def test_the_slope_of_the_tails_is_that_of_a_small_step():
    rng = np.random.default_rng(1)
    caps = Caps(np.array([1.0, -1.0, 1.0]), rng.normal(size=3))
    noise, cavity = np.array([0.3, 0.5, 2.0]), Cavity(rng.normal(size=3), np.array([0.4, 1.0, 0.1]))
    value, slope = log_tails(caps, noise, cavity)
    z = caps.side * (cavity.mean - caps.cap) / np.sqrt(cavity.variance + noise)
    assert value == pytest.approx(np.log(ndtr(z)).sum())
    step = 1e-5
    above, below = (log_tails(caps, noise * np.exp(2 * each), cavity)[0] for each in (step, -step))
    assert slope == pytest.approx((above - below) / (2 * step), rel=1e-6)
