from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from bdrp.evaluation.observed import check_observed
from bdrp.evaluation.right_censoring import (
    drug_base_rates,
    log_loss,
    reliability,
    right_censoring_metrics,
    right_censoring_probabilities,
    within_group_auroc,
)
from bdrp.evaluation.selective import deal_lines_in_halves


def figures_of(pred, seen, seed=0):
    return right_censoring_metrics(pred, seen, reliability(pred, seen, seed), seed)


def test_scores_of_hand_made_pairs(make_seen):
    # P(beyond) of 0.5, 0.975 and 0.025; only the second lay beyond.
    z = norm.ppf(0.975)
    pred, seen = make_seen([0.0, z, -z], [1.0] * 3, [-1.0, 1.0, -1.0], upper_limit=0.0)
    np.testing.assert_allclose(right_censoring_probabilities(pred, seen), [0.5, 0.975, 0.025])
    figures = figures_of(pred, seen)
    assert figures["share"] == pytest.approx(1 / 3)
    assert figures["brier"] == pytest.approx((0.25 + 2 * 0.025**2) / 3)
    assert figures["brier_if_calibrated"] == pytest.approx((0.25 + 2 * 0.025 * 0.975) / 3)
    assert figures["log_loss"] == pytest.approx((np.log(2) - 2 * np.log(0.975)) / 3)


def test_the_base_rate_is_counted_on_the_other_half_with_one_imagined_pair(make_seen):
    pred, seen = make_seen([0.0] * 4, [1.0] * 4, [1.0] * 4, upper_limit=0.0)
    overall = (2 + 0.5) / (2 + 1)
    np.testing.assert_allclose(drug_base_rates(seen, seed=0), (2 + overall) / (2 + 1))
    assert figures_of(pred, seen)["brier_base_rate"] == pytest.approx((1 - (2 + overall) / 3) ** 2)


def test_the_base_rates_brier_score_has_its_closed_form(make_pairs):
    pred, table = make_pairs()
    seen = check_observed(pred, table.assign(upper_limit=0.5))
    half, total = deal_lines_in_halves(seen, 3), 0.0
    for drug in range(40):
        counts = [(seen.drug_codes == drug) & (half == side) for side in (0, 1)]
        for own, other, side in ((*counts, 0), (*counts[::-1], 1)):
            overall = (np.sum(seen.above[half != side]) + 0.5) / (np.sum(half != side) + 1)
            rate = (np.sum(seen.above[other]) + overall) / (np.sum(other) + 1)
            share = seen.above[own].mean()
            total += np.sum(own) * (share * (1 - rate) ** 2 + (1 - share) * rate**2)
    assert figures_of(pred, seen, seed=3)["brier_base_rate"] == pytest.approx(total / 2400)


def test_a_drug_unseen_in_the_other_half_gets_the_overall_share(make_seen):
    _, seen = make_seen([0.0] * 4, [1.0] * 4, [1.0, 1, -1, -1], drugs=["A", "B", "C", "D"], upper_limit=0.0)
    half = deal_lines_in_halves(seen, 0)
    for side in (0, 1):
        overall = (np.sum(seen.above[half != side]) + 0.5) / 3
        np.testing.assert_allclose(drug_base_rates(seen, 0)[half == side], overall)


def test_no_pair_judges_itself(make_pairs):
    _, table = make_pairs(30, 3)
    pred, _ = make_pairs(30, 3)
    seen = check_observed(pred, table.assign(upper_limit=0.0))
    for row in (0, 17, 44):
        response = seen.response.copy()
        response[row] = 9.0 if response[row] < 0 else -9.0
        flipped = check_observed(pred, table.assign(response=response, upper_limit=0.0))
        assert drug_base_rates(seen, 0)[row] == drug_base_rates(flipped, 0)[row]


def test_a_calibrated_forecaster_gives_a_flat_reliability(make_pairs):
    # One seed; the bands each fail once in 20 seeds, the Brier score's 4 standard errors once in 16,000.
    pred, table = make_pairs(200, 40)
    seen = check_observed(pred, table.assign(upper_limit=0.5))
    curve, figures = reliability(pred, seen, 0), figures_of(pred, seen)
    assert figures["reliability_inside_band"] and figures["reliability_consistent"]
    assert np.all(curve["n"] >= 20) and curve["n"].sum() == 8000
    assert np.all((curve["low"] <= curve["nominal"]) & (curve["nominal"] <= curve["high"]))
    assert abs(figures["brier"] - figures["brier_if_calibrated"]) < 4 * 0.5 / np.sqrt(8000)
    assert figures["brier_skill_lower"] < figures["brier_skill"] < figures["brier_skill_upper"]
    assert figures["auroc"] > figures["auroc_base_rate"] > 0.5
    assert figures["within_drug_auroc"] > 0.5


