"""Two drugs on a line under independent action, against closed forms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm

from bdrp.calibration import isotonic
from bdrp.design.combinations import combine, draw_chances, shift_to_means
from bdrp.design.repeats import RepeatShare
from bdrp.errors import DataError
from bdrp.predictive import Normal, StudentT


class Shared:
    """Joint deviations of D drugs with a covariance; the draws are set, so that their moments are exact."""

    def __init__(self, covariance):
        self.root = np.linalg.cholesky(covariance)

    def draw(self, rng, draws):
        normal = rng.standard_normal((draws, len(self.root)))
        normal = (normal - normal.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(normal.T, bias=True))).T
        return normal @ self.root.T

    def __getitem__(self, index):
        return self


def predicted(mean, covariance, noise):
    keys = pd.DataFrame({"cell_line_id": "L", "drug_id": [f"D{at}" for at in range(len(mean))]})
    shared = Shared(np.asarray(covariance))
    return Normal(keys, "ln_ic50_um", mean, np.full(len(mean), noise), np.diag(covariance), shared, unit="ln(µM)")


@dataclass(frozen=True)
class Exactly(RepeatShare):
    """A share that is known, and the same for all pairs."""

    share: float = 1.0

    def draw(self, rng, draws, pairs):
        return np.full((draws, pairs), self.share)


ALL_NOISE = Exactly()
"""Of a screen whose repeats differ by all that the model calls noise."""


@pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.9])
def test_the_chance_of_the_better_one_is_that_of_a_bivariate_normal(correlation):
    """1 - P(neither below), with shared epistemic deviations and noise of its own for each: 20,000 draws."""
    mean, epistemic, noise = np.array([0.3, 0.8]), 1.5, 0.5
    covariance = epistemic * np.array([[1.0, correlation], [correlation, 1.0]])
    pred = predicted(mean, covariance, noise)
    found = combine(pred, np.zeros(2), draws=20_000).iloc[0]
    neither = multivariate_normal(-mean, covariance + noise * np.eye(2)).cdf(np.zeros(2))
    assert found["chance"] == pytest.approx(1 - neither, abs=0.006)
    assert found["chance_a"] == pytest.approx(norm.cdf(-0.3 / np.sqrt(2.0)), abs=1e-6)
    assert found["gain"] == pytest.approx(found["chance"] - found["chance_a"])
    assert found["if_unrelated"] == pytest.approx(1 - norm.cdf(0.3 / np.sqrt(2)) * norm.cdf(0.8 / np.sqrt(2)), abs=1e-6)


def test_drugs_that_are_right_or_wrong_together_gain_less_than_if_they_had_nothing_in_common():
    alike, opposed = (
        combine(predicted([0.5, 0.5], np.array([[1.0, r], [r, 1.0]]), 0.1), np.zeros(2)).iloc[0] for r in (0.95, -0.95)
    )
    assert alike["chance"] < alike["if_unrelated"] < opposed["chance"]
    assert alike["gain"] < opposed["gain"] and alike["chance_a"] == pytest.approx(opposed["chance_a"], abs=1e-6)


def test_the_interval_is_what_is_not_known_of_the_chance_and_shrinks_with_knowledge():
    pairs = (predicted([0.0, 0.4], s * np.eye(2), 1.0) for s in (2.0, 1e-6))
    vague, known = (combine(pred, np.zeros(2), repeats=ALL_NOISE).iloc[0] for pred in pairs)
    assert vague["high"] - vague["low"] > 0.5
    assert known["high"] - known["low"] < 0.01
    assert known["chance"] == pytest.approx(1 - 0.5 * (1 - norm.cdf(-0.4)), abs=1e-3)
    assert vague["low"] <= vague["chance"] <= vague["high"] and vague["gain_low"] <= vague["gain"] <= vague["gain_high"]


def test_the_interval_holds_the_chance_that_repeats_would_find_where_part_of_the_noise_is_the_pairs_own():
    """300 lines of two drugs drawn from the model itself: half of the noise variance comes back in every repeat.

    A 90 % interval then holds the chance of repeats in 270 of them, with a standard error of 5; without knowing of the
    pairs' own part it is too narrow, and not knowing the share it is no narrower.
    """
    rng, epistemic, noise = np.random.default_rng(0), 0.5, 1.0
    known, inside = Exactly(share=0.5), {"known": 0, "all noise": 0}
    for seed in range(300):
        mean = rng.normal(0.5, 0.5, 2)
        pred = predicted(mean, epistemic * np.eye(2), noise)
        true = mean + rng.normal(0, np.sqrt(epistemic + 0.5 * noise), 2)
        chance = 1 - norm.cdf(true / np.sqrt(0.5 * noise)).prod()
        for name, repeats in (("known", known), ("all noise", ALL_NOISE)):
            found = combine(pred, np.zeros(2), repeats=repeats, seed=seed).iloc[0]
            inside[name] += found["low"] <= chance <= found["high"]
    assert 255 <= inside["known"] <= 285 and inside["all noise"] < 225


def test_what_repeats_show_moves_the_interval_and_not_the_chance():
    pred = predicted([0.2, 0.5], 0.3 * np.eye(2), 1.0)
    found = [combine(pred, np.zeros(2), repeats=each).iloc[0] for each in (ALL_NOISE, Exactly(share=0.3))]
    assert found[0]["chance"] == found[1]["chance"] and found[0]["gain"] == found[1]["gain"]
    assert found[1]["high"] - found[1]["low"] > found[0]["high"] - found[0]["low"] + 0.1


def test_repeats_of_a_pair_are_normal_whatever_the_tails_of_the_prediction():
    """At the mean both families say one half, so that the same draws must have the same chances."""
    normal = predicted(np.linspace(-1, 1, 5), np.eye(5) * 0.3 + 0.1, 0.8)
    heavy = StudentT(
        normal.keys, normal.measure, normal.mean, normal.aleatoric, normal.epistemic, 3.0, normal.joint_draws
    )
    share = Exactly(share=0.4)
    found = [draw_chances(one, normal.mean, np.random.default_rng(0), 200, share) for one in (normal, heavy)]
    np.testing.assert_allclose(*found, atol=1e-6)
    assert found[0].std(0).min() > 0.2


def test_single_chances_are_those_of_the_prediction_recalibrated_or_not():
    pred = predicted(np.linspace(-1, 1, 5), np.eye(5) * 0.8 + 0.2, 0.5)
    rng = np.random.default_rng(0)
    many = predicted(np.zeros(400), np.eye(400), 0.5)
    remapped = isotonic.fit(many, rng.standard_t(3, 400) * 1.5, groups=[str(at % 40) for at in range(400)])(pred)
    for one in (pred, remapped):
        chances = draw_chances(one, np.zeros(5), rng, 200)
        np.testing.assert_allclose(chances.mean(0), one.cdf(np.zeros(5)), atol=1e-6)


def test_moving_chances_to_a_mean_keeps_their_order_and_moves_none_that_have_it():
    chances = np.random.default_rng(0).uniform(0.05, 0.95, (50, 3))
    np.testing.assert_allclose(shift_to_means(chances, chances.mean(0)), chances, atol=1e-9)
    moved = shift_to_means(chances, np.array([0.2, 0.5, 0.9]))
    np.testing.assert_allclose(moved.mean(0), [0.2, 0.5, 0.9], atol=1e-9)
    assert (np.argsort(moved, axis=0) == np.argsort(chances, axis=0)).all()


def test_pairs_come_by_gain_with_the_better_drug_first():
    found = combine(predicted([2.0, -0.2, 0.1], np.eye(3), 0.5), np.zeros(3))
    assert len(found) == 3 and found["gain"].is_monotonic_decreasing
    assert (found["chance_a"] >= found["chance_b"]).all()
    assert found.loc[0, ["a", "b"]].tolist() == [1, 2]


def test_one_line_and_joint_draws_are_needed():
    pred = predicted([0.0, 1.0], np.eye(2), 0.5)
    with pytest.raises(DataError, match="Drugs are combined on one line"):
        combine(pred[np.array([0])], np.zeros(1))
    marginal = Normal(pred.keys, "ln_ic50_um", pred.mean, pred.aleatoric, pred.epistemic)
    with pytest.raises(DataError, match="no joint draws"):
        combine(marginal, np.zeros(2))
