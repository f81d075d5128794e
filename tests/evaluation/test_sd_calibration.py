from __future__ import annotations

import numpy as np
import pytest

from bdrp.evaluation.sd_calibration import sd_calibration
from bdrp.evaluation.simulated import MOST_ROWS, simulate_responses


def test_ence_by_hand(make_seen):
    # Twenty pairs make two bins of ten: SD 1 with RMSE 1.5, SD 2 with RMSE 1: mean of 0.5 and 0.5.
    pred, _ = make_seen([0.0] * 20, [1.0] * 10 + [2.0] * 10, [0.0] * 20)
    error = np.array([1.5, -1.5] * 5 + [1.0, -1.0] * 5)
    table = sd_calibration(pred.std, error, simulate_responses(pred, 0)).bins
    assert table["mean_std"].tolist() == [1, 2]
    assert table["rmse"].tolist() == [1.5, 1]
    assert table["n"].tolist() == [10, 10]
    assert sd_calibration(pred.std, error, simulate_responses(pred, 0)).metrics["ence"] == pytest.approx(0.5)


def test_a_bins_sd_is_the_root_of_its_mean_variance(make_seen):
    # Half the pairs have an SD of 1, half of 3: the root mean variance is the root of 5, not 2.
    pred, seen = make_seen([0.0] * 10, [1.0] * 5 + [3.0] * 5, [1.0, -1.0] * 5)
    table = sd_calibration(pred.std, pred.mean - seen.response, simulate_responses(pred, 0)).bins
    assert table[["mean_std", "rmse"]].to_numpy() == pytest.approx(np.array([[np.sqrt(5), 1]]))


def test_ence_of_calibrated_pairs_lies_within_its_null(make_pairs):
    # Above its 95 % quantile in 5 % of sets: 6 or more of 40 happen once in 70.
    above = 0
    for seed in range(40):
        pred, table = make_pairs(20, 20, seed=seed)
        figures = sd_calibration(
            pred.std, table["response"].to_numpy() - pred.mean, simulate_responses(pred, seed)
        ).metrics
        above += figures["ence"] > figures["ence_null_q95"]
    assert above < 6


def test_ence_of_overconfident_pairs_lies_far_above_its_null(make_pairs):
    pred, table = make_pairs(stretch=1.5)
    figures = sd_calibration(pred.std, table["response"].to_numpy() - pred.mean, simulate_responses(pred, 0)).metrics
    assert figures["ence"] == pytest.approx(0.5, abs=0.1)
    assert figures["ence"] > 5 * figures["ence_null_q95"]


def test_the_null_is_not_zero_and_shrinks_with_the_root_of_the_pairs(make_pairs):
    few, many = (make_pairs(lines, 40)[0] for lines in (15, 240))
    found = [sd_calibration(p.std, np.zeros(len(p)), simulate_responses(p, 0)).metrics for p in (few, many)]
    null = [each["ence_null_mean"] for each in found]
    assert null[0] > 0.05
    assert null[0] / null[1] == pytest.approx(4, rel=0.15)


def test_a_simulated_part_gives_the_null_of_the_whole(make_pairs, monkeypatch):
    pred = make_pairs(100, 40)[0]
    whole = sd_calibration(pred.std, np.zeros(4000), simulate_responses(pred, 0)).metrics
    monkeypatch.setattr("bdrp.evaluation.simulated.MOST_ROWS", 1000)
    part = sd_calibration(pred.std, np.zeros(4000), simulate_responses(pred, 0)).metrics
    assert (whole["ence_null_pairs"], part["ence_null_pairs"]) == (4000, 1000)
    assert part["ence_null_mean"] == pytest.approx(whole["ence_null_mean"], rel=0.1)
    assert MOST_ROWS == 20_000


@pytest.mark.parametrize("n", [1, 2, 9, 15])
def test_few_pairs_and_equal_sds_still_give_one_bin(make_seen, n):
    pred, _ = make_seen([0.0] * n, [1.0] * n, [0.0] * n)
    figures = sd_calibration(pred.std, np.full(n, 2.0), simulate_responses(pred, 0)).metrics
    assert figures["ence"] == pytest.approx(1.0)
    assert figures["ence_bins"] == 1
