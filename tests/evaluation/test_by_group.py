from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from bdrp.evaluation import by_group
from bdrp.evaluation.observed import check_observed


@pytest.fixture
def planted(make_pairs):
    """Calibrated pairs, but for drug D7, whose responses lie three times as far off as promised."""
    pred, table = make_pairs()
    off = (table["drug_id"] == "D7").to_numpy()
    table["response"] = np.where(off, pred.mean + 3 * (table["response"] - pred.mean), table["response"])
    return pred, check_observed(pred, table)


def by_drug(pred, seen):
    return by_group.tabulate_groups(by_group.score_rows(pred, seen), pred, seen, seen.drugs, seen.drug_names)


def test_a_groups_row_is_what_its_pairs_alone_would_give(planted):
    pred, seen = planted
    mine = (seen.drugs == "D7").to_numpy()
    row = by_drug(pred, seen).set_index("group").loc["D7"]
    part, y = pred[mine], seen.response[mine]
    assert row["n"] == row["cell_lines"] == 60
    assert row["name"] == "drug 7"
    assert row["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(part.mean - y))))
    assert row["crps"] == pytest.approx(part.crps(y).mean())
    assert row["nll"] == pytest.approx(-part.log_prob(y).mean())
    assert row["pearson"] == pytest.approx(np.corrcoef(part.mean, y)[0, 1])
    low, high = part.interval(0.8).T
    assert row["coverage_80"] == pytest.approx(np.mean((low <= y) & (y <= high)))
    assert row["width_80"] == pytest.approx(np.mean(high - low))


def test_the_test_against_ninety_per_cent_is_binomial(planted):
    table = by_drug(*planted)
    for _, row in table.head(10).iterrows():
        hits = round(row["coverage_90"] * row["n"])
        one_sided = min(
            binomtest(hits, row["n"], 0.9, alternative="less").pvalue,
            binomtest(hits, row["n"], 0.9, alternative="greater").pvalue,
        )
        assert row["p_value"] == pytest.approx(min(1, 2 * one_sided))


def test_a_planted_group_is_found_and_survives_the_correction(planted):
    pred, seen = planted
    table = by_drug(pred, seen)
    by_tissue = by_group.tabulate_groups(by_group.score_rows(pred, seen), pred, seen, seen.tissues, seen.tissues)
    worst = by_group.find_worst_groups({"drug": table, "tissue": by_tissue})
    assert worst.loc[0, "group"] == "D7"
    assert worst.loc[0, "p_holm"] < 1e-6
    # The other 39 drugs: Holm keeps all of them with 95 % probability, and more, since the test is discrete.
    assert (table.loc[table["group"] != "D7", "p_holm"] > 0.05).all()
    deviation = by_group.worst_deviation(table, "drug", seed=0)
    assert deviation["worst_drug_deviation"] > 2 * deviation["worst_drug_deviation_null_q95"]


def test_jeffreys_intervals_by_hand(make_seen):
    # 9 of 10 covered: the Beta(9.5, 1.5) quantiles; 0 and all covered end at 0 and 1.
    drugs = ["a"] * 10 + ["b"] * 5 + ["c"] * 5
    response = [0.0] * 9 + [9.0] + [9.0] * 5 + [0.0] * 5
    table = by_drug(*make_seen([0.0] * 20, [1.0] * 20, response, drugs=drugs)).set_index("group")
    assert table.loc["a", ["coverage_90_lower", "coverage_90_upper"]].tolist() == pytest.approx(
        [0.619, 0.989], abs=1e-3
    )
    assert table.loc["b", "coverage_90_lower"] == 0
    assert table.loc["c", "coverage_90_upper"] == 1


def test_holms_correction_by_hand():
    np.testing.assert_allclose(by_group.holm(np.array([0.04, 0.01, 0.03])), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(by_group.holm(np.array([0.9, 0.8])), [1, 1])


def test_small_groups_are_listed_but_not_ranked(make_pairs):
    pred, table = make_pairs(6, 3)
    seen = check_observed(pred, table)
    drugs = by_drug(pred, seen)
    assert len(drugs) == 3
    assert by_group.find_worst_groups({"drug": drugs}).empty
    assert np.isnan(by_group.worst_deviation(drugs, "drug", 0)["worst_drug_deviation"])


def test_groups_come_largest_first(make_seen):
    table = by_drug(*make_seen([0.0] * 6, [1.0] * 6, [0.0] * 6, drugs=["a", "b", "b", "c", "c", "c"]))
    assert table["group"].tolist() == ["c", "b", "a"]
    assert isinstance(table, pd.DataFrame)
