from __future__ import annotations

import numpy as np
import pytest

from bdrp import calibration
from bdrp.calibration import isotonic, variance_scaling
from bdrp.errors import DataError


def test_netcal_finds_the_empirical_distribution(make_part):
    # Isotonic regression of an ECDF is the ECDF: level q is reached at the q-quantile of the standardised residuals.
    pred, response, _ = make_part()
    fitted = isotonic.fit(pred, response)
    z = (response - pred.mean) / (pred.std * fitted.factor)
    n, prior = len(z), isotonic.PRIOR_PAIRS
    quantiles = np.quantile(z, fitted.curve.remapped, method="interpolated_inverted_cdf")
    expected = (n * quantiles + prior * isotonic.ndtri(fitted.curve.remapped)) / (n + prior)
    np.testing.assert_allclose(isotonic.ndtri(fitted.curve.levels), expected, atol=0.01)


def test_isotonic_repairs_a_skewed_miscalibration(skewed_part, fresh_skewed_part):
    # 1,800 calibration and 6,000 fresh pairs: SE of a level at most 1.3 points; 5 points is nearly 4 SE for each of 7.
    fitted, scaled = isotonic.fit(*skewed_part[:2]), variance_scaling.fit(*skewed_part[:2])
    pred, response, _ = fresh_skewed_part
    levels = np.array([0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975])
    below = np.mean(response[:, None] <= fitted(pred).quantile(levels), axis=0)
    below_scaled = np.mean(response[:, None] <= scaled(pred).quantile(levels), axis=0)
    assert np.abs(below - levels).max() < 0.05
    assert np.abs(below_scaled - levels).max() > 0.08
    assert fitted(pred).crps(response).mean() < scaled(pred).crps(response).mean()
    assert fitted(pred).log_prob(response).mean() > scaled(pred).log_prob(response).mean()


def test_isotonic_moves_a_biased_mean(make_part):
    pred, response, _ = make_part()
    shifted = response + 0.8 * pred.std
    fitted = isotonic.fit(pred, shifted)(pred)
    assert np.mean((shifted - fitted.mean) / fitted.std) == pytest.approx(0, abs=0.03)


def test_calibrated_predictions_hardly_change(make_part):
    pred, response, _ = make_part()
    fitted = isotonic.fit(pred, response)(pred)
    np.testing.assert_allclose(fitted.std, pred.std, rtol=0.1)
    np.testing.assert_allclose(fitted.mean, pred.mean, atol=0.15)


@pytest.mark.parametrize(("pairs", "outermost"), [(2, 0.25), (40, 0.3), (100, 0.1), (1000, 0.01), (10**6, 0.01)])
def test_outer_levels_need_pairs_beyond_them(pairs, outermost):
    levels = isotonic.usable_levels(pairs)
    assert levels[0] == pytest.approx(outermost)
    np.testing.assert_allclose(levels, 1 - levels[::-1])


def test_a_students_levels_are_mapped_in_its_own_shape(make_heavy_part):
    # The t is right but for its width and a bias: 1,800 pairs, SE of a level at most 1.2 points; 4 points is over 3 SE.
    pred, response, _ = make_heavy_part(width=1.5, dof=4.0)
    fitted = isotonic.fit(pred, response + pred.std)
    fresh, fresh_response, _ = make_heavy_part(width=1.5, dof=4.0, lines=200, seed=9)
    levels = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    below = np.mean((fresh_response + fresh.std)[:, None] <= fitted(fresh).quantile(levels), axis=0)
    assert np.abs(below - levels).max() < 0.04
    assert np.all(fitted(fresh).quantile(0.5) > fresh.quantile(0.5))


@pytest.mark.parametrize("pairs", [2, 3, 7, 25])
def test_a_handful_of_pairs_still_gives_a_proper_distribution(make_part, pairs):
    pred, response, _ = make_part(lines=1, drugs=pairs)
    fitted = isotonic.fit(pred, response)(pred)
    assert np.all(np.isfinite(fitted.log_prob(response)))
    assert np.all(np.diff(fitted.quantile([0.01, 0.5, 0.99]), axis=1) > 0)


def test_equal_residuals_still_give_a_proper_distribution(make_part):
    pred = make_part()[0]
    fitted = isotonic.fit(pred, pred.mean + pred.std)(pred)
    assert np.all(np.isfinite(fitted.crps(pred.mean)))
    assert np.all(fitted.std > 0)


@pytest.mark.parametrize(
    "change",
    [
        {"levels": None},
        {"levels": [0.5]},
        {"levels": [0.5, 0.4]},
        {"remapped": [0.2, float("nan")]},
        {"remapped": [0.0, 0.5]},
        {"remapped": [0.2, 0.8]},
        {"remapped": ["a", "b"]},
    ],
)
def test_altered_knots_are_refused(skewed_part, change):
    stored = isotonic.fit(*skewed_part[:2]).to_json()
    with pytest.raises(DataError, match="fit the"):
        calibration.from_json({**stored, **change})