def test_a_forecaster_that_is_too_sure_or_leans_is_found_out(make_pairs):
    pred, table = make_pairs(200, 40)
    seen = check_observed(pred, table.assign(upper_limit=0.5))
    assert not figures_of(pred.scale(0.3), seen)["reliability_inside_band"]
    _, high = pred, table.assign(response=table["response"] - 0.8, upper_limit=0.5)
    figures = figures_of(pred, check_observed(pred, high))
    assert not figures["reliability_consistent"]
    assert figures["mean_probability"] > figures["share"] + 0.03


def test_the_area_under_the_curve_counts_pairs_in_order(make_seen):
    # 5 beyond with scores 1-5, 5 not with 0: all 25 in order; then one tie and one reversal.
    event = np.array([1.0] * 5 + [0.0] * 5)
    everyone = np.zeros(10, dtype=np.intp)
    assert within_group_auroc(np.array([1.0, 2, 3, 4, 5, 0, 0, 0, 0, 0]), event, everyone) == 1
    assert within_group_auroc(np.array([1.0, 2, 3, 4, 5, 1, 1.5, 0, 0, 0]), event, everyone) == pytest.approx(23.5 / 25)
    assert within_group_auroc(np.zeros(10), event, everyone) == 0.5
    assert np.isnan(within_group_auroc(np.arange(10.0), np.array([1.0] * 4 + [0.0] * 6), everyone))


def test_within_drugs_a_score_that_knows_drugs_only_orders_nothing(make_pairs):
    pred, table = make_pairs()
    seen = check_observed(pred, table.assign(upper_limit=0.5))
    rate = np.bincount(seen.drug_codes, weights=seen.above) / np.bincount(seen.drug_codes)
    areas = within_group_auroc(rate[seen.drug_codes], seen.above.astype(float), seen.drug_codes)
    assert np.nanmin(areas) == np.nanmax(areas) == 0.5


def test_pairs_without_an_upper_limit_are_left_out(make_pairs):
    pred, table = make_pairs(30, 10)
    known = np.arange(300) % 3 > 0
    part = table.assign(upper_limit=np.where(known, 0.5, np.nan))
    figures = figures_of(pred, check_observed(pred, part))
    alone = figures_of(pred[known], check_observed(pred[known], table.assign(upper_limit=0.5)[known]))
    assert figures["pairs"] == 200
    assert figures["brier"] == pytest.approx(alone["brier"])
    assert figures["within_drug_auroc"] == pytest.approx(alone["within_drug_auroc"], nan_ok=True)


def test_without_any_upper_limit_nothing_is_claimed(make_seen):
    pred, seen = make_seen([0.0] * 3, [1.0] * 3, [0.0] * 3, lower_limit=-1.0)
    figures = figures_of(pred, seen)
    assert figures.pop("pairs") == figures.pop("within_drug_count") == 0
    assert figures.pop("reliability_consistent") is figures.pop("reliability_inside_band") is None
    assert all(np.isnan(value) for value in figures.values())
    assert reliability(pred, seen, 0).empty


@pytest.mark.parametrize("upper", [-50.0, 50.0])
def test_where_all_or_none_lie_beyond_there_is_nothing_to_order(make_pairs, upper):
    pred, table = make_pairs(30, 10)
    seen = check_observed(pred, table.assign(lower_limit=-99.0, upper_limit=upper))
    figures = figures_of(pred, seen)
    assert figures["share"] == (upper < 0)
    assert figures["brier"] == pytest.approx(0, abs=1e-12)
    assert np.isnan(figures["auroc"]) and np.isnan(figures["within_drug_auroc"])
    assert len(reliability(pred, seen, 0)) == 1  # equal probabilities share a bin


def test_a_certain_answer_that_is_wrong_costs_much_but_not_everything():
    np.testing.assert_allclose(log_loss(np.array([0.0, 1.0, 1.0]), np.array([1.0, 0.0, 1.0])), [34.54, 34.54, 0], 1e-3)
