from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from bdrp.evaluation import curves
from bdrp.evaluation.observed import check_observed


def test_coverage_width_and_interval_score_by_hand(make_seen):
    pred, seen = make_seen([0.0] * 4, [1.0] * 4, [0.0, 1.0, -1.5, 3.0])
    figures = curves.coverage_metrics(pred, seen, seed=0)
    z = 1.6448536269514722
    assert [figures[level]["coverage"] for level in ("50", "80", "90", "95")] == [0.25, 0.5, 0.75, 0.75]
    assert figures["90"]["width"] == pytest.approx(2 * z)
    # Interval score: width, plus 2 / 0.1 times the distance outside, for one of four pairs.
    assert figures["90"]["interval_score"] == pytest.approx(2 * z + 20 * (3 - z) / 4)


def test_calibrated_pairs_are_covered_as_promised(make_pairs):
    # 2,400 pairs: SE at most 1 point; 4 SE fail once in 16,000 seeds a level.
    pred, table = make_pairs()
    for level, figures in curves.coverage_metrics(pred, check_observed(pred, table), seed=0).items():
        promised = int(level) / 100
        assert abs(figures["coverage"] - promised) < 4 * np.sqrt(promised * (1 - promised) / 2400)
        assert figures["lower"] < figures["coverage"] < figures["upper"]
        assert figures["lower"] < promised < figures["upper"]


def test_the_interval_of_coverage_holds_the_truth_with_at_least_its_rate(make_pairs):
    # The pigeonhole bootstrap errs on the wide side: of 30 sets, 26 or fewer would happen to a true 95 % once in 20.
    hits = 0
    for seed in range(30):
        pred, table = make_pairs(25, 10, seed=seed)
        ninety = curves.coverage_metrics(pred, check_observed(pred, table), seed=seed)["90"]
        hits += ninety["lower"] <= 0.9 <= ninety["upper"]
    assert hits >= 27


def test_curves_of_calibrated_pairs_stay_in_their_bands(make_pairs):
    pred, table = make_pairs()
    seen = check_observed(pred, table)
    pit = pred.cdf(seen.response)
    assert curves.is_inside_band(curves.reliability(pit, seen, seed=0))
    assert curves.is_inside_band(curves.pit_ecdf(pit, seen, seed=0))
    assert curves.miscalibration_area(pit, 0)["miscalibration_area"] < 0.02


@pytest.mark.parametrize("stretch", [0.7, 1.5])
def test_curves_of_wrong_widths_leave_their_bands(make_pairs, stretch):
    pred, table = make_pairs(stretch=stretch)
    seen = check_observed(pred, table)
    pit = pred.cdf(seen.response)
    reliability = curves.reliability(pit, seen, seed=0)
    assert not curves.is_inside_band(reliability)
    assert not curves.is_consistent(reliability)
    assert not curves.is_inside_band(curves.pit_ecdf(pit, seen, seed=0))
    assert np.all((reliability["observed"] > reliability["nominal"]) == (stretch < 1))
    area = curves.miscalibration_area(pit, 0)
    assert area["miscalibration_area"] > 5 * area["miscalibration_area_null_q95"]


def test_a_calibrated_curves_own_band_holds_the_diagonal(make_pairs):
    # 95 % or more for each of 30 sets: 26 or fewer would happen once in 20.
    held = 0
    for seed in range(30):
        pred, table = make_pairs(25, 10, seed=seed)
        seen = check_observed(pred, table)
        held += curves.is_consistent(curves.reliability(pred.cdf(seen.response), seen, seed=seed))
    assert held >= 27


def test_errors_that_lines_share_do_not_pass_for_miscalibration(make_pairs):
    # Each line's responses are off together: right for every pair alone, outside the band of independent pairs.
    pred, table = make_pairs(30, 60)
    rng = np.random.default_rng(5)
    shared = np.repeat(rng.standard_normal(30), 60) * np.sqrt(0.5) + rng.standard_normal(1800) * np.sqrt(0.5)
    seen = check_observed(pred, table.assign(response=pred.mean + pred.std * shared))
    ecdf = curves.pit_ecdf(pred.cdf(seen.response), seen, seed=0)
    assert not curves.is_inside_band(ecdf)
    assert curves.is_consistent(ecdf)


def test_the_histogram_counts_every_pair_once():
    table = curves.pit_histogram(np.linspace(0, 1, 1001), seed=0)
    assert table["count"].sum() == 1001
    assert len(table) == 20
    assert np.sum(table["density"] * (table["right"] - table["left"])) == pytest.approx(1)
    assert np.all((table["null_lower"] < 1) & (table["null_upper"] > 1))


def test_the_area_of_a_step_is_known():
    # All responses at the median: every interval covers, the area is the triangle above the diagonal.
    assert curves.miscalibration_area(np.full(100, 0.5), 0)["miscalibration_area"] == pytest.approx(0.5)


def test_areas_on_both_sides_of_the_diagonal_add_up():
    # All responses at the edge of the 50 % interval: two triangles of an eighth, summed at 99 levels.
    found = curves.miscalibration_area(np.full(100, 0.75), 0)["miscalibration_area"]
    assert found == pytest.approx((sum(range(1, 50)) + sum(range(1, 51))) / 9900)


def test_the_areas_null_is_what_chance_makes_of_independent_pairs():
    # The mean is that of binomial mean deviations; 500 trials know it to 2 % (1 SE), four of which fail once in 16,000.
    # Of 200 sets 10 +- 3 lie above the 95 % quantile; fewer than 1 or more than 22 is once in 5,000.
    found = curves.miscalibration_area(np.full(50, 0.5), 0)
    exact = np.mean([binom.expect(lambda k, p=p: abs(k / 50 - p), (50, p)) for p in curves.AREA_LEVELS])
    assert found["miscalibration_area_null_mean"] == pytest.approx(exact, rel=0.08)
    even = np.random.default_rng(1).uniform(size=(200, 50))
    above = [curves.miscalibration_area(pit, 0)["miscalibration_area"] for pit in even]
    assert 1 <= np.sum(np.array(above) > found["miscalibration_area_null_q95"]) <= 22


def test_one_line_and_one_drug_give_no_interval(make_seen):
    pred, seen = make_seen([0.0, 0.0], [1.0, 1.0], [0.0, 3.0], lines=["L", "L"])
    figures = curves.coverage_metrics(pred, seen, seed=0)["90"]
    assert figures["coverage"] == 0.5
    assert np.isnan(figures["lower"])
