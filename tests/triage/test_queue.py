"""The queue puts first what an expert can help with most, says why, and stays within its budget."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from bdrp.errors import BdrpWarning, DataError
from bdrp.predictive import Normal, Predictions
from bdrp.triage import REASONS, Policy, Weights, rank, summary
from bdrp.triage.decision import ANSWER

OWN = ["cell_line_id", "drug_id", "mean", "aleatoric_std", "epistemic_std"]


def predictions(mean: object, aleatoric: object = 1.0, epistemic: object = 1.0, **context: object) -> pd.DataFrame:
    """Moments of pairs, one for each mean, each on its own line with its own drug unless told otherwise."""
    mean = np.asarray(mean, dtype=float)
    ids = {"cell_line_id": [f"L{i:03d}" for i in range(len(mean))], "drug_id": [f"D{i:03d}" for i in range(len(mean))]}
    return pd.DataFrame(ids).assign(mean=mean, aleatoric_std=aleatoric, epistemic_std=epistemic, **context)


def ranked(frame: pd.DataFrame, *arguments: object, **more: object) -> pd.DataFrame:
    """The queue of normal predictions with these moments and this context."""
    moments = frame["mean"], frame["aleatoric_std"], frame["epistemic_std"]
    pred = Normal.from_std(frame, "ln_ic50_um", *moments, unit=frame.attrs.get("unit", ""))
    context = frame.drop(columns=OWN).reset_index(drop=True)
    return rank(Predictions(pred, context), *arguments, **more)  # type: ignore[arg-type]


def grid(lines: int, drugs: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    size = lines * drugs
    spread = random.uniform(0.3, 1.5, (2, size))
    return predictions(
        random.normal(2, 2, size),
        *spread,
        cell_line_id=np.repeat([f"L{i:03d}" for i in range(lines)], drugs),
        drug_id=np.tile([f"D{i:03d}" for i in range(drugs)], lines),
        drug_similarity=np.tile(random.uniform(0, 1, drugs), lines),
        line_distance_percentile=np.repeat(random.uniform(0, 1, lines), drugs),
    )


at_zero = Policy(sensitivity_threshold=0.0)


def test_the_priority_is_the_documented_sum() -> None:
    frame = predictions(
        [0.0, 1.0], [1.0, 0.6], [1.0, 0.8], drug_similarity=[0.25, 1.0], line_distance_percentile=[0.5, 0.0]
    )
    queue = ranked(frame, at_zero, budget=2).set_index("cell_line_id")
    wrong = norm.cdf(-1.0)
    assert queue.loc["L000", "priority"] == pytest.approx(
        0.5 * 1 + 0.2 * 0.5 + 0.1 * 0.5 + 0.1 * 0.75 + 0.1 * 0.5, abs=1e-9
    )
    assert queue.loc["L001", "priority"] == pytest.approx(0.5 * 2 * wrong + 0.2 * 0.64, abs=1e-9)
    assert queue.loc["L001", "wrong_side_probability"] == pytest.approx(wrong)


def test_the_pair_nearest_the_threshold_comes_first_and_the_sure_one_last() -> None:
    queue = ranked(predictions([5.0, 0.1, -3.0, 1.0]), at_zero, budget=4)
    assert queue["cell_line_id"].tolist() == ["L001", "L003", "L002", "L000"]
    assert queue["rank"].tolist() == [1, 2, 3, 4]


def test_epistemic_variance_outranks_the_same_noise() -> None:
    queue = ranked(predictions([1.0, 1.0], [0.6, 0.8], [0.8, 0.6]), at_zero, budget=2)
    assert queue["cell_line_id"].tolist() == ["L000", "L001"]


REASON_CASES = {
    "straddles_threshold": predictions([9.0, 1.0]),
    "wide_interval": predictions([9.0, 9.0], [0.1, 0.2], 0.1),
    "epistemic_share": predictions([9.0, 9.0], [0.8, 0.6], [0.6, 0.8]),
    "unlike_training_drug": predictions([9.0, 9.0], 1, 0.1, drug_similarity=[0.4, 0.39]),
    "unlike_training_line": predictions([9.0, 9.0], 1, 0.1, line_distance_percentile=[0.95, 0.96]),
    "extrapolated": predictions([9.0, 9.0], 1, 0.1, upper_limit=[9.0, 8.9]),
    "confident_hit": predictions([-1.64, -1.65], 0.8, 0.6),
}


@pytest.mark.parametrize("code", REASONS)
def test_each_reason_holds_where_it_should_and_only_there(code: str) -> None:
    queue = ranked(REASON_CASES[code].assign(lower_limit=-20.0), at_zero, budget=2).set_index("cell_line_id")
    held = queue["reasons"].str.split(";")
    assert code in held["L001"] and code not in held["L000"]


def test_a_mean_below_the_lowest_dose_is_extrapolated_too() -> None:
    queue = ranked(predictions([-9.0], lower_limit=-5.0), at_zero, budget=1)
    assert queue["reasons"][0] == "extrapolated;confident_hit"
    assert "below the lowest tested dose (−5.00)" in queue["explanation"][0]


def test_nothing_beyond_the_tested_doses_is_called_sensitive_or_a_hit() -> None:
    frame = predictions([-4.0, -4.0], 0.3, 0.3, upper_limit=[-5.0, np.nan])
    queue = ranked(frame, at_zero, budget=2).set_index("cell_line_id")
    assert queue["reasons"].to_dict() == {"L000": "extrapolated", "L001": "confident_hit"}
    beyond = queue.loc["L000", "explanation"]
    assert "so below the threshold 0, which no tested dose could show, with" in beyond and "sensitive" not in beyond
    assert "so sensitive by the threshold 0 with" in queue.loc["L001", "explanation"]


def test_what_is_not_known_is_no_reason() -> None:
    frame = predictions([9.0], 1, 0.1, drug_similarity=np.nan, line_distance_percentile=[None], upper_limit=np.nan)
    queue = ranked(frame, at_zero, budget=1)
    assert queue["reasons"].tolist() == [""]
    assert summary(queue)["without_reason"] == 1


def test_the_explanation_carries_the_numbers() -> None:
    frame = predictions(
        [0.5], 0.6, 0.8, drug_similarity=0.21, line_distance_percentile=0.98, upper_limit=0.2, drug_name="Nutlin-3a (-)"
    )
    frame.attrs["unit"] = "ln(µM)"
    told = ranked(frame, at_zero, budget=1)["explanation"][0]
    assert told == (
        "Predicted 1.65 µM for Nutlin-3a (-) on L000 (90% interval 0.318 to 8.54); so resistant by the threshold "
        "1.00 with a 31% chance of the opposite; 64% of the variance is lack of knowledge; the most similar training "
        "drug has Tanimoto 0.21; the line is further from its nearest training line than 98% of these are; the mean is "
        "above the highest tested dose (1.22)."
    )


def test_concentrations_of_three_digits_stand_beside_the_exact_logarithms() -> None:
    frame = predictions([-1.6903279808, 0.5], 0.6, 0.8, lower_limit=np.log(0.01), upper_limit=[np.log(10), np.nan])
    assert not [name for name in ranked(frame, at_zero, budget=2) if name.endswith("_um")]
    frame.attrs["unit"] = "ln(µM)"
    queue = ranked(frame, at_zero, budget=2).sort_values("mean")
    assert queue["mean"].tolist() == [-1.6903279808, 0.5]
    assert queue["predicted_um"].tolist() == [0.184, 1.65]
    assert queue["threshold_um"].tolist() == [1.0, 1.0] and queue["lowest_dose_um"].tolist() == [0.01, 0.01]
    assert queue["highest_dose_um"].iloc[0] == 10.0 and np.isnan(queue["highest_dose_um"].iloc[1])
    np.testing.assert_allclose(queue[["low_um", "high_um"]], np.exp(queue[["q05", "q95"]]), rtol=5e-3)


def test_without_a_threshold_the_lowest_tenth_of_means_is_sensitive_and_the_queue_says_so() -> None:
    queue = ranked(predictions(np.arange(101.0)), budget=3)
    assert queue["threshold"].tolist() == [10.0] * 3
    assert queue.attrs["threshold"] == 10.0
    assert queue["mean"].iloc[0] == 10.0


def test_ties_go_by_line_then_drug_whatever_the_order_of_rows() -> None:
    frame = predictions([1.0] * 6, cell_line_id=list("bbaacc"), drug_id=list("yxyxyx"))
    for seed in range(5):
        queue = ranked(frame.sample(frac=1, random_state=seed), at_zero, budget=4)
        assert list(zip(queue["cell_line_id"], queue["drug_id"], strict=True)) == [
            ("a", "x"),
            ("a", "y"),
            ("b", "x"),
            ("b", "y"),
        ]


@settings(max_examples=30, deadline=None)
@given(lines=st.integers(1, 12), drugs=st.integers(1, 12), budget=st.integers(1, 60), seed=st.integers(0, 9))
def test_the_queue_fills_the_budget_once_each_in_falling_priority(
    lines: int, drugs: int, budget: int, seed: int
) -> None:
    frame = grid(lines, drugs, seed)
    budget = min(budget, len(frame))
    queue = ranked(frame, budget=budget)
    assert len(queue) == budget
    assert not queue.duplicated(["cell_line_id", "drug_id"]).any()
    assert (queue["priority"].diff().dropna() <= 0).all()
    assert queue["priority"].between(0, 1).all()
    shuffled = ranked(frame.sample(frac=1, random_state=seed), budget=budget)
    pd.testing.assert_frame_equal(queue, shuffled)


def test_one_hungry_drug_takes_no_more_than_its_share() -> None:
    frame = grid(40, 40)
    hungry = frame.assign(drug_similarity=np.where(frame["drug_id"] == "D007", 0.0, 1.0))
    policy = Policy(weights=Weights(0, 0, 0, 1, 0), most_per_drug=0.2, most_per_line=1.0)
    counts = ranked(hungry, policy, budget=20)["drug_id"].value_counts()
    assert counts["D007"] == 4
    free = Policy(weights=Weights(0, 0, 0, 1, 0), most_per_drug=1.0, most_per_line=1.0, quotas={})
    assert ranked(hungry, free, budget=20)["drug_id"].eq("D007").all()


def test_one_hungry_line_takes_no_more_than_its_share() -> None:
    frame = grid(40, 40)
    hungry = frame.assign(line_distance_percentile=np.where(frame["cell_line_id"] == "L007", 1.0, 0.0))
    policy = Policy(weights=Weights(0, 0, 0, 0, 1), most_per_line=0.1)
    assert ranked(hungry, policy, budget=20)["cell_line_id"].eq("L007").sum() == 2


def test_one_drug_alone_still_fills_the_queue() -> None:
    assert len(ranked(grid(30, 1), budget=20)) == 20


def test_the_summary_counts_each_reason_and_goes_through_json() -> None:
    queue = ranked(grid(10, 10), at_zero, budget=15)
    told = json.loads(json.dumps(summary(queue)))
    assert told["pairs"] == 15 and told["pairs_ranked"] == 100
    assert told["reasons"] == {code: int(queue["reasons"].str.contains(code).sum()) for code in REASONS}


def test_reviewers_find_empty_columns() -> None:
    queue = ranked(grid(4, 4), budget=3)
    assert (queue[list(ANSWER)] == "").all(axis=None)
    assert queue.columns[0] == "rank" and tuple(queue.columns[-len(ANSWER) :]) == ANSWER


def test_a_budget_beyond_the_pairs_takes_all_and_says_so() -> None:
    with pytest.warns(BdrpWarning, match="budget of 50 is more than the 4 predicted pairs"):
        assert len(ranked(grid(2, 2))) == 4


@pytest.mark.parametrize("budget", [0, -3, 2.5, True, "ten"])
def test_a_budget_that_is_no_count_is_refused(budget: object) -> None:
    with pytest.raises(DataError, match="whole number of pairs from 1 up"):
        ranked(grid(2, 2), budget=budget)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["drug_similarity", "line_distance_percentile"])
def test_a_share_beyond_one_is_refused_by_row(name: str) -> None:
    frame = grid(2, 2)
    frame.loc[2, name] = 82.0
    with pytest.raises(DataError, match=rf"{name} is not between 0 and 1 in 1 of 4 predictions \(rows 2\)"):
        ranked(frame, budget=2)


def test_a_share_that_rounding_put_beyond_one_is_one() -> None:
    queue = ranked(grid(2, 2).assign(drug_similarity=1 + 5e-7), budget=1)
    assert queue["drug_similarity"][0] == 1.0


def test_context_of_text_or_of_other_pairs_and_no_pair_at_all_are_refused() -> None:
    with pytest.raises(DataError, match="upper_limit holds text"):
        ranked(grid(2, 2).assign(upper_limit="high"))
    with pytest.raises(DataError, match="hold no pair"):
        ranked(grid(2, 2)[:0])
    pred = Normal(grid(2, 2), "m", np.zeros(4), np.ones(4), np.ones(4))
    with pytest.raises(DataError, match="context has 3 rows for 4 predictions"):
        rank(Predictions(pred, pd.DataFrame(index=range(3))))
    with pytest.raises(DataError, match="cannot be made of a ndarray"):
        rank(np.zeros(3))  # type: ignore[arg-type]


def test_a_distribution_alone_is_ranked_as_one_without_context() -> None:
    frame = predictions([5.0, 0.1, -3.0, 1.0])
    pred = Normal.from_std(frame, "ln_ic50_um", frame["mean"], np.ones(4), np.ones(4))
    pd.testing.assert_frame_equal(rank(pred, at_zero, budget=4), ranked(frame, at_zero, budget=4))


def test_a_repeated_pair_is_ranked_once_and_told() -> None:
    frame = grid(2, 2)
    with pytest.warns(BdrpWarning, match="1 rows of the predictions repeat a pair .L000 with D000"):
        queue = ranked(pd.concat([frame, frame[:1]]), budget=4)
    assert len(queue) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"level": 1.0}, "level is 1.0"),
        ({"level": 90}, "level is 90"),
        ({"width_quantile": float("nan")}, "width_quantile"),
        ({"tanimoto": "0.4"}, "tanimoto is '0.4'"),
        ({"most_per_drug": 0.0}, "most_per_drug is 0.0"),
        ({"sensitivity_threshold": float("inf")}, "sensitivity_threshold is inf"),
    ],
)
def test_a_policy_out_of_range_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Policy(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("weights", [(-1, 0, 0, 0, 2), (0, 0, 0, 0, 0), (float("nan"), 1, 1, 1, 1)])
def test_weights_that_cannot_rank_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(DataError, match="cannot rank"):
        Weights(*weights)


def test_two_hundred_thousand_pairs_are_ranked_without_a_loop_over_pairs() -> None:
    import time

    frame = grid(400, 500)
    started = time.perf_counter()
    assert len(ranked(frame, budget=100)) == 100
    assert time.perf_counter() - started < 5


def test_a_line_is_called_by_its_name_where_it_has_one() -> None:
    queue = ranked(predictions([1.0, 2.0], line_name=["HeLa", ""]), at_zero, budget=2)
    assert queue["line_name"].tolist() == ["HeLa", ""]
    assert " on HeLa (" in queue["explanation"][0] and " on L001 (" in queue["explanation"][1]
