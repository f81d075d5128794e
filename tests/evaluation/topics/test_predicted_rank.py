from __future__ import annotations

import numpy as np
import pytest

from bdrp.evaluation.topics.predicted_rank import METRICS, predicted_tenth, score


@pytest.fixture
def ten(make_seen):
    """Ten lines of one drug, predicted 0 to 9 with SD 1: the two lowest change places, and the second is 3 too low."""
    mean = [float(k) for k in range(10)]
    return make_seen(mean, [1.0] * 10, [1.0, -2.0, *mean[2:]])


def test_ten_pairs_are_a_tenth_each(ten):
    topic = score(*ten, seed=0)
    table = topic.tables["by_predicted_rank"]
    assert table["tenth"].tolist() == list(range(1, 11)) and table["n"].tolist() == [1] * 10
    assert table["bias"].tolist() == [-1, 3, *[0] * 8]
    assert table["coverage_90"].tolist() == [1, 0, *[1] * 8]
    assert table["hit_rate"].tolist() == [0, 1, *[0] * 8]
    np.testing.assert_allclose(table["width_90"], 2 * 1.6448536, rtol=1e-6)
    assert topic.metrics["bias"] == -1 and topic.metrics["hit_rate"] == 0 and topic.metrics["coverage_90"] == 1
    assert (topic.metrics["drugs"], topic.metrics["pairs"]) == (1, 1)


def test_ranks_are_within_each_drug_whatever_its_size():
    values = np.r_[np.arange(20.0), 100 + np.arange(15.0)]
    drugs = np.repeat([0, 1], [20, 15])
    tenths = predicted_tenth(values, drugs)
    np.testing.assert_array_equal(tenths[:20], np.arange(20) // 2)
    assert np.bincount(tenths[20:]).tolist() == [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]
    assert predicted_tenth(np.zeros(20), np.zeros(20, dtype=int)).tolist() == [5] * 20


def drawn(make_seen, pull, drugs=40, lines=100):
    """Expected responses of SD 1 seen through noise of SD 1, so that their best guess is half of what was seen.

    The prediction is `pull` times what was seen, with the SD of what is left.
    """
    rng = np.random.default_rng(0)
    expected = rng.normal(size=drugs * lines)
    hint = expected + rng.normal(size=drugs * lines)
    response = expected + rng.normal(0, 0.5, drugs * lines)
    line, drug = np.divmod(np.arange(drugs * lines), drugs)
    sd = np.sqrt((pull - 0.5) ** 2 * 2 + 0.5 + 0.25)
    names = [f"D{k}" for k in drug], [f"L{k}" for k in line]
    return make_seen(pull * hint, np.full(len(hint), sd), response, *names)


def test_true_distributions_are_calibrated_at_every_rank(make_seen):
    # 400 pairs a tenth: SEs of 0.87 / 20 = 0.043 and 0.015; 4 of them, twenty times, fail once in 800 seeds.
    topic = score(*drawn(make_seen, 0.5), seed=0)
    table = topic.tables["by_predicted_rank"]
    assert table["bias"].abs().max() < 4 * 0.043
    assert (table["coverage_90"] - 0.9).abs().max() < 4 * 0.015
    assert table["coverage_90"].between(table["null_lower"], table["null_upper"]).all()
    # About 160 of 400 are hits, ten times over where simulated: SEs of 0.025 and 0.008.
    assert topic.metrics["hit_rate"] == pytest.approx(topic.metrics["hit_rate_if_calibrated"], abs=4 * 0.026)
    assert topic.metrics["hit_rate_lower"] < topic.metrics["hit_rate"] < topic.metrics["hit_rate_upper"]


def test_means_that_are_right_on_average_and_too_extreme_disappoint_where_one_would_choose(make_seen):
    # E[prediction - response | hint] is hint / 2; the lowest tenth of a normal of SD 1.41 has the mean -1.755 * 1.41.
    pred, seen = drawn(make_seen, 1.0)
    assert abs(np.mean(pred.mean - seen.response)) < 4 * np.sqrt(1.25 / 4000)
    topic = score(pred, seen, seed=0)
    assert topic.metrics["bias"] == pytest.approx(-1.755 * np.sqrt(2) / 2, abs=4 * 0.05)
    assert topic.metrics["bias_upper"] < -1
    assert topic.metrics["coverage_90"] < 0.85


def test_hits_sum_to_a_tenth_of_what_is_ranked(make_seen):
    table = score(*drawn(make_seen, 0.5), seed=0).tables["by_predicted_rank"]
    for name in ("hit_rate", "hit_rate_if_calibrated"):
        assert (table["n"] * table[name]).sum() == pytest.approx(table["n"].sum() / 10)


def test_drugs_with_few_pairs_are_left_out_and_without_others_it_says_so(make_seen):
    pred, seen = make_seen([0.0] * 9, [1.0] * 9, [0.0] * 9)
    topic = score(pred, seen, seed=0)
    assert topic.tables["by_predicted_rank"].empty
    assert (topic.metrics["drugs"], topic.metrics["pairs"]) == (0, 0)
    assert all(np.isnan(topic.metrics[name]) for name in METRICS)
    assert topic.notes == ("No drug has 10 pairs: lines are not ranked within drugs.",)
    drugs = ["few"] * 9 + ["many"] * 10
    both = score(*make_seen([float(k) for k in range(19)], [1.0] * 19, [0.0] * 19, drugs), seed=0)
    assert (both.metrics["drugs"], both.metrics["pairs"], both.metrics["bias"]) == (1, 1, 9)


def test_means_that_are_equal_within_a_drug_choose_no_line(make_seen):
    topic = score(*make_seen([0.0] * 20, [1.0] * 20, list(range(20))), seed=0)
    assert topic.tables["by_predicted_rank"]["tenth"].tolist() == [6]
    assert topic.metrics["pairs"] == 0 and np.isnan(topic.metrics["coverage_90"])
    assert "no lines of it are predicted" in topic.notes[0]


def test_one_line_measured_many_times_has_no_intervals(make_seen):
    pred, seen = make_seen([float(k) for k in range(10)], [1.0] * 10, [0.0] * 10, lines=["L"] * 10)
    assert np.isnan(score(pred, seen, seed=0).metrics["bias_lower"])


def test_the_same_seed_gives_the_same_metrics(make_seen):
    one, other = (score(*drawn(make_seen, 0.5, drugs=3), seed=1).metrics for _ in range(2))
    assert one == other
