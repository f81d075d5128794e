"""Recalibrations with a factor, a line or a curve for each drug, tissue, scaffold, laboratory or cell line."""

from __future__ import annotations

import numpy as np
import pytest

from bdrp import calibration
from bdrp.errors import DataError

SPREAD = np.array([0.5, 1.0, 2.0])


def factors_of(fitted):
    return [version.factor for version in fitted.each]


@pytest.fixture
def uneven(make_part):
    """Three drugs whose residuals are 0.5, 1 and 2 times what was promised, 300 pairs each."""
    pred, _, lines = make_part(lines=300, drugs=3)
    response = pred.mean + pred.std * np.tile(SPREAD, 300) * np.random.default_rng(5).standard_normal(900)
    return pred, response, lines


def test_each_drug_gets_its_own_factor(uneven):
    # SE of a factor 4 % (300 pairs): 15 % is nearly 4 of them for each of three drugs.
    fitted = calibration.fit("variance_scaling_by_drug", *uneven[:2])
    np.testing.assert_allclose(factors_of(fitted), SPREAD, rtol=0.15)
    assert fitted.grouping.labels == ("D0", "D1", "D2")


def test_drugs_that_differ_only_by_chance_share_one_factor(make_part):
    pred, response, _ = make_part(lines=40, drugs=40)
    fitted = calibration.fit("variance_scaling_by_drug", pred, response)
    raw = [np.sqrt(np.mean(np.square((response - pred.mean) / pred.std).reshape(40, 40)[:, i])) for i in range(40)]
    assert np.std(np.log(factors_of(fitted))) < np.std(np.log(raw)) / 2


def test_small_drugs_are_left_to_the_factor_of_all(uneven):
    pred, response, _ = uneven
    few = (pred.keys["drug_id"] == "D2").to_numpy() & (np.arange(900) // 3 >= 10)
    fitted = calibration.fit("variance_scaling_by_drug", pred[~few], response[~few])
    assert set(fitted.grouping.members) == {"D0", "D1"}
    last = pred[np.array([2])]
    np.testing.assert_allclose(fitted(last).std, fitted.overall.factor * last.std)


def test_tissues_are_grouped_by_their_lines(uneven):
    pred, response, lines = uneven
    tissues = {line: f"T{int(line[1:]) % 2}" for line in lines}
    at = np.array([tissues[line] == "T1" for line in lines])
    fitted = calibration.fit(
        "variance_scaling_by_tissue", pred, response + 2 * (response - pred.mean) * at, labels=tissues
    )
    assert fitted.each[1].factor > 2 * fitted.each[0].factor


def test_each_drug_gets_its_own_curve(uneven):
    # 300 pairs and 100 of prior: the share below the 5 % quantile of the widest drug comes within reach of 5 %.
    pred, response, _ = uneven
    fitted = calibration.fit("isotonic_by_drug", pred, response)
    overall = calibration.fit("isotonic", pred, response)
    for drug in range(3):
        here = np.arange(900) % 3 == drug
        error, before = (
            np.abs(np.mean(np.abs(2 * f(pred[here]).cdf(response[here]) - 1) <= 0.8) - 0.8) for f in (fitted, overall)
        )
        assert error < max(0.06, before)
        assert error < 0.12


def test_one_drug_is_the_case_without_groups(make_part):
    pred, response, _ = make_part(lines=200, drugs=1, residual=lambda rng, n: 2 * rng.standard_normal(n))
    fitted = calibration.fit("variance_scaling_by_drug", pred, response)
    assert fitted.each[0].factor == pytest.approx(calibration.fit("variance_scaling", pred, response).factor)


def test_a_students_factors_make_its_scores_standard(make_heavy_part):
    pred, _, _ = make_heavy_part(lines=300, drugs=3)
    factors = np.tile(SPREAD, 300)
    response = pred.scale(factors).sample(1, seed=2)[0]
    fitted = calibration.fit("variance_scaling_by_drug", pred, response)
    np.testing.assert_allclose(factors_of(fitted), SPREAD, rtol=0.2)
    scores = fitted(pred).probit(response).reshape(-1, 3)
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(scores), axis=0)), 1, atol=0.05)


def test_each_pair_is_scaled_with_its_joint_draws(uneven):
    class Shared:
        def __init__(self, loading):
            self.loading = loading

        def draw(self, rng, draws):
            return rng.standard_normal((draws, 1)) * self.loading

        def __getitem__(self, index):
            return Shared(self.loading[index])

    pred, response, _ = uneven
    together = type(pred)(
        pred.keys, pred.measure, pred.mean, pred.aleatoric, pred.epistemic, Shared(pred.epistemic_std)
    )
    wide = calibration.fit("variance_scaling_by_drug", pred, response)(together)
    draws = wide[np.arange(6)].joint(20_000, seed=0)
    np.testing.assert_allclose(draws.std(axis=0), wide.std[:6], rtol=0.03)


def test_each_drug_gets_its_own_line(make_part):
    # 300 pairs a drug, residuals of SD 1 to 2: SE of a level at most 0.12 after the prior; the bounds are 3 of them.
    pred, _, _ = make_part(lines=300, drugs=3)
    drug = np.arange(900) % 3
    noise = pred.std * SPREAD[drug] * np.random.default_rng(5).standard_normal(900)
    response = np.array([-2.0, 0.0, 1.0])[drug] + np.array([0.7, 1.0, 1.2])[drug] * pred.mean + noise
    fitted = calibration.fit("affine_by_drug", pred, response)
    np.testing.assert_allclose([one.offset for one in fitted.each], [-2, 0, 1], atol=0.35)
    np.testing.assert_allclose([one.slope for one in fitted.each], [0.7, 1, 1.2], atol=0.1)
    np.testing.assert_allclose(factors_of(fitted), SPREAD, rtol=0.15)
    left = (response - fitted(pred).mean).reshape(-1, 3).mean(axis=0)
    before = (response - calibration.fit("affine", pred, response)(pred).mean).reshape(-1, 3).mean(axis=0)
    assert np.abs(left).max() < 0.2 < 0.8 < np.abs(before).max()


