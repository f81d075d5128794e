"""Scales of batch effects, from responses of which most stand at a cap."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bdrp.inference.hierarchical.batch_effects import BatchEffects, ScalePrior
from bdrp.inference.hierarchical.evidence import NOISE, Evidence, Labels, Rows

VAGUE = ScalePrior(BatchEffects(0.0, 1.0, 0.3, 0.0, 0.3, 0.0), BatchEffects(1.0, 1.0, 1.0, 1.0, 1.0, 1.0))


def independent_pairs(size: int, drug: np.ndarray) -> Rows:
    """Pairs of which the model is sure, of a noise variance of 1."""
    posterior = SimpleNamespace(assays=drug, lines=np.arange(size), covariance=lambda other: np.zeros((size, size)))
    return Rows(cast(Any, posterior), np.ones(size), np.zeros(size), np.ones(size))


@pytest.mark.parametrize(("cap", "share"), [(0.0, 0.5), (-1.3, 0.9)])
@pytest.mark.parametrize("noise", [0.7, 1.6])
def test_the_noise_is_found_again_however_many_responses_stand_at_the_cap(cap, share, noise):
    rng = np.random.default_rng(0)
    drug = np.repeat(np.arange(10), 30)
    response = 0.4 * noise * rng.standard_normal(10)[drug] + noise * rng.standard_normal(300)
    cap = noise * cap
    side = (response > cap).astype(float)
    assert side.mean() == pytest.approx(share, abs=0.08)
    labels = Labels(np.minimum(response, cap), side)
    evidence = Evidence(independent_pairs(300, drug), labels, 1.0, None, VAGUE.median)
    for _ in range(12):
        evidence.maximise(VAGUE)
        evidence.settle()
    # 30 measured responses of 300 tell an SD to a tenth or so; their tail alone says 1.8 times as much
    assert evidence.effects.noise == pytest.approx(noise, rel=0.25 if share > 0.8 else 0.12)


def correlated_pairs(covariance: np.ndarray, noise: np.ndarray) -> Rows:
    """Pairs with this covariance of their means and these noise variances."""
    size = len(noise)
    posterior = SimpleNamespace(
        assays=np.arange(size),
        lines=np.arange(size),
        covariance=lambda other: covariance,
        epistemic=np.diag(covariance),
    )
    return Rows(cast(Any, posterior), np.ones(size), np.zeros(size), noise)


def badly_and_well_measured(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Covariance of 40 means, noise, known variances of 0.01 to 6 and responses that have all of them."""
    rng = np.random.default_rng(seed)
    at = rng.uniform(0, 4, 40)
    covariance = np.exp(-0.5 * (at[:, None] - at) ** 2) + 1e-6 * np.eye(40)
    noise, known = np.full(40, 0.2), np.exp(rng.uniform(np.log(0.01), np.log(6), 40))
    truth = np.linalg.cholesky(covariance) @ rng.standard_normal(40)
    return covariance, noise, known, truth + np.sqrt(noise + known) * rng.standard_normal(40)


def test_known_variances_are_noise_of_their_rows_and_do_not_follow_its_scale():
    covariance, noise, known, response = badly_and_well_measured(0)
    for scale in (1.0, 0.5):
        effects = BatchEffects(noise=scale)
        evidence = Evidence(
            correlated_pairs(covariance, noise), Labels(response, np.zeros(40), known), 1.0, None, effects
        )
        expected = np.linalg.solve(covariance + np.diag(scale**2 * noise + known), response)
        np.testing.assert_allclose(evidence.solved, expected, rtol=1e-9)


def test_the_gradient_by_the_scale_of_the_noise_leaves_known_variances_out():
    covariance, noise, known, response = badly_and_well_measured(1)
    labels = Labels(response, np.zeros(40), known)
    evidence = Evidence(correlated_pairs(covariance, noise), labels, 1.0, None, BatchEffects())
    slope = evidence._loss(BatchEffects())[1][NOISE]
    step = 1e-5
    above, below = (evidence._loss(BatchEffects(noise=np.exp(sign * step)))[0] for sign in (1, -1))
    assert slope == pytest.approx((above - below) / (2 * step), rel=1e-4)


def test_knowing_who_was_measured_badly_predicts_the_others_better():
    """Log density of half of the means given the other half; of 100 screens 0.06 on average, 5 standard errors.

    Of other draws of as many, one in fifty would stay below 3.
    """
    gains = []
    for seed in range(100):
        covariance, noise, known, response = badly_and_well_measured(seed)
        seen, held = np.arange(0, 40, 2), np.arange(1, 40, 2)
        scores = []
        for told in (known, np.full(40, known.mean())):  # the same in all, as noise that nothing is known of
            labels = Labels(response[seen], np.zeros(20), told[seen])
            evidence = Evidence(
                correlated_pairs(covariance[np.ix_(seen, seen)], noise[seen]), labels, 1.0, None, BatchEffects()
            )
            across = covariance[np.ix_(held, seen)]
            mean = across @ evidence.solved
            inner = covariance[np.ix_(seen, seen)] + np.diag(noise[seen] + told[seen])
            left = np.diag(covariance)[held] - np.einsum("ij,ji->i", across, np.linalg.solve(inner, across.T))
            variance = left + noise[held] + known[held]
            scores.append(-0.5 * np.mean((response[held] - mean) ** 2 / variance + np.log(variance)))
        gains.append(scores[0] - scores[1])
    assert np.mean(gains) > 3 * np.std(gains) / np.sqrt(len(gains))
