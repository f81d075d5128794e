from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bdrp.evaluation.observed import check_observed
from bdrp.evaluation.ordering import Order
from bdrp.evaluation.selective import (
    drug_sd,
    generalised_risk_area,
    mse_of_retained,
    risk_coverage,
    risk_curve,
    selective_metrics,
)
from bdrp.evaluation.simulated import simulate_responses


def test_the_risk_curve_by_hand():
    loss, by = np.array([4.0, 0.0, 2.0]), np.array([3.0, 1.0, 2.0])
    np.testing.assert_allclose(risk_curve(loss, by), [0, 1, 2])


def test_pairs_that_cannot_be_told_apart_share_their_loss():
    loss = np.array([9.0, 0.0, 3.0])
    np.testing.assert_allclose(risk_curve(loss, np.ones(3)), [4, 4, 4])
    np.testing.assert_allclose(risk_curve(loss, np.array([1.0, 1.0, 0.0])), [3, 3.75, 4])


def test_the_generalised_risk_area_by_hand():
    # Kept losses 0, 2, 4 of three pairs: 0, 2 and 6 over 3, averaged over the three shares kept.
    loss, by = np.array([4.0, 0.0, 2.0]), np.array([3.0, 1.0, 2.0])
    assert generalised_risk_area(risk_curve(loss, by)) == pytest.approx((0 + 2 / 3 + 6 / 3) / 3)


def test_the_share_kept_at_ten_per_cent_by_hand():
    loss = np.arange(20.0)
    assert mse_of_retained(loss, loss) == pytest.approx(0.5 / 9.5)
    assert mse_of_retained(loss, np.zeros(20)) == pytest.approx(1)
    assert mse_of_retained(loss, loss, 0.5) == pytest.approx(4.5 / 9.5)
    assert mse_of_retained(loss, loss, 0.8) == pytest.approx(7.5 / 9.5)
    assert np.isnan(mse_of_retained(np.zeros(3), np.ones(3)))


@given(
    loss=hnp.arrays(np.float64, 25, elements=st.floats(0, 100)), by=hnp.arrays(np.float64, 25, elements=st.floats(0, 9))
)
@settings(max_examples=60, deadline=None)
def test_no_ranking_beats_the_oracle_and_all_end_at_the_mean(loss, by):
    assert np.all(risk_curve(loss, loss) <= risk_curve(loss, by) + 1e-9)
    assert risk_curve(loss, by)[-1] == pytest.approx(loss.mean())


def test_true_sds_rank_errors_as_they_promise(make_pairs):
    pred, table = make_pairs(100, 40)
    figures = selective_metrics(pred, check_observed(pred, table), simulate_responses(pred, 0), seed=0)
    assert figures["aurc_oracle"] < figures["aurc"] < figures["aurc_random"]
    assert figures["excess_aurc"] == pytest.approx(figures["aurc"] - figures["aurc_oracle"])
    # 400 kept pairs: the share varies by about a tenth of itself.
    assert figures["kept_at_10"] == pytest.approx(figures["kept_at_10_if_calibrated"], rel=0.3)
    assert figures["error_spearman"] == pytest.approx(figures["error_spearman_if_calibrated"], abs=0.06)
    assert figures["kept_at_10"] < figures["kept_at_50"] < figures["kept_at_80"] < 1
    assert figures["within_drug_kept_at_10"] < figures["within_drug_kept_at_80"] < 1
    assert figures["augrc_oracle"] < figures["augrc"] < figures["augrc_random"]
    assert figures["augrc_random"] == pytest.approx(figures["aurc_random"] / 2, rel=1e-3)
    assert figures["excess_augrc"] == pytest.approx(figures["augrc"] - figures["augrc_oracle"])
    assert figures["within_drug_kept_at_10"] < 0.9
    assert figures["within_drug_error_spearman"] > 0.05
    assert figures["within_drug_count"] == 40


