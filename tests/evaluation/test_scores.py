from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from bdrp.evaluation import score
from bdrp.predictive import Normal, Remapped

TABLES = {
    "by_tissue", "by_drug", "by_line", "reliability", "pit_histogram", "pit_ecdf", "risk_coverage", "sd_bins",
    "worst_groups",
    "beyond_reliability", "noise_by_compound", "by_predicted_rank",
}  # fmt: skip


def strict(scores):
    return json.loads(json.dumps(scores.to_dict(), allow_nan=False))


@pytest.fixture(scope="module")
def scores(make_pairs):
    return score(*make_pairs(), seed=0)


def test_all_topics_and_tables_are_there(scores):
    assert set(strict(scores)) == {
        "format", "measure", "unit", "seed", "n", "point", "naive", "probabilistic", "coverage", "calibration",
        "selective", "extrapolated", "as_observed", "beyond", "noise", "predicted_rank", "notes",
        "worst_groups",
    }  # fmt: skip
    assert set(scores.tables) == TABLES
    assert strict(scores)["n"] == {"pairs": 2400, "cell_lines": 60, "drugs": 40, "tissues": 6}


def test_means_over_pairs_are_those_of_the_distribution(scores, make_pairs):
    pred, table = make_pairs()
    y = table["response"].to_numpy()
    figures = scores.metrics["probabilistic"]
    assert figures["nll"] == pytest.approx(-pred.log_prob(y).mean())
    assert figures["crps"] == pytest.approx(pred.crps(y).mean())
    assert figures["mean_std"] == pytest.approx(pred.std.mean())
    np.testing.assert_array_equal(scores.pit, pred.cdf(y))


def test_the_naive_baseline_stands_in_the_same_terms(scores, make_pairs):
    _, table = make_pairs()
    naive = scores.metrics["naive"]
    assert set(naive) == set(scores.metrics["point"])
    assert naive["rmse"] == pytest.approx(np.sqrt(np.mean((table["mean_effects"] - table["response"]) ** 2)))
    for name in ("normalised_pearson", "normalised_spearman", "normalised_r2"):
        assert strict(scores)["naive"][name] is None


def test_a_calibrated_model_passes_its_own_checks(scores):
    calibration = scores.metrics["calibration"]
    assert calibration["pit_inside_band"]
    assert calibration["reliability_inside_band"]
    assert calibration["pit_consistent"]
    assert calibration["reliability_consistent"]
    assert calibration["ence"] < calibration["ence_null_q95"]


def test_each_cell_line_has_a_row_of_its_own_figures(scores, make_pairs):
    pred, table = make_pairs()
    assert len(scores.by_line) == 60
    mine = (table["cell_line_id"] == "L7").to_numpy()
    row = scores.by_line.set_index("group").loc["L7"]
    error = (pred.mean - table["response"].to_numpy())[mine]
    assert (row["n"], row["rmse"]) == (40, pytest.approx(np.sqrt(np.mean(error**2))))
    assert set(scores.worst_groups["kind"]) == {"drug", "tissue", "cell line"}
    calibration = scores.metrics["calibration"]
    assert 0 < calibration["worst_cell_line_deviation"] < 2 * calibration["worst_cell_line_deviation_null_q95"]


def test_the_same_seed_gives_the_same_scores(scores, make_pairs):
    assert strict(score(*make_pairs(), seed=0)) == strict(scores)


def test_the_order_of_pairs_does_not_matter_to_what_is_not_simulated(scores, make_pairs):
    pred, table = make_pairs()
    order = np.random.default_rng(0).permutation(len(pred))
    shuffled = score(pred[order], table.iloc[order], seed=0)
    for topic in ("point", "naive", "probabilistic"):
        assert shuffled.metrics[topic] == pytest.approx(scores.metrics[topic], nan_ok=True)
    for level, figures in shuffled.metrics["coverage"].items():
        assert figures["coverage"] == scores.metrics["coverage"][level]["coverage"]


def test_a_remapped_prediction_is_scored_too(make_pairs):
    pred, table = make_pairs(20, 20)
    same = score(Remapped(pred, [0.05, 0.5, 0.95], [0.05, 0.5, 0.95]), table)
    assert same.metrics["probabilistic"] == pytest.approx(score(pred, table).metrics["probabilistic"], rel=1e-6)


@pytest.mark.parametrize(("lines", "drugs"), [(1, 1), (1, 2), (2, 1), (2, 2), (1, 25), (25, 1), (3, 30)])
def test_tiny_and_lopsided_sets_give_strict_json_with_reasons(make_pairs, lines, drugs):
    pred, table = make_pairs(lines, drugs)
    figures = strict(score(pred, table))
    assert figures["n"]["pairs"] == lines * drugs
    assert figures["point"]["rmse"] is not None
    if min(lines, drugs) == 1:
        assert any("one cell line or one drug" in note for note in figures["notes"])


def test_constant_responses_and_predictions_give_nulls_with_reasons(make_pairs):
    pred, table = make_pairs(20, 3)
    flat = Normal(pred.keys, "m", np.zeros(60), np.ones(60), np.zeros(60))
    figures = strict(score(flat, table.assign(response=1.0)))
    assert figures["point"]["r2"] is figures["point"]["pearson"] is figures["point"]["within_drug_pearson"] is None
    assert figures["selective"]["error_spearman"] is None
    text = " ".join(figures["notes"])
    for reason in ("All responses are equal", "All predicted means are equal", "All predicted SDs are equal"):
        assert reason in text


def test_exact_hits_give_nulls_with_a_reason(make_pairs):
    pred, table = make_pairs(20, 3)
    figures = strict(score(pred, table.assign(response=pred.mean)))
    assert figures["selective"]["kept_at_10"] is None
    assert any("exactly" in note for note in figures["notes"])


def test_missing_columns_give_nulls_with_reasons(make_pairs):
    pred, table = make_pairs(20, 3)
    figures = strict(score(pred, table[["cell_line_id", "drug_id", "response"]]))
    assert figures["naive"]["rmse"] is None
    assert figures["point"]["normalised_pearson"] is None
    assert figures["extrapolated"]["share"] is None
    text = " ".join(figures["notes"])
    for reason in ("mean-effects prediction is unknown", "dose limits of 60 of 60", "tissue of 60 of 60"):
        assert reason in text


def test_what_is_not_known_of_limits_and_repeats_is_said(make_pairs):
    pred, table = make_pairs(20, 3)
    said = " ".join(score(pred, table.assign(upper_limit=np.nan)).metrics["notes"])
    assert "upper limit of 60 of 60 pairs is unknown" in said
    assert "No cell line was measured twice" in said
    figures = strict(
        score(pred, table.assign(lower_limit=-999.0, upper_limit=-99.0, structure_key=["X", "X", "Y"] * 20))
    )
    said = " ".join(figures["notes"])
    assert "Every response lies beyond its highest dose" in said
    assert "rests on 20 sets of repeats (1 of 2 compounds, 20 of 20 lines)" in said
    assert figures["noise"]["all"]["sets"] == 20
    assert figures["beyond"]["auroc"] is None


def test_replicates_of_one_pair_are_scored_as_rows():
    keys = pd.DataFrame({"cell_line_id": ["a", "a", "b"], "drug_id": ["x", "x", "x"]})
    pred = Normal(keys, "m", [0, 0, 1], [1, 1, 1], [0, 0, 0])
    figures = strict(score(pred, keys.assign(response=[0.5, -0.5, 1.0])))
    assert figures["n"]["pairs"] == 3
    assert figures["n"]["cell_lines"] == 2
