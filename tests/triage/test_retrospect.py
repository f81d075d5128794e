"""What a queue would have bought, against truth that is known: SDs that are true, and SDs that say nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import DataError
from bdrp.predictive import Normal
from bdrp.triage import Policy, simulate_review

LINES, DRUGS = 200, 20
AT_ZERO = Policy(sensitivity_threshold=0.0)


def simulated(std: np.ndarray, told: np.ndarray | None = None, seed: int = 0) -> tuple[Normal, pd.DataFrame]:
    """Responses with these SDs (lines x drugs) about predicted means; the predictions tell the same SDs or others."""
    random = np.random.default_rng(seed)
    keys = pd.DataFrame(
        {
            "cell_line_id": np.repeat([f"L{i:03d}" for i in range(LINES)], DRUGS),
            "drug_id": np.tile([f"D{i:02d}" for i in range(DRUGS)], LINES),
        }
    )
    mean = random.normal(0, 1, std.size)
    said = (std if told is None else told).ravel() / np.sqrt(2)
    pred = Normal.from_std(keys, "ln_ic50_um", mean, said, said)
    return pred, keys.assign(response=mean + std.ravel() * random.standard_normal(std.size))


def table(found: pd.DataFrame, loss: str, queued: float) -> pd.DataFrame:
    some = found[(found["loss"] == loss) & (found["queued"] == queued)]
    return some.set_index("ranking")


@pytest.fixture(scope="module")
def by_pair() -> pd.DataFrame:
    """SDs that differ by pair and are true."""
    return simulate_review(*simulated(np.random.default_rng(1).uniform(0.2, 2.0, (LINES, DRUGS))), AT_ZERO)


def test_true_sds_leave_the_error_that_they_say(by_pair: pd.DataFrame) -> None:
    # the accepted have SDs uniform on 0.2 to b: mean square (b^3 - 0.2^3) / (3 (b - 0.2))
    for queued in (0.2, 0.5):
        b = 0.2 + 1.8 * (1 - queued)
        truth = (b**3 - 0.2**3) / (3 * (b - 0.2))
        left = table(by_pair, "squared_error", queued).loc["sd"]
        assert left["expected"] == pytest.approx(truth, rel=0.03)
        assert left["accepted"] == pytest.approx(truth, rel=0.10)  # 4,000 chi-squares: SD under 3 %


def test_random_leaves_all_and_the_oracle_least(by_pair: pd.DataFrame) -> None:
    for loss in ("squared_error", "wrong_call"):
        left = table(by_pair, loss, 0.5)
        assert left.loc["random", ["relative", "relative_within_drug"]].tolist() == pytest.approx([1, 1])
        assert (left["relative"] >= left.loc["oracle", "relative"] - 1e-12).all()
        assert (left["relative_within_drug"] >= left.loc["oracle", "relative_within_drug"] - 1e-12).all()


def test_wrong_calls_are_ranked_by_their_chance_and_the_queue_is_near_it(by_pair: pd.DataFrame) -> None:
    left = table(by_pair, "wrong_call", 0.5)
    chance, queue, sd = (left.loc[name, "accepted"] for name in ("wrong_side", "queue", "sd"))
    error = np.sqrt(chance * (1 - chance) / 2000)
    assert chance == pytest.approx(left.loc["wrong_side", "expected"], abs=4 * error)
    assert chance <= queue < chance + 4 * error < sd < left.loc["random", "accepted"]


def test_sds_that_differ_by_drug_alone_rank_as_drugs_do_and_nothing_within() -> None:
    std = np.broadcast_to(np.linspace(0.3, 2.0, DRUGS), (LINES, DRUGS)).copy()
    left = table(simulate_review(*simulated(std), AT_ZERO), "squared_error", 0.5)
    assert left.loc["sd", "relative"] == pytest.approx(left.loc["drug_sd", "relative"], rel=0.05)
    assert left.loc["sd", "relative"] < 0.5
    assert left.loc[["sd", "drug_sd"], "relative_within_drug"].tolist() == pytest.approx([1, 1])


def test_sds_that_know_the_pairs_win_over_those_of_drugs_where_drugs_are_alike(by_pair: pd.DataFrame) -> None:
    left = table(by_pair, "squared_error", 0.5)
    assert left.loc["sd", "relative"] < 0.5 < 0.9 < left.loc["drug_sd", "relative"]
    assert left.loc["sd", "relative_within_drug"] < 0.5


def test_sds_that_are_drawn_buy_nothing() -> None:
    random = np.random.default_rng(2)
    std, told = np.ones((LINES, DRUGS)), random.uniform(0.2, 2.0, (LINES, DRUGS))
    left = table(simulate_review(*simulated(std, told), AT_ZERO), "squared_error", 0.5)
    assert left.loc["sd", "relative"] == pytest.approx(1, abs=0.1)
    assert left.loc["sd", "expected"] < 0.5  # and the promise is broken


def test_a_pair_that_is_there_twice_counts_once() -> None:
    pred, observed = simulated(np.ones((LINES, DRUGS)))
    twice = np.r_[np.arange(len(pred)), 0, 1]
    again = simulate_review(pred[twice], observed.iloc[twice].reset_index(drop=True), AT_ZERO)
    pd.testing.assert_frame_equal(again, simulate_review(pred, observed, AT_ZERO))


def test_shares_and_responses_that_cannot_be_are_refused() -> None:
    pred, observed = simulated(np.ones((LINES, DRUGS)))
    with pytest.raises(DataError, match="Shares of the pairs are needed"):
        simulate_review(pred, observed, queued=(0.2, 1.0))
    with pytest.raises(DataError):
        simulate_review(pred, observed.iloc[::-1].reset_index(drop=True))