@pytest.mark.parametrize("figure", ["aurc", "augrc", "excess_aurc", "excess_augrc", "kept_at_50", "kept_at_80"])
def test_every_figure_of_a_ranking_stands_beside_its_null(make_pairs, figure):
    # 4,000 true SDs: areas vary by a few per cent of themselves.
    pred, table = make_pairs(100, 40)
    figures = selective_metrics(pred, check_observed(pred, table), simulate_responses(pred, 0), seed=0)
    assert figures[figure] == pytest.approx(figures[f"{figure}_if_calibrated"], rel=0.12)
    names = [name for name in figures if f"{name}_if_calibrated" in figures]
    assert len(names) == 12


def test_an_sd_that_only_knows_drugs_ranks_nothing_within_them(make_pairs):
    pred, table = make_pairs(60, 40)
    by_drug = table.assign(std=pred.std).groupby("drug_id")["std"].transform("mean").to_numpy()
    flat = type(pred).from_std(pred.keys, "m", pred.mean, by_drug, np.zeros(len(pred)))
    figures = selective_metrics(flat, check_observed(flat, table), simulate_responses(flat, 0), seed=0)
    assert figures["kept_at_10"] < 0.6
    assert figures["within_drug_kept_at_10"] == pytest.approx(1)
    assert np.isnan(figures["within_drug_error_spearman"])
    assert figures["kept_at_10"] == pytest.approx(figures["drug_sd_kept_at_10"], abs=0.15)


def test_within_drugs_equals_ranking_each_drug_alone(make_pairs):
    pred, table = make_pairs(30, 4)
    loss = np.square(table["response"].to_numpy() - pred.mean)
    drugs = table["drug_id"].to_numpy()
    alone = np.mean([mse_of_retained(loss[drugs == d], pred.std[drugs == d]) for d in np.unique(drugs)])
    figures = selective_metrics(pred, check_observed(pred, table), simulate_responses(pred, 0), seed=0)
    assert figures["within_drug_kept_at_10"] == pytest.approx(alone)


def test_the_rival_never_sees_a_lines_own_errors(make_seen):
    pred, seen = make_seen([0.0] * 4, [1.0] * 4, [3.0, 3.0, 1.0, 1.0], lines=["a", "a", "b", "b"])
    np.testing.assert_allclose(drug_sd(np.array([9.0, 9, 1, 1]), seen, seed=0), [1, 1, 3, 3])


def test_curves_run_from_one_to_a_hundred_per_cent(make_pairs):
    pred, table = make_pairs()
    curve = risk_coverage(pred, check_observed(pred, table), seed=0)
    assert curve["coverage"].tolist() == pytest.approx(np.arange(1, 101) / 100)
    assert curve.iloc[-1, 1:].to_numpy(dtype=float) == pytest.approx(np.full(4, curve["random"].iloc[0]))
    assert np.all(np.diff(curve["oracle"]) >= 0)


@pytest.mark.parametrize("grouped", [False, True])
def test_ties_share_their_mean_as_pandas_has_it_to_the_bit(grouped: bool) -> None:
    rng = np.random.default_rng(5)
    loss, group = rng.gamma(1.0, size=600), rng.integers(0, 7, 600)
    by = np.where(rng.random(600) < 0.4, rng.integers(0, 30, 600) / 7, rng.random(600))
    keys = [by, group] if grouped else [by]
    expected = pd.Series(loss).groupby(keys).transform("mean").to_numpy()
    assert (pd.Series(by).duplicated().mean()) > 0.2
    order = Order.of(by, group if grouped else None)
    assert order.arrange(loss).tolist() == expected[order.rows].tolist()
    assert order.rows.tolist() == np.lexsort((by, group) if grouped else (by,)).tolist()
    expected_ranks = pd.Series(by).groupby(group if grouped else np.zeros(600)).rank()
    assert order.ranks.tolist() == expected_ranks.tolist()


@pytest.mark.parametrize("grouped", [False, True])
def test_without_ties_the_ranks_are_those_of_pandas(grouped: bool) -> None:
    rng = np.random.default_rng(6)
    by, group = rng.normal(size=400), rng.integers(0, 300, 400)
    expected = pd.Series(by).groupby(group if grouped else np.zeros(400)).rank()
    assert Order.of(by, group if grouped else None).ranks.tolist() == expected.tolist()


def test_nothing_has_no_ranks() -> None:
    assert Order.of(np.empty(0), np.empty(0, dtype=np.intp)).ranks.tolist() == []
