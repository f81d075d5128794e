from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bdrp.errors import DataError
from bdrp.evaluation.significance import critical_difference, friedman, wilcoxon


def test_signed_ranks_by_hand(make_values):
    # Differences 1 2 3 4 -5: positive ranks 10 of 15, exact two-sided p of W = 5 is 0.625; effect (10 - 5) / 15.
    values = make_values(np.stack([[1.0, 2, 3, 4, -5], np.zeros(5)], axis=1))
    found = wilcoxon(values).iloc[0]
    assert found["p_value"] == pytest.approx(0.625)
    assert found["effect_size"] == pytest.approx(1 / 3)
    assert found["difference"] == pytest.approx(2)  # the eighth of fifteen Walsh averages
    assert (found["lower"], found["upper"]) == (-5, 4)


def test_the_interval_of_the_median_difference_holds_it_with_its_rate(make_values):
    # 95 % of 100 sets: 89 to 99 are missed by chance once in 100.
    rng = np.random.default_rng(0)
    held = 0
    for differences in rng.normal(0.3, 1, size=(100, 30)):
        found = wilcoxon(make_values(np.stack([differences, np.zeros(30)], axis=1))).iloc[0]
        held += found["lower"] <= 0.3 <= found["upper"]
    assert 89 <= held <= 99


def test_equal_methods_are_told_apart_no_more_often_than_promised(make_values):
    # Any of six pairs of four equal methods, Holm at 5 %, 60 sets: 8 or more happen once in 100.
    rng = np.random.default_rng(0)
    found = [wilcoxon(make_values(x))["p_holm"].min() < 0.05 for x in rng.normal(size=(60, 20, 4))]
    assert np.sum(found) < 8


def test_a_shift_of_one_standard_deviation_is_found_on_thirty_blocks(make_values):
    # Power of the signed-rank test for a shift of 1 SD at n = 30 is above 99.9 %.
    rng = np.random.default_rng(0)
    differences = rng.normal(1, 1, size=30)
    found = wilcoxon(make_values(np.stack([differences, np.zeros(30)], axis=1), block="drug_id"), ["drug_id"]).iloc[0]
    assert found["p_value"] < 0.01
    assert found["lower"] > 0


def test_a_method_is_never_apart_from_itself(make_values):
    found = wilcoxon(make_values(np.ones((5, 2)))).iloc[0]
    assert (found["p_value"], found["effect_size"], found["difference"]) == (1, 0, 0)


def test_three_of_one_method_rank_alike(make_values):
    found = friedman(make_values(np.outer(np.arange(1.0, 6), np.ones(3)))).iloc[0]
    assert found[["chi2", "p_value", "f", "p_iman_davenport", "kendall_w"]].tolist() == [0, 1, 0, 1, 0]


def test_friedman_agrees_with_scipy_and_with_demsar(eight, make_values):
    found = friedman(eight).iloc[0]
    assert found["chi2"] == pytest.approx(12.75)
    assert found["p_value"] == pytest.approx(0.005209652188)
    assert found["f"] == pytest.approx(7 * 12.75 / (8 * 3 - 12.75))
    # The share of F(3, 21) above: 1 - pf(7.9333, 3, 21).
    assert found["p_iman_davenport"] == pytest.approx(0.0010033, rel=1e-4)
    assert found["kendall_w"] == pytest.approx(12.75 / 24)
    # Blocks that agree entirely.
    agreed = friedman(make_values(np.arange(12.0).reshape(4, 3))).iloc[0]
    assert (agreed["kendall_w"], agreed["p_iman_davenport"]) == (1, 0)


def test_nemenyi_agrees_with_scikit_posthocs(eight):
    (found,) = critical_difference(eight)
    golden = {"ab": 0.527434, "ac": 0.865978, "ad": 0.143534, "bc": 0.143534, "bd": 0.002763, "cd": 0.527434}
    assert len(found.pairs) == 6
    for row in found.pairs.itertuples():
        assert row.p_value == pytest.approx(golden["".join(sorted((row.method, row.other)))], abs=2e-6)
        assert row.apart == (row.p_value < 0.05)


def test_the_critical_difference_is_that_of_demsars_table(eight):
    # Demsar (2006), table 5: q = 2.569 for four methods at 5 %.
    (found,) = critical_difference(eight)
    assert found.distance == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 8)), rel=1e-3)
    assert found.ranks["method"].tolist() == ["b", "a", "c", "d"]
    assert found.ranks["mean_rank"].tolist() == [1.375, 2.25, 2.75, 3.625]
    assert found.groups == (("b", "a", "c"), ("a", "c", "d"))


def test_groups_are_the_largest_and_leave_out_who_stands_alone(make_values):
    # 100 blocks: d is always last, the other three change places.
    order = np.random.default_rng(0).permuted(np.tile([1.0, 2, 3], (100, 1)), axis=1)
    (found,) = critical_difference(make_values(np.column_stack([order, np.full(100, 9.0)])))
    assert [set(group) for group in found.groups] == [{"a", "b", "c"}]


def test_high_is_good_for_correlations(eight):
    (low,), (high,) = critical_difference(eight), critical_difference(eight.assign(figure="pearson"))
    assert low.ranks["method"].tolist() == high.ranks["method"].tolist()[::-1]


def test_equal_methods_rank_apart_no_more_often_than_promised(make_values):
    # Any pair of five at 5 % on 20 blocks, 60 sets: 8 or more happen once in 100.
    rng = np.random.default_rng(1)
    found = [critical_difference(make_values(x))[0].pairs["apart"].any() for x in rng.normal(size=(60, 20, 5))]
    assert np.sum(found) < 8


def test_the_order_of_methods_and_of_rows_does_not_matter(eight):
    shuffled = eight.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(friedman(shuffled), friedman(eight))
    ours, theirs = (critical_difference(v)[0].ranks.set_index("method").sort_index() for v in (eight, shuffled))
    pd.testing.assert_frame_equal(ours, theirs)
    p = [wilcoxon(v)["p_holm"].sort_values().tolist() for v in (eight, shuffled)]
    assert p[0] == pytest.approx(p[1])


def test_splits_and_figures_are_families_of_their_own(eight):
    table = pd.concat([eight.assign(split="pair"), eight.assign(split="drug", figure="mae")])
    found = wilcoxon(table)
    assert len(found) == 12
    assert found.groupby(["split", "figure"])["p_holm"].min().nunique() == 1
    assert len(critical_difference(table)) == len(friedman(table)) == 2
    assert [c.split for c in critical_difference(table)] == ["pair", "drug"]


def test_two_methods_are_not_ranked(eight):
    two = eight[eight["method"].isin(["a", "b"])]
    for test in (friedman, critical_difference):
        with pytest.raises(DataError, match="three methods on; there are 2"):
            test(two)
    with pytest.raises(DataError, match="Neither a low nor a high bias"):
        critical_difference(eight.assign(figure="bias"))


def test_five_folds_cannot_reach_five_per_cent():
    assert stats.wilcoxon([1.0, 2, 3, 4, 5]).pvalue == pytest.approx(0.0625)
