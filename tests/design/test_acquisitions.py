"""Acquisition functions against what they are defined as."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import norm

from bdrp.design import acquisitions
from bdrp.design.batch import Prices, choose_batch
from bdrp.design.costs import Costs
from bdrp.design.unmeasured import OwnLines, expected_rmse
from bdrp.errors import DataError

HITS = [name for name in acquisitions.names() if acquisitions.load(name).GOAL == "hits"]


def same_prices(count):
    return Prices(np.arange(count), np.arange(count), np.zeros(count), np.zeros(count))


def chosen(unmeasured, by, size):
    return [pick.at for pick in choose_batch(unmeasured, acquisitions.load(by), same_prices(len(unmeasured)), size)]


def left(covariance, noise, known, at):
    """Covariance of some pairs after others are measured, by the textbook's formula."""
    cross = covariance[np.ix_(known, at)]
    inverse = np.linalg.inv(covariance[np.ix_(known, known)] + np.diag(noise[known]))
    return covariance[np.ix_(at, at)] - cross.T @ inverse @ cross


@pytest.mark.parametrize("name", acquisitions.names())
def test_every_one_scores_each_candidate_above_0_and_says_what_it_is(name, make_unmeasured, random_covariance):
    module = acquisitions.load(name)
    score = module.score(make_unmeasured(random_covariance(8), 0.5, 5, mean=np.linspace(-1, 1, 8)))
    assert score.shape == (5,) and (score > 0).all() and module.DESCRIPTION


def test_an_unknown_name_is_refused_with_what_is_like_it():
    with pytest.raises(DataError, match="no acquisition function 'varience'. Did you mean variance?"):
        acquisitions.load("varience")


