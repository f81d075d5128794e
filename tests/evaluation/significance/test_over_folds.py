from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bdrp.errors import DataError
from bdrp.evaluation.significance import corrected_t, practical_equivalence


@pytest.fixture(scope="module")
def five(eight):
    return eight[eight["fold"] < 5]


def one(table, method="a", other="b"):
    return table.set_index(["method", "other"]).loc[(method, other)]


def test_the_corrected_t_by_hand(five):
    # Differences .05 .01 .03 .04 .01: mean .028, SD .0178885; SE = SD sqrt(1/5 + 1/4) = .012; t = 2.3333, 4 df.
    found = one(corrected_t(five))
    assert found["difference"] == pytest.approx(0.028)
    assert found["se"] == pytest.approx(0.012)
    assert (found["t"], found["df"], found["folds"]) == (pytest.approx(7 / 3), 4, 5)
    assert found["p_value"] == pytest.approx(2 * stats.t.sf(7 / 3, 4))
    assert found["effect_size"] == pytest.approx(0.028 / 0.0178885, rel=1e-5)
    half = stats.t.ppf(0.975, 4) * 0.012
    assert [found["lower"], found["upper"]] == pytest.approx([0.028 - half, 0.028 + half])


def test_holm_corrects_within_a_figure(five):
    found = corrected_t(pd.concat([five, five.assign(figure="mae")]))
    for _, family in found.groupby("figure"):
        assert family["p_holm"].min() == pytest.approx(6 * family["p_value"].min())


def test_probabilities_of_practical_equivalence_agree_with_baycomp(five):
    # baycomp.two_on_single(a, b, rope=0.01) and rope=0.03: left is where b lies lower, here where a is worse.
    for rope, left, equal, right in (
        (0.01, 0.8960000000, 0.0870169278, 0.0169830722),
        (0.03, 0.4378590720, 0.5579205178, 0.0042204102),
    ):
        found = one(practical_equivalence(five, rope))
        assert [found["p_worse"], found["p_equal"], found["p_better"]] == pytest.approx([left, equal, right], abs=1e-9)
        assert found["rope"] == rope


def test_repeated_folds_agree_with_baycomp(five):
    # baycomp.two_on_single(..., rope=0.01, runs=2) on the five folds and five more.
    shift = {"a": [1, -1, 2, 0, 1], "b": [0, 1, -1, 2, 1]}
    two = five[five["method"].isin(["a", "b"])].assign(repeat=0)
    more = two.assign(repeat=1, value=two["value"] + 0.01 * np.concatenate([shift["a"], shift["b"]]))
    found = one(practical_equivalence(pd.concat([two, more]), 0.01))
    assert found["folds"] == 10
    assert [found["p_worse"], found["p_equal"]] == pytest.approx([0.8821474283, 0.1053018437], abs=1e-9)


def test_the_default_region_is_one_per_cent_of_an_error_and_a_hundredth_of_a_correlation(five):
    values = [five.loc[five["method"] == name, "value"].mean() for name in "ab"]
    assert one(practical_equivalence(five))["rope"] == pytest.approx(0.01 * np.mean(values))
    assert one(practical_equivalence(five.assign(figure="pearson")))["rope"] == 0.01


def test_better_means_lower_errors_and_higher_correlations(five):
    low, high = (one(practical_equivalence(five.assign(figure=name), 0.01)) for name in ("rmse", "pearson"))
    assert (low["p_better"], low["p_worse"]) == (high["p_worse"], high["p_better"])


def test_a_method_equals_itself_practically_and_the_order_only_turns_the_sign(five):
    same = five[five["method"] == "a"]
    both = pd.concat([same, same.assign(method="z")])
    assert one(practical_equivalence(both), "a", "z")["p_equal"] == 1
    assert one(corrected_t(both), "a", "z")["p_value"] == 1
    turned = pd.concat([five[five["method"] == "b"], five[five["method"] == "a"]])
    there, back = one(practical_equivalence(five, 0.01)), one(practical_equivalence(turned, 0.01), "b", "a")
    assert there["p_better"] == pytest.approx(back["p_worse"])
    assert there["difference"] == pytest.approx(-back["difference"])


def test_overlapping_training_sets_do_not_make_equal_methods_differ(make_values):
    # Folds' differences correlated by 1/5 as assumed: 5 % of 300 sets, SE 1.3 points; outside 1.5 to 9 % once in 300.
    # The naive t would find 14 %: its SE is too small by a factor of 1.5.
    rng = np.random.default_rng(0)
    shared = np.sqrt(0.2) * rng.normal(size=(300, 1)) + np.sqrt(0.8) * rng.normal(size=(300, 5))
    p = []
    for differences in shared:
        values = make_values(np.stack([differences, np.zeros(5)], axis=1))
        p.append(corrected_t(values)["p_value"][0])
    assert 0.015 < np.mean(np.array(p) < 0.05) < 0.09
    assert np.mean(stats.ttest_1samp(shared, 0, axis=1).pvalue < 0.05) > 0.09


def test_seeds_of_a_fold_are_not_new_data(five):
    jitter = pd.concat([five.assign(seed=s, value=five["value"] + d) for s, d in ((0, 0.02), (1, -0.02))])
    pd.testing.assert_frame_equal(corrected_t(jitter), corrected_t(five))


def test_what_cannot_be_compared_is_refused(five):
    with pytest.raises(DataError, match="Neither a low nor a high width_90"):
        practical_equivalence(five.assign(figure="width_90"))
    with pytest.raises(DataError, match="cannot reach -1"):
        practical_equivalence(five, -1)
    with pytest.raises(DataError, match="share of 1.5"):
        corrected_t(five, 1.5)
    with pytest.raises(DataError, match="1 methods on 5 blocks"):
        corrected_t(five[five["method"] == "a"])
    with pytest.raises(DataError, match="lack a value: a, in 1 of 5"):
        corrected_t(five.iloc[1:])
