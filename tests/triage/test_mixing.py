"""A queue mixes reasons: quotas are kept, hits stand beside doubts, and a threshold may be a drug's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from bdrp.errors import DataError
from bdrp.predictive import Normal, Predictions
from bdrp.triage import REASONS, Policy, rank, read_thresholds, summary

NO_LIMITS = {"most_per_drug": 1.0, "most_per_line": 1.0}


def screen(lines: int = 40, drugs: int = 30, seed: int = 0) -> Predictions:
    """Normal predictions of a grid, some of drugs and lines unlike the trained ones."""
    random, size = np.random.default_rng(seed), lines * drugs
    keys = pd.DataFrame(
        {
            "cell_line_id": np.repeat([f"L{i:02d}" for i in range(lines)], drugs),
            "drug_id": np.tile([f"D{i:02d}" for i in range(drugs)], lines),
        }
    )
    centre = np.tile(random.normal(1, 2, drugs), lines) + random.normal(0, 1, size)
    pred = Normal.from_std(keys, "ln_ic50_um", centre, *random.uniform(0.3, 1.0, (2, size)), unit="ln(µM)")
    similarity = np.tile(random.uniform(0.3, 1, drugs), lines)
    return Predictions(pred, pd.DataFrame({"drug_similarity": similarity}))


def counts(queue: pd.DataFrame) -> dict[str, int]:
    return summary(queue)["reasons"]


def test_a_fifth_of_a_queue_is_confident_hits_and_the_rest_is_as_without_them() -> None:
    policy = Policy(sensitivity_threshold=0.0, quotas={}, **NO_LIMITS)
    doubts = rank(screen(), policy, budget=50)
    mixed = rank(screen(), Policy(sensitivity_threshold=0.0, **NO_LIMITS), budget=50)
    assert counts(doubts)["confident_hit"] == 0 and counts(mixed)["confident_hit"] == 10
    hit = mixed["reasons"].str.contains("confident_hit")
    pd.testing.assert_frame_equal(mixed[~hit].reset_index(drop=True), doubts.head(40), check_like=True)
    everything = rank(screen(), policy, budget=1200)
    sensitive = everything[everything["mean"] < 0]
    surest = sensitive.nsmallest(10, "wrong_side_probability")
    assert set(mixed.loc[hit, "wrong_side_probability"].round(12)) == set(surest["wrong_side_probability"].round(12))
    assert mixed.loc[hit, "explanation"].str.contains("it is sensitive with a chance of 100%: confirm it").all()


@settings(max_examples=40, deadline=None)
@given(
    budget=st.integers(1, 120),
    shares=st.lists(st.floats(0, 0.33), min_size=3, max_size=3),
    seed=st.integers(0, 5),
)
def test_every_quota_is_kept_as_far_as_limits_and_pairs_allow(budget: int, shares: list[float], seed: int) -> None:
    codes = ["confident_hit", "unlike_training_drug", "epistemic_share"]
    quotas = dict(zip(codes, shares, strict=True))
    predictions = screen(12, 10, seed)
    policy = Policy(sensitivity_threshold=0.0, quotas=quotas, **NO_LIMITS)
    there = counts(rank(predictions, policy, budget=120))
    queue = rank(predictions, policy, budget=budget)
    assert len(queue) == budget and not queue.duplicated(["cell_line_id", "drug_id"]).any()
    assert (queue["priority"].diff().dropna() <= 0).all()
    for code, share in quotas.items():
        assert counts(queue)[code] >= min(int(share * budget), there[code])


def test_a_quota_does_not_break_the_limit_of_a_drug() -> None:
    predictions = screen()
    one = predictions.distribution.keys["drug_id"] == "D03"
    unlike = Predictions(predictions.distribution, pd.DataFrame({"drug_similarity": np.where(one, 0.1, 1.0)}))
    queue = rank(unlike, Policy(quotas={"unlike_training_drug": 0.5}, most_per_drug=0.2), budget=20)
    assert queue["drug_id"].eq("D03").sum() == 4


@pytest.mark.parametrize(
    "quotas",
    [{"novel": 0.1}, {"extrapolated": 1.1}, {"extrapolated": 10**400}, {"wide_interval": 0.6, "extrapolated": 0.6}],
)
def test_quotas_that_cannot_be_kept_are_refused_with_the_reasons_that_there_are(quotas: dict[str, float]) -> None:
    with pytest.raises(DataError, match=f"cannot be kept.*{', '.join(REASONS)}"):
        Policy(quotas=quotas)


def test_each_drug_has_its_own_threshold_where_asked_for() -> None:
    by_drug = rank(screen(), Policy(threshold_by_drug=True), budget=200)
    means = screen().distribution
    own = pd.Series(means.mean).groupby(means.keys["drug_id"].to_numpy()).quantile(0.1)
    np.testing.assert_allclose(by_drug["threshold"], own[by_drug["drug_id"]])
    assert by_drug["threshold"].nunique() > 5 and summary(by_drug)["threshold"] is None
    given = rank(screen(), Policy(sensitivity_threshold=own.to_dict()), budget=200)
    pd.testing.assert_frame_equal(by_drug, given)
    assert by_drug["drug_id"].nunique() > rank(screen(), budget=200)["drug_id"].nunique()


def test_the_chance_of_the_wrong_side_is_that_of_the_drug_s_own_threshold() -> None:
    keys = pd.DataFrame({"cell_line_id": ["L", "L"], "drug_id": ["D", "E"]})
    pred = Normal.from_std(keys, "m", [0.0, 0.0], [0.6, 0.6], [0.8, 0.8])
    queue = rank(pred, Policy(sensitivity_threshold={"D": 1.0, "E": -2.0}), budget=2).set_index("drug_id")
    assert queue["wrong_side_probability"].to_dict() == pytest.approx({"D": norm.cdf(-1), "E": norm.cdf(-2)})


def test_a_drug_without_a_threshold_is_named() -> None:
    with pytest.raises(DataError, match="29 drugs have no sensitivity threshold: D01, D02"):
        rank(screen(), Policy(sensitivity_threshold={"D00": 1.0}), budget=5)
    with pytest.raises(DataError, match="sensitivity_threshold of D00 is nan"):
        Policy(sensitivity_threshold={"D00": float("nan")})
    with pytest.raises(DataError, match="come from one of the two"):
        Policy(sensitivity_threshold=1.0, threshold_by_drug=True)


def test_what_a_review_is_expected_to_overturn_is_what_calibrated_predictions_would_show() -> None:
    predictions = screen()
    policy = Policy(sensitivity_threshold=0.0, quotas={}, **NO_LIMITS)
    told = summary(rank(predictions, policy, budget=100))
    pred = predictions.distribution
    wrong = (pred.sample(400, seed=1) < 0) != (pred.mean < 0)
    everything = rank(predictions, policy, budget=1200)
    queued = pd.MultiIndex.from_frame(everything[["cell_line_id", "drug_id"]][:100])
    inside = pd.MultiIndex.from_frame(pred.keys).isin(queued)
    overturned = wrong[:, inside].sum(axis=1)
    error = overturned.std() / np.sqrt(400)
    assert told["wrong_calls_expected"] == pytest.approx(overturned.mean(), abs=4 * error)
    assert told["wrong_calls_expected_at_random"] == pytest.approx(wrong.sum(axis=1).mean() / 12, rel=0.05)
    assert told["wrong_calls_expected"] > 2 * told["wrong_calls_expected_at_random"]


def test_thresholds_are_read_in_the_measure_s_unit_or_in_micromolar(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("drug_id,threshold\n1003,-0.5\nD,2\n")
    assert read_thresholds(tmp_path / "t.csv") == {"1003": -0.5, "D": 2.0}
    (tmp_path / "t.csv").write_text("drug_id,threshold_um\n1003,0.5\n")
    assert read_thresholds(tmp_path / "t.csv") == {"1003": pytest.approx(np.log(0.5))}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("drug_id,cmax\nD,1\n", "has no threshold; its columns are drug_id, cmax"),
        ("drug_id,threshold,threshold_um\nD,1,1\n", "has threshold and threshold_um"),
        ("drug_id,threshold\nD,1\nD,2\n", "twice or without a usable threshold: D"),
        ("drug_id,threshold_um\nD,0\nE,1\n", "twice or without a usable threshold: D"),
        ("drug_id,threshold\nD,low\nE,1\n", "cells that are no numbers"),
        ("name,threshold\nD,1\n", "lacks the columns drug_id"),
    ],
)
def test_thresholds_that_say_nothing_are_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match=said):
        read_thresholds(tmp_path / "t.csv")