def test_a_drug_whose_level_differs_by_chance_is_drawn_to_that_of_all(make_part):
    # 20 pairs a drug, no true difference: the mean square of 40 levels falls to (20 / 30)^2; here two thirds at most.
    pred, response, _ = make_part(lines=20, drugs=40)
    fitted = calibration.fit("affine_by_drug", pred, response)
    shift = (fitted(pred).mean - fitted.overall(pred).mean).reshape(20, 40).mean(axis=0)
    raw = (response - fitted.overall(pred).mean).reshape(20, 40).mean(axis=0)
    assert np.mean(shift**2) < 2 / 3 * np.mean(raw**2)


@pytest.mark.parametrize(
    ("by", "key"), [("scaffold", "drug_id"), ("laboratory", "drug_id"), ("tissue", "cell_line_id")]
)
def test_any_grouping_goes_by_the_labels_that_it_is_given(uneven, by, key):
    pred, response, _ = uneven
    labels = {one: "odd" if int(one[1:]) % 2 else "even" for one in pred.keys[key]}
    odd = pred.keys[key].map(labels).eq("odd").to_numpy()
    fitted = calibration.fit(f"variance_scaling_by_{by}", pred, pred.mean + (1 + 2 * odd) * pred.std, labels=labels)
    assert (fitted.kind, fitted.grouping.by) == (f"variance_scaling_by_{by}", key)
    assert fitted.grouping.labels == ("even", "odd")
    assert fitted.each[1].factor > 2 * fitted.each[0].factor


def test_by_cell_line_each_line_is_its_own_group(make_part):
    pred, response, lines = make_part(lines=3, drugs=40)
    fitted = calibration.fit("variance_scaling_by_cell_line", pred, response)
    assert set(fitted.grouping.labels) == set(lines)


@pytest.mark.parametrize("by", ["scaffold", "laboratory", "tissue"])
def test_a_grouping_that_ids_do_not_tell_needs_labels(uneven, by):
    with pytest.raises(DataError, match=f"needs the {by} of each .* labels, a mapping of"):
        calibration.fit(f"isotonic_by_{by}", *uneven[:2])


@pytest.mark.parametrize("name", ["identity_by_drug", "conformal_by_unit_by_drug", "isotonic_by_zodiac", "_by_drug"])
def test_what_cannot_be_fitted_by_that_group_is_refused_with_what_can(uneven, name):
    with pytest.raises(DataError, match=f"called '{name}'.*affine, conformal, isotonic, variance_scaling also with"):
        calibration.fit(name, *uneven[:2])


def test_the_guarantee_of_groups_is_that_of_what_they_are_made_of(uneven):
    guaranteed = {name: calibration.fit(f"{name}_by_drug", *uneven[:2]) for name in ("conformal", "isotonic")}
    assert guaranteed["conformal"].guarantee_is_for_one_fit and not guaranteed["isotonic"].guarantee_is_for_one_fit


@pytest.mark.parametrize(
    "name", ["variance_scaling_by_drug", "isotonic_by_drug", "conformal_by_drug", "affine_by_drug"]
)
@pytest.mark.parametrize(
    "change",
    [
        None,
        {"by": "tissue"},
        {"labels": ["D0", "D0", "D2"]},
        {"labels": ["D0"]},
        {"labels": [1, 2, 3]},
        {"members": [["D0", 3]]},
        {"members": [["D0", -1]]},
        {"members": [["D0", True]]},
        {"members": [["D0", 0.0]]},
        {"members": [[0, 0]]},
        {"members": {"D0": 0}},
    ],
)
def test_altered_groups_are_refused(uneven, name, change):
    stored = calibration.fit(name, *uneven[:2]).to_json()
    grouping = None if change is None else stored["grouping"] | change
    with pytest.raises(DataError, match=r"altered or damaged"):
        calibration.from_json({**stored, "grouping": grouping})


@pytest.mark.parametrize("factors", [None, [1.0], [1.0, 1.0, float("nan")], [1.0, 1.0, -1], ["1", 1.0, 1.0]])
def test_altered_factors_are_refused(uneven, factors):
    stored = calibration.fit("variance_scaling_by_drug", *uneven[:2]).to_json()
    with pytest.raises(DataError, match="altered or damaged"):
        calibration.from_json({**stored, "factors": factors})


@pytest.mark.parametrize("spoiled", [None, 3, {"offset": 0.0, "slope": -1.0, "factor": 1.0}, {"offset": 0.0}])
def test_altered_lines_are_refused(uneven, spoiled):
    stored = calibration.fit("affine_by_drug", *uneven[:2]).to_json()
    with pytest.raises(DataError, match="altered or damaged"):
        calibration.from_json({**stored, "affine_maps": [spoiled, *stored["affine_maps"][1:]]})


@pytest.mark.parametrize("curves", [None, [], [{}, {}, {}], [3, 3, 3]])
def test_altered_curves_are_refused(uneven, curves):
    stored = calibration.fit("isotonic_by_drug", *uneven[:2]).to_json()
    with pytest.raises(DataError, match="altered or damaged"):
        calibration.from_json({**stored, "curves": curves})
