"""Recalibrations with a factor or a curve for each drug or tissue."""

from __future__ import annotations

import numpy as np
import pytest

from bdrp import calibration
from bdrp.calibration import isotonic_by_drug, variance_scaling, variance_scaling_by_drug, variance_scaling_by_tissue
from bdrp.errors import DataError

SPREAD = np.array([0.5, 1.0, 2.0])


@pytest.fixture
def uneven(make_part):
    """Three drugs whose residuals are 0.5, 1 and 2 times what was promised, 300 pairs each."""
    pred, _, lines = make_part(lines=300, drugs=3)
    response = pred.mean + pred.std * np.tile(SPREAD, 300) * np.random.default_rng(5).standard_normal(900)
    return pred, response, lines


def test_each_drug_gets_its_own_factor(uneven):
    # SE of a factor 4 % (300 pairs): 15 % is nearly 4 of them for each of three drugs.
    fitted = variance_scaling_by_drug.fit(*uneven[:2])
    np.testing.assert_allclose(fitted.factors, SPREAD, rtol=0.15)
    assert fitted.grouping.labels == ("D0", "D1", "D2")


def test_drugs_that_differ_only_by_chance_share_one_factor(make_part):
    pred, response, _ = make_part(lines=40, drugs=40)
    fitted = variance_scaling_by_drug.fit(pred, response)
    raw = [np.sqrt(np.mean(np.square((response - pred.mean) / pred.std).reshape(40, 40)[:, i])) for i in range(40)]
    assert np.std(np.log(fitted.factors)) < np.std(np.log(raw)) / 2


def test_small_drugs_are_left_to_the_factor_of_all(uneven):
    pred, response, _ = uneven
    few = (pred.keys["drug_id"] == "D2").to_numpy() & (np.arange(900) // 3 >= 10)
    fitted = variance_scaling_by_drug.fit(pred[~few], response[~few])
    assert set(fitted.grouping.members) == {"D0", "D1"}
    last = pred[np.array([2])]
    np.testing.assert_allclose(fitted(last).std, fitted.factor * last.std)


def test_tissues_are_grouped_by_their_lines(uneven):
    pred, response, lines = uneven
    tissues = {line: f"T{int(line[1:]) % 2}" for line in lines}
    at = np.array([tissues[line] == "T1" for line in lines])
    fitted = variance_scaling_by_tissue.fit(pred, response + 2 * (response - pred.mean) * at, tissues=tissues)
    assert fitted.factors[1] > 2 * fitted.factors[0]


def test_each_drug_gets_its_own_curve(uneven):
    # 300 pairs and 100 of prior: the share below the 5 % quantile of the widest drug comes within reach of 5 %.
    pred, response, _ = uneven
    fitted, overall = isotonic_by_drug.fit(pred, response), calibration.fit("isotonic", pred, response)
    for drug in range(3):
        here = np.arange(900) % 3 == drug
        error, before = (
            np.abs(np.mean(np.abs(2 * f(pred[here]).cdf(response[here]) - 1) <= 0.8) - 0.8) for f in (fitted, overall)
        )
        assert error < max(0.06, before)
        assert error < 0.12


def test_one_drug_is_the_case_without_groups(make_part):
    pred, response, _ = make_part(lines=200, drugs=1, residual=lambda rng, n: 2 * rng.standard_normal(n))
    fitted = variance_scaling_by_drug.fit(pred, response)
    assert fitted.factors[0] == pytest.approx(variance_scaling.fit(pred, response).factor)


def test_a_students_factors_make_its_scores_standard(make_heavy_part):
    pred, _, _ = make_heavy_part(lines=300, drugs=3)
    factors = np.tile(SPREAD, 300)
    response = pred.scaled(factors).sample(1, seed=2)[0]
    fitted = variance_scaling_by_drug.fit(pred, response)
    np.testing.assert_allclose(fitted.factors, SPREAD, rtol=0.2)
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
    wide = variance_scaling_by_drug.fit(pred, response)(together)
    draws = wide[np.arange(6)].joint(20_000, seed=0)
    np.testing.assert_allclose(draws.std(axis=0), wide.std[:6], rtol=0.03)


@pytest.mark.parametrize("name", ["variance_scaling_by_drug", "isotonic_by_drug", "conformal_by_drug"])
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
    stored = variance_scaling_by_drug.fit(*uneven[:2]).to_json()
    with pytest.raises(DataError, match="altered or damaged"):
        calibration.from_json({**stored, "factors": factors})


@pytest.mark.parametrize("curves", [None, [], [{}, {}, {}], [3, 3, 3]])
def test_altered_curves_are_refused(uneven, curves):
    stored = isotonic_by_drug.fit(*uneven[:2]).to_json()
    with pytest.raises(DataError, match="altered or damaged"):
        calibration.from_json({**stored, "curves": curves})
