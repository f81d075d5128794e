from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr, ndtri

from bdrp.errors import DataError
from bdrp.predictive import Remapped
from bdrp.predictive.shape import RemappedShape

KNOTS = [0.05, 0.25, 0.5, 0.75, 0.95], [0.1, 0.2, 0.55, 0.7, 0.9]


@st.composite
def shapes(draw):
    """Remaps with 2 to 8 knots, some nearly flat, some steep."""
    size = draw(st.integers(2, 8))
    gaps = st.lists(st.floats(0.05, 1.0), min_size=size + 1, max_size=size + 1)
    cuts = [np.cumsum(draw(gaps)) for _ in range(2)]
    return RemappedShape(*(tuple((cut / cut[-1])[:-1].tolist()) for cut in cuts))


@pytest.fixture
def one(make_normal):
    return Remapped(make_normal(1, mean=[0.7], aleatoric=[0.5], epistemic=[1.5]), *KNOTS)


def test_equal_levels_change_nothing(make_normal):
    base, y = make_normal(), np.linspace(-6, 6, 50)
    same = Remapped(base, KNOTS[0], KNOTS[0])
    np.testing.assert_allclose(same.mean, base.mean, atol=1e-12)
    np.testing.assert_allclose(same.std, base.std, rtol=1e-12)
    np.testing.assert_allclose(same.cdf(y), base.cdf(y), atol=1e-13)
    np.testing.assert_allclose(same.log_prob(y), base.log_prob(y), atol=1e-10)
    np.testing.assert_allclose(same.crps(y), base.crps(y), atol=1e-8)


def test_the_curve_passes_through_its_knots(make_normal):
    base = make_normal()
    np.testing.assert_allclose(Remapped(base, *KNOTS).cdf(base.quantile(KNOTS[0])), np.tile(KNOTS[1], (50, 1)))


def test_the_density_is_the_slope_of_the_cdf_and_integrates_to_one(one):
    y, step = np.linspace(-5, 6, 40), 1e-5
    slope = (one.cdf(y[None] + step) - one.cdf(y[None] - step)) / (2 * step)
    density = np.exp([one.log_prob(value)[0] for value in y])
    np.testing.assert_allclose(density, slope[0], rtol=1e-4, atol=1e-9)
    total = quad(lambda value: np.exp(one.log_prob(value)[0]), -30, 30, limit=400, points=[-2, 0, 2])[0]
    assert total == pytest.approx(1, abs=1e-6)


def test_mean_and_variance_are_those_of_the_density(one):
    def moment(power):
        return quad(
            lambda v: (v - (0 if power == 1 else one.mean[0])) ** power * np.exp(one.log_prob(v)[0]),
            -30, 30, limit=400, points=[-2, 0, 2],
        )[0]  # fmt: skip

    assert moment(1) == pytest.approx(one.mean[0], abs=1e-6)
    assert moment(2) == pytest.approx(one.variance[0], rel=1e-6)


@pytest.mark.parametrize("y", [-8.0, -1.0, 0.7, 2.5, 12.0])
def test_crps_is_the_integral_that_defines_it(one, y):
    below = quad(lambda t: one.cdf(t)[0] ** 2, -40, y, limit=400)[0]
    above = quad(lambda t: (1 - one.cdf(t)[0]) ** 2, y, 40, limit=400)[0]
    assert one.crps(y)[0] == pytest.approx(below + above, abs=1e-6)


def test_aleatoric_and_epistemic_keep_their_proportion(make_normal):
    base = make_normal()
    remapped = Remapped(base, *KNOTS)
    np.testing.assert_allclose(remapped.epistemic / remapped.variance, base.epistemic / base.variance)


@given(shape=shapes())
@settings(max_examples=60, deadline=None)
def test_any_remap_is_a_proper_distribution(shape):
    w = np.linspace(-12, 12, 2001)
    assert np.all(np.diff(shape.cdf(w)) >= 0)
    assert np.all(np.isfinite(shape.log_density(w)))
    assert np.all(shape.crps(w) >= 0)
    assert shape.std > 0


@given(shape=shapes(), p=st.floats(1e-9, 1 - 1e-9))
@settings(max_examples=100, deadline=None)
def test_any_remaps_quantile_undoes_its_cdf(shape, p):
    w = shape.quantile(np.array([p]))
    np.testing.assert_allclose(shape.probit(w), ndtri(p), atol=1e-9)
    np.testing.assert_allclose(shape.cdf(w), p, rtol=1e-7)


def test_beyond_the_outermost_knots_tails_stay_normal():
    shape = RemappedShape((0.1, 0.5, 0.9), (0.2, 0.5, 0.8))
    chord = ndtri(0.8) / ndtri(0.9)
    assert shape.cdf(np.array([5.0]))[0] == pytest.approx(ndtr(ndtri(0.8) + (5 - ndtri(0.9)) * chord))
    assert shape.cdf(np.array([-40.0]))[0] > 0


@pytest.mark.parametrize(
    "knots",
    [
        ([0.5], [0.5]),
        ([0.1, 0.9], [0.1, 0.5, 0.9]),
        ([0.9, 0.1], [0.1, 0.9]),
        ([0.1, 0.9], [0.5, 0.5]),
        ([0.0, 0.9], [0.1, 0.9]),
        ([0.1, 0.9], [0.1, 1.0]),
        ([0.1, float("nan")], [0.1, 0.9]),
    ],
)
def test_knots_that_are_no_increasing_probabilities_are_refused(make_normal, knots):
    with pytest.raises(DataError, match="Fit the recalibration again"):
        Remapped(make_normal(), *knots)


def test_a_remapped_prediction_is_not_remapped_again(one):
    with pytest.raises(DataError, match="a Remapped was given"):
        Remapped(one, *KNOTS)