def test_what_the_batch_leaves_unknown_is_what_conditioning_leaves(make_unmeasured, random_covariance):
    covariance, noise = random_covariance(12), np.linspace(0.2, 0.8, 12)
    unmeasured = make_unmeasured(covariance, noise, 8)
    _ = unmeasured.targets
    for at in (3, 6, 1):
        unmeasured.take(at, condition=True)
    every = np.arange(12)
    truth = left(covariance, noise, [3, 6, 1], every)
    np.testing.assert_allclose(unmeasured.variance, np.diag(truth)[:8], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(unmeasured.targets.variance, np.diag(truth)[8:], rtol=1e-9)
    np.testing.assert_allclose(unmeasured.targets.covariance, truth[:8, 8:], rtol=1e-8, atol=1e-12)


def test_scores_of_a_bald_batch_add_up_to_its_log_determinant(make_unmeasured, random_covariance):
    covariance, noise = random_covariance(9), np.full(9, 0.4)
    picks = choose_batch(make_unmeasured(covariance, noise, 9), acquisitions.load("bald"), same_prices(9), 4)
    at = [pick.at for pick in picks]
    truth = 0.5 * np.linalg.slogdet(np.eye(4) + covariance[np.ix_(at, at)] / 0.4)[1]
    assert sum(pick.score for pick in picks) == pytest.approx(truth, rel=1e-9)


def test_a_greedy_bald_batch_is_near_the_best_of_all_batches(make_unmeasured, random_covariance):
    for seed in range(5):
        covariance = random_covariance(9, seed)

        def information(at, covariance=covariance):
            return 0.5 * np.linalg.slogdet(np.eye(len(at)) + covariance[np.ix_(at, at)] / 0.4)[1]

        best = max(information(list(at)) for at in itertools.combinations(range(9), 3))
        found = information(chosen(make_unmeasured(covariance, 0.4, 9), "bald", 3))
        assert best * (1 - 1 / np.e) <= found <= best + 1e-12 and found > 0.97 * best


def test_variance_takes_no_two_of_one_kind_where_bald_weighs_noise(make_unmeasured):
    covariance = np.array([[1.0, 0.99, 0.0], [0.99, 1.0, 0.0], [0.0, 0.0, 0.8]])
    assert chosen(make_unmeasured(covariance, 0.1, 3), "variance", 2) == [0, 2]
    noise = np.array([10.0, 10.0, 0.1])
    assert chosen(make_unmeasured(covariance, noise, 3), "variance", 1) == [0]
    assert chosen(make_unmeasured(covariance, noise, 3), "bald", 1) == [2]


def test_epig_is_the_mutual_information_of_two_responses(make_unmeasured):
    covariance = np.array([[1.0, 0.6], [0.6, 2.0]])
    score = acquisitions.load("epig").score(make_unmeasured(covariance, [0.5, 0.3], 1))
    total = covariance + np.diag([0.5, 0.3])
    truth = 0.5 * np.log(total[0, 0] * total[1, 1] / np.linalg.det(total))
    assert score[0] == pytest.approx(truth, rel=1e-12)


def test_epig_asks_for_what_tells_of_the_target_and_variance_does_not(make_unmeasured):
    covariance = np.diag([4.0, 1.0, 1.0])
    covariance[1, 2] = covariance[2, 1] = 0.8
    assert chosen(make_unmeasured(covariance, 0.5, 2), "epig", 1) == [1]
    assert chosen(make_unmeasured(covariance, 0.5, 2), "variance", 1) == [0]


def test_a_target_that_is_measured_itself_is_not_counted(make_unmeasured):
    covariance = np.diag([9.0, 1.0, 9.0, 1.0])  # candidate 0 is target 2 itself and tells of nothing else
    covariance[0, 2] = covariance[2, 0] = 9.0
    covariance[1, 3] = covariance[3, 1] = 0.5
    unmeasured = make_unmeasured(covariance, 0.5, 2, own_targets=[0, -1])
    score = acquisitions.load("epig").score(unmeasured)
    assert score[0] == 0 and score[1] > 0
    unmeasured.take(0, condition=True)
    assert unmeasured.targets.left.tolist() == [False, True]


def test_responses_are_compared_within_each_drug(make_unmeasured):
    own = OwnLines(np.array([-5.0, 3.0]), np.array([1.0, 2.0]))  # a potent drug, and one that is not
    unmeasured = make_unmeasured(np.eye(2), 1.0, 2, mean=[-5.0, -1.0], own_lines=own)
    score = acquisitions.load("greedy_mean").score(unmeasured)
    np.testing.assert_allclose(score, -np.log(norm.cdf([0.0, -2.0])))


def test_ucb_prefers_the_less_known_of_two_that_look_alike(make_unmeasured):
    unmeasured = make_unmeasured(np.diag([0.1, 2.0]), 1.0, 2, mean=[-1.0, -1.0])
    assert np.argmax(acquisitions.load("ucb").score(unmeasured)) == 1


def test_thompson_takes_each_as_often_as_it_may_be_the_best(make_unmeasured):
    """Two independent candidates, N(0, 1) and N(1, 1): the first is lower with probability Phi(1 / sqrt 2) = 0.760.

    Of 400 places 5 SDs are 0.107, which chance exceeds once in two million.
    """
    first = 0
    for seed in range(400):
        unmeasured = make_unmeasured(np.eye(2), 1.0, 2, mean=[0.0, 1.0], seed=seed)
        first += chosen(unmeasured, "thompson", 1) == [0]
    assert abs(first / 400 - norm.cdf(1 / np.sqrt(2))) < 0.107


@pytest.mark.parametrize("name", HITS)
def test_where_all_is_known_all_that_look_for_hits_take_the_lowest(name, make_unmeasured):
    unmeasured = make_unmeasured(np.eye(4) * 1e-9, 1.0, 4, mean=[0.3, -2.0, 0.1, -1.0])
    assert chosen(unmeasured, name, 2) == [1, 3]


def test_expected_errors_are_those_of_conditioning(make_unmeasured, random_covariance):
    covariance, noise = random_covariance(7), np.full(7, 0.5)
    unmeasured = make_unmeasured(covariance, noise, 7)
    before, after = expected_rmse(unmeasured._moments, unmeasured._covariance, [0, 2], [4, 5, 6])
    rest = np.array([4, 5, 6])
    assert before == pytest.approx(np.sqrt((np.diag(covariance)[rest] + 0.5).mean()))
    assert after == pytest.approx(np.sqrt((np.diag(left(covariance, noise, [0, 2], rest)) + 0.5).mean()))


def test_a_line_is_paid_once_and_a_budget_is_kept(make_unmeasured):
    import pandas as pd

    pairs = pd.DataFrame({"cell_line_id": ["a", "a", "b", "b"], "drug_id": ["x", "y", "x", "y"]})
    prices = Prices.of(pairs, Costs(lines={"b": 9.0}, line=2.0, drug=0.5))
    assert prices.of_next([]).tolist() == [3.5, 3.5, 10.5, 10.5]
    assert prices.of_next([0]).tolist() == [1.0, 1.5, 10.0, 10.5]
    variances = np.diag([1.0, 0.9, 1.2, 1.1])
    bald = acquisitions.load("bald")
    picks = choose_batch(make_unmeasured(variances, 1.0, 4), bald, prices, 4, budget=6.0)
    assert [pick.at for pick in picks] == [0, 1] and sum(pick.cost for pick in picks) == 5.0
    free = choose_batch(make_unmeasured(variances, 1.0, 4), bald, same_prices(4), 2)
    assert [pick.at for pick in free] == [2, 3]
