from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtri

from bdrp.errors import DataError
from bdrp.predictive import Remapped, StudentT
from bdrp.predictive.level_map import LevelMap, LevelMaps

KNOTS = [0.05, 0.25, 0.5, 0.75, 0.95], [0.1, 0.2, 0.55, 0.7, 0.9]


@st.composite
def level_maps(draw):
    """Maps with 2 to 8 knots, some nearly flat, some steep."""
    size = draw(st.integers(2, 8))
    gaps = st.lists(st.floats(0.05, 1.0), min_size=size + 1, max_size=size + 1)
    cuts = [np.cumsum(draw(gaps)) for _ in range(2)]
    return LevelMap(*(tuple((cut / cut[-1])[:-1].tolist()) for cut in cuts))


def heavy(base, dof=4.0):
    return StudentT(base.keys, base.measure, base.mean, base.aleatoric, base.epistemic, dof, base.joint_draws)


@pytest.fixture(params=["normal", "student_t"])
def one(request, make_normal):
    base = make_normal(1, mean=[0.7], aleatoric=[1.5], epistemic=[0.5])
    return Remapped(base if request.param == "normal" else heavy(base, dof=8.0), *KNOTS)


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
    total = quad(lambda value: np.exp(one.log_prob(value)[0]), -300, 300, limit=400, points=[-9, -2, 0, 2, 9])[0]
    assert total == pytest.approx(1, abs=1e-6)


def test_mean_and_variance_are_those_of_the_density(one):
    def moment(power):
        return quad(
            lambda v: (v - (0 if power == 1 else one.mean[0])) ** power * np.exp(one.log_prob(v)[0]),
            -3000, 3000, limit=900, points=[-40, -9, -2, 0, 2, 9, 40],
        )[0]  # fmt: skip

    assert moment(1) == pytest.approx(one.mean[0], abs=1e-6)
    assert moment(2) == pytest.approx(one.variance[0], rel=1e-5)


@pytest.mark.parametrize("y", [-8.0, -1.0, 0.7, 2.5, 12.0])
def test_crps_is_the_integral_that_defines_it(one, y):
    below = quad(lambda t: one.cdf(t)[0] ** 2, -40, y, limit=400)[0]
    above = quad(lambda t: (1 - one.cdf(t)[0]) ** 2, y, 40, limit=400)[0]
    assert one.crps(y)[0] == pytest.approx(below + above, rel=1e-6, abs=1e-6)


def test_aleatoric_and_epistemic_keep_their_proportion(make_normal):
    base = make_normal()
    remapped = Remapped(base, *KNOTS)
    np.testing.assert_allclose(remapped.epistemic / remapped.variance, base.epistemic / base.variance)


@given(curve=level_maps())
@settings(max_examples=60, deadline=None)
def test_any_remap_is_a_proper_distribution(make_normal, curve):
    base = make_normal(1, mean=[0.0], aleatoric=[1.0], epistemic=[0.0])
    for pred in (Remapped(base, curve.levels, curve.remapped), Remapped(heavy(base), curve.levels, curve.remapped)):
        y = np.linspace(-12, 12, 801)[None]
        assert np.all(np.diff(pred.cdf(y)) >= 0)
        assert np.all(np.isfinite(pred.log_prob(y)))
        assert np.all(pred.crps(y) >= -1e-9)
        assert pred.std[0] > 0


@given(curve=level_maps(), p=st.floats(1e-9, 1 - 1e-9))
@settings(max_examples=100, deadline=None)
def test_any_maps_inverse_undoes_it(curve, p):
    z = curve.from_probit(ndtri(np.array([p])))
    np.testing.assert_allclose(curve.probit(z), ndtri(p), atol=1e-9)


def test_beyond_the_outermost_knots_tails_stay_normal():
    curve = LevelMap((0.1, 0.5, 0.9), (0.2, 0.5, 0.8))
    chord = ndtri(0.8) / ndtri(0.9)
    assert curve.probit(np.array([5.0]))[0] == pytest.approx(ndtri(0.8) + (5 - ndtri(0.9)) * chord)


def test_beyond_the_outermost_knots_a_heavy_tail_is_not_made_heavier(make_normal):
    base = heavy(make_normal(1), dof=2.5)
    wide = Remapped(base, [0.1, 0.5, 0.9], [0.2, 0.5, 0.8])
    np.testing.assert_allclose(wide.maps.overall.slope(np.array([-9.0, 9.0])), 1.0)
    assert base.std[0] < wide.std[0] < 4 * base.std[0]


def test_each_drug_can_have_a_map_of_its_own(make_normal):
    base, y = make_normal(10), np.linspace(-3, 3, 10)
    own = [LevelMap((0.1, 0.9), (0.2, 0.8)), LevelMap(*map(tuple, KNOTS))]
    pred = Remapped.by_group(
        base, LevelMaps(LevelMap((0.2, 0.8), (0.2, 0.8)), "drug_id", tuple(own), {"D1": 0, "D3": 1})
    )
    for drug, curve in {"D0": pred.maps.overall, "D1": own[0], "D3": own[1]}.items():
        here = (base.keys["drug_id"] == drug).to_numpy()
        alone = Remapped(base[here], curve.levels, curve.remapped)
        for answer in ("cdf", "log_prob", "crps"):
            np.testing.assert_allclose(getattr(pred, answer)(y)[here], getattr(alone, answer)(y[here]))
        np.testing.assert_allclose(pred.std[here], alone.std)
        np.testing.assert_allclose(pred.quantile([0.1, 0.6])[here], alone.quantile([0.1, 0.6]))


@pytest.mark.parametrize("change", [{"by": "tissue"}, {"members": {"D1": 1}}, {"members": {"D1": True}}])
def test_groups_that_do_not_exist_are_refused(change):
    curve = LevelMap((0.2, 0.8), (0.2, 0.8))
    with pytest.raises(DataError, match="A remap by group is not usable"):
        LevelMaps(**{"overall": curve, "by": "drug_id", "groups": (curve,), "members": {"D1": 0}, **change})


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
