from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import BdrpWarning, DataError
from bdrp.evaluation.significance import Bootstrap, differences, intervals

FAST = {"replicates": 200}


def test_the_error_of_a_mean_equals_the_closed_form_of_clustered_data(make_rows):
    # The mean of L line means: SE = SD of line means / sqrt(L). 1,000 replicates: the SE's own error is 2 %.
    rows = make_rows(lines=60, methods=1, by_drug=0.0)
    found = intervals(rows, ["bias"], Bootstrap(by="cell_line"))
    lines = rows.groupby("cell_line_id")["bias"].mean()
    assert found["se"][0] == pytest.approx(lines.std(ddof=0) / np.sqrt(60), rel=0.08)
    assert found["value"][0] == pytest.approx(rows["bias"].mean())
    assert found["se"][0] > 2 * rows["bias"].std() / np.sqrt(len(rows))


def test_the_two_way_error_adds_lines_drugs_and_thrice_the_noise(make_rows):
    # Owen (2007): expected variance about (s_line^2 + s_noise^2 / D) / L + (s_drug^2 + s_noise^2 / L) / D + noise / LD.
    rows = make_rows(lines=60, drugs=50, methods=1)
    found = intervals(rows, ["bias"])["se"][0]
    grid = rows["bias"].to_numpy().reshape(60, 50)
    by_line, by_drug = grid.mean(axis=1).var(), grid.mean(axis=0).var()
    noise = (grid - grid.mean(axis=1)[:, None] - grid.mean(axis=0) + grid.mean()).var()
    assert found == pytest.approx(np.sqrt(by_line / 60 + by_drug / 50 + noise / 3000), rel=0.08)
    for one in ("cell_line", "drug"):
        assert intervals(rows, ["bias"], Bootstrap(by=one))["se"][0] < found


def test_an_interval_holds_the_truth_with_its_rate(make_rows):
    # 95 % of 100 sets, a little more or less: below 89 has probability 0.6 % at 95 %, and 2.6 % at 93 %.
    held = 0
    for seed in range(100):
        found = intervals(make_rows(25, 25, 1, seed), ["bias"], Bootstrap(**FAST, seed=seed)).iloc[0]
        held += found["lower"] <= 0 <= found["upper"]
    assert held >= 89


@pytest.mark.parametrize("name", ["rmse", "aurc"])
def test_methods_of_one_law_seldom_differ(make_rows, name):
    # At most 5 % by promise, and the two-way bootstrap errs on the wide side: 8 or more of 60 has probability 1 %.
    apart = 0
    for seed in range(60):
        found = differences(make_rows(25, 25, 2, seed), [name], Bootstrap(**FAST, seed=seed)).iloc[0]
        apart += not found["lower"] <= 0 <= found["upper"]
    assert apart < 8


def test_pairs_as_if_independent_would_call_equal_methods_different(make_rows):
    # A z-test over pairs promises 5 % of 60 sets: 12 or more happen once in 28,000.
    apart = 0
    for seed in range(60):
        a, b = make_rows(25, 25, 2, seed)["squared_error"].to_numpy().reshape(2, -1)
        apart += abs((a - b).mean()) > 1.96 * (a - b).std() / np.sqrt(a.size)
    assert apart >= 12


def test_a_method_does_not_differ_from_itself(make_rows):
    one = make_rows(methods=1)
    found = differences(pd.concat([one, one.assign(method="again")]), ["rmse", "aurc"], Bootstrap(**FAST))
    assert (found[["difference", "se", "lower", "upper", "family_lower", "family_upper"]] == 0).all(axis=None)


def test_smaller_errors_are_found(make_rows):
    # RMSE 1.41 against 1.12 with the same lines and drugs, found in each of ten sets.
    for seed in range(10):
        found = differences(make_rows(40, 40, 2, seed, 0.2, 0.2, better=0.2), ["rmse"], Bootstrap(**FAST)).iloc[0]
        assert found["upper"] < 0
        assert found["relative"] == pytest.approx(-0.2, abs=0.1)


def test_what_makes_lines_hard_for_both_cancels(make_rows):
    rows = make_rows(methods=1)
    shifted = rows.assign(method="b", bias=rows["bias"] + 0.1)
    both = pd.concat([rows, shifted])
    assert differences(both, ["bias"])["se"][0] == pytest.approx(0, abs=1e-12)
    assert intervals(both, ["bias"])["se"].min() > 0.1


def test_the_family_of_differences_is_wider_than_each(make_rows):
    found = differences(make_rows(methods=4), ["rmse"])
    assert len(found) == 6
    assert np.all(found["family_upper"] - found["family_lower"] > found["upper"] - found["lower"])


def test_neither_the_order_of_rows_nor_of_methods_matters(make_rows):
    rows = make_rows(methods=3)
    found = differences(rows, ["rmse", "aurc"], Bootstrap(**FAST)).set_index(["figure", "method", "other"])
    shuffled = rows.sample(frac=1, random_state=3)
    again = differences(shuffled, ["rmse", "aurc"], Bootstrap(**FAST)).set_index(["figure", "method", "other"])
    for figure, one, two in found.index:
        here, sign = ((figure, one, two), 1) if (figure, one, two) in again.index else ((figure, two, one), -1)
        assert again.loc[here, "difference"] == pytest.approx(sign * found.loc[(figure, one, two), "difference"])
        ends = sorted(sign * again.loc[here, ["lower", "upper"]].to_numpy(float))
        assert ends == pytest.approx(found.loc[(figure, one, two), ["lower", "upper"]].to_numpy(float))


def test_splits_are_compared_apart_and_seeds_of_a_line_together(make_rows):
    rows = make_rows()
    seeds = pd.concat([rows.assign(seed=0), rows.assign(seed=1)])
    once, twice = (intervals(r, ["bias"], Bootstrap(**FAST))["se"].to_numpy() for r in (rows, seeds))
    np.testing.assert_allclose(once, twice)
    splits = pd.concat([rows.assign(split="pair"), rows.assign(split="drug")])
    assert differences(splits, ["rmse"], Bootstrap(**FAST))["split"].tolist() == ["pair", "drug"]


def test_methods_on_different_pairs_are_refused(make_rows):
    rows = make_rows()
    with pytest.raises(DataError, match="a has 600 rows and b 599.*same held-out pairs"):
        differences(rows.iloc[:-1])
    changed = rows.copy()
    changed.loc[700, "response"] += 1
    with pytest.raises(DataError, match="do not match"):
        differences(changed, ["rmse"])


def test_few_clusters_are_warned_of(make_rows):
    with pytest.warns(BdrpWarning, match="Only 4 drugs"):
        intervals(make_rows(drugs=4), ["rmse"], Bootstrap(**FAST))
    intervals(make_rows(drugs=4), ["rmse"], Bootstrap(by="cell_line", **FAST))


@pytest.mark.parametrize("wrong", [{"by": "tissue"}, {"replicates": 5}, {"level": 95}])
def test_what_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(DataError, match="cannot be drawn"):
        Bootstrap(**wrong)


def test_many_pairs_are_resampled_in_seconds(make_rows):
    # 160,000 pairs x 1,000 replicates: about a second on one core; the test allows for a busy machine.
    import time

    rows = make_rows(lines=800, drugs=200)
    start = time.process_time()
    differences(rows, ["rmse"])
    assert time.process_time() - start < 10
