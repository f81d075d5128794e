from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from bdrp.errors import DataError
from bdrp.predictive import Normal, Remapped, Shaped, StudentT
from bdrp.predictive.level_map import LevelMap, LevelMaps

KNOTS = [0.05, 0.25, 0.5, 0.75, 0.95], [0.1, 0.2, 0.55, 0.7, 0.9]


DOF = 8.0
SHAPE = LevelMap((0.02, 0.3, 0.5, 0.8, 0.99), (0.05, 0.25, 0.6, 0.85, 0.97))
MAPS = LevelMaps(LevelMap(*map(tuple, KNOTS)), "drug_id", (LevelMap((0.1, 0.9), (0.2, 0.85)),), {"D1": 0, "D3": 0})

FAMILIES = {
    "normal": lambda base: base,
    "student_t": lambda base: StudentT(
        base.keys, base.measure, base.mean, base.aleatoric, base.epistemic, DOF, unit=base.unit
    ),
    "shaped": lambda base: Shaped(
        base.keys, base.measure, base.mean, base.aleatoric, base.epistemic, SHAPE, unit=base.unit
    ),
    "remapped": lambda base: Remapped(base, *KNOTS),
    "remapped_shaped": lambda base: Remapped(FAMILIES["shaped"](base), *KNOTS),
    "remapped_student_t": lambda base: Remapped(FAMILIES["student_t"](base), *KNOTS),
    "remapped_by_drug": lambda base: Remapped.by_group(base, MAPS),
}


@pytest.fixture(params=FAMILIES)
def pred(request, make_normal):
    return FAMILIES[request.param](make_normal())


def each_family(base):
    return [make(base) for make in FAMILIES.values()]


def test_variance_is_aleatoric_plus_epistemic(pred):
    np.testing.assert_allclose(pred.variance, pred.aleatoric + pred.epistemic, rtol=1e-14)
    np.testing.assert_allclose(pred.std**2, pred.variance, rtol=1e-14)


def test_the_frame_has_exactly_the_promised_columns(pred):
    frame = pred.to_frame()
    assert list(frame.columns) == [
        "cell_line_id", "drug_id", "mean", "std", "aleatoric_std", "epistemic_std", "q05", "q25", "q50", "q75", "q95",
    ]  # fmt: skip
    np.testing.assert_array_equal(frame["q95"], pred.quantile(0.95))
    assert frame.index.equals(pd.RangeIndex(len(pred)))


def test_keys_are_the_distributions_own(make_normal):
    keys = make_normal().keys.copy()
    made = Normal(keys, "ln_ic50_um", *np.ones((3, len(keys))))
    keys.iloc[0, 0] = "another"
    keys["more"] = 1
    pd.testing.assert_frame_equal(made.keys, make_normal().keys)


def test_shapes_follow_the_question(pred):
    n = len(pred)
    assert pred.cdf(0.0).shape == (n,)
    assert pred.cdf(np.zeros(n)).shape == (n,)
    assert pred.cdf(np.zeros((n, 3))).shape == (n, 3)
    assert pred.quantile(0.3).shape == (n,)
    assert pred.quantile([0.3, 0.6]).shape == (n, 2)
    assert pred.interval(0.8).shape == (n, 2)
    assert pred.sample(4, seed=0).shape == (4, n)
    assert pred.log_prob(pred.mean).shape == pred.crps(pred.mean).shape == (n,)


@given(inner=st.floats(0.01, 0.98), gap=st.floats(0.001, 0.5))
@settings(max_examples=40, deadline=None)
def test_a_wider_interval_holds_a_narrower_one(make_normal, inner, gap):
    outer = min(inner + gap, 0.99)
    for pred in each_family(make_normal()):
        narrow, wide = pred.interval(inner), pred.interval(outer)
        assert np.all(wide[:, 0] <= narrow[:, 0])
        assert np.all(narrow[:, 1] <= wide[:, 1])


@given(p=st.floats(1e-6, 1 - 1e-6))
@settings(max_examples=60, deadline=None)
def test_the_cdf_undoes_the_quantile(make_normal, p):
    for pred in each_family(make_normal()):
        np.testing.assert_allclose(pred.cdf(pred.quantile(p)), p, rtol=1e-8)


def test_cdf_and_survival_sum_to_one(pred):
    y = np.linspace(-3, 3, len(pred))
    grid = pred.quantile([1e-9, 0.05, 0.5, 0.95, 1 - 1e-9])
    np.testing.assert_allclose(pred.cdf(grid) + pred.survival(grid), 1, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(pred.survival(np.stack([y, y + 1], axis=1))[:, 0], pred.survival(y))


def test_survival_is_the_integral_of_the_density_even_where_the_cdf_rounds_to_one(pred):
    one, away = pred[:1], 4.0
    while one.cdf(one.mean + away * one.std)[0] < 1:
        away *= 1.2
    y = (one.mean + away * one.std)[0]
    left = one.survival(y)[0]
    assert 0 < left < 1e-15
    reach = 60 * left / np.exp(one.log_prob(y)[0])
    beyond = quad(lambda t: np.exp(one.log_prob(t)[0]), y, y + reach, epsabs=0, limit=200)[0]
    assert left == pytest.approx(beyond, rel=1e-6)


@given(order=st.permutations(range(12)))
@settings(max_examples=20, deadline=None)
def test_permuting_pairs_permutes_every_answer(make_normal, order):
    base, y = make_normal(12), np.linspace(-3, 3, 12)
    for pred in each_family(base):
        shuffled = pred[np.array(order)]
        for answer in ("cdf", "log_prob", "crps"):
            np.testing.assert_array_equal(getattr(shuffled, answer)(y[order]), getattr(pred, answer)(y)[order])
        assert shuffled.to_frame().equals(pred.to_frame().iloc[order].reset_index(drop=True))


@given(scale=st.floats(0.01, 100), shift=st.floats(-50, 50))
@settings(max_examples=40, deadline=None)
def test_a_change_of_unit_moves_answers_as_it_must(make_normal, scale, shift):
    one, y = make_normal(10), np.linspace(-3, 3, 10)
    other = Normal(one.keys, "other", one.mean * scale + shift, one.aleatoric * scale**2, one.epistemic * scale**2)
    for pred, moved in zip(each_family(one), each_family(other), strict=True):
        z = y * scale + shift
        np.testing.assert_allclose(moved.cdf(z), pred.cdf(y), atol=1e-9)
        np.testing.assert_allclose(moved.crps(z), pred.crps(y) * scale, rtol=1e-6)
        np.testing.assert_allclose(moved.log_prob(z), pred.log_prob(y) - np.log(scale), atol=1e-6)


@pytest.mark.parametrize("index", [np.arange(50) % 2 == 0, np.array([3, 1, 3]), slice(5, 9)])
def test_part_of_the_pairs_answers_as_the_whole_did(pred, index):
    part = pred[index]
    assert type(part) is type(pred)
    np.testing.assert_array_equal(part.quantile(0.3), pred.quantile(0.3)[index])
    assert part.keys.index.equals(pd.RangeIndex(len(part)))


def test_samples_follow_the_distribution(pred):
    # Each of 50 means and SDs of 20,000 draws: 5 standard errors, failing once in 20,000 seeds. (A t's SD has a larger
    # standard error: with 8 degrees 4 of them, failing once in 300.)
    draws = pred.sample(20_000, seed=1)
    assert np.all(np.abs(draws.mean(axis=0) - pred.mean) < 5 * pred.std / np.sqrt(20_000))
    np.testing.assert_allclose(draws.std(axis=0), pred.std, rtol=5 / np.sqrt(20_000))
    np.testing.assert_array_equal(draws, pred.sample(20_000, seed=1))


def test_arrays_cannot_be_changed_from_outside(pred):
    with pytest.raises(ValueError, match="read-only"):
        pred.mean[0] = 1.0


@pytest.mark.parametrize("name", ["mean", "aleatoric", "epistemic"])
def test_non_finite_values_are_refused_by_row(make_normal, name):
    values = np.ones(50)
    values[[7, 9]] = np.nan, np.inf
    with pytest.raises(DataError, match=r"2 non-finite values among 50 \(rows 7, 9\)"):
        make_normal(**{name: values})


def test_a_variance_of_zero_is_refused(make_normal):
    with pytest.raises(DataError, match="variance is zero for 50 of 50"):
        make_normal(aleatoric=np.zeros(50), epistemic=np.zeros(50))
    assert len(make_normal(epistemic=np.zeros(50))) == 50


def test_a_negative_variance_is_refused(make_normal):
    with pytest.raises(DataError, match="aleatoric variance is negative for 1 of 50"):
        make_normal(aleatoric=np.append(np.ones(49), -0.1))


def test_a_negative_sd_is_refused(make_normal):
    one = make_normal(2)
    with pytest.raises(DataError, match="epistemic SD is negative"):
        Normal.from_std(one.keys, "m", one.mean, [1, 1], [1, -1])


def test_lengths_must_agree(make_normal):
    with pytest.raises(DataError, match=r"shape \(3,\) for 50 pairs"):
        make_normal(mean=np.zeros(3))


def test_keys_need_both_columns(make_normal):
    with pytest.raises(DataError, match="lack drug_id"):
        make_normal(keys=pd.DataFrame({"cell_line_id": ["a"]}))


@pytest.mark.parametrize("level", [0, 1, 90, -0.1, float("nan")])
def test_a_level_that_is_no_probability_is_refused(pred, level):
    with pytest.raises(DataError, match="Write 90 % as 0.9"):
        pred.interval(level)
    with pytest.raises(DataError, match="Write 5 % as 0.05"):
        pred.quantile(level)


@pytest.mark.parametrize("shape", [(49,), (1, 50), (50, 2, 2)])
def test_responses_that_do_not_line_up_are_refused(pred, shape):
    with pytest.raises(DataError, match="do not line up"):
        pred.cdf(np.zeros(shape))


def test_without_weights_there_is_no_joint_draw(pred):
    with pytest.raises(DataError, match="no joint draws"):
        pred.joint(10, seed=0)
