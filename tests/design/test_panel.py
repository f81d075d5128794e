"""Panels against brute force, closed forms, and what random measurements bring."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from bdrp.design.panel import Unknown, choose_panel, draw_deviations, draw_gains, expect


def made(entries=8, lines=5, seed=0, factors=3):
    """Covariances of low rank and a diagonal, the same in expectation for all lines."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(entries, factors))
    covariance = [
        loadings @ np.diag(rng.uniform(0.5, 1.5, factors)) @ loadings.T + 0.1 * np.eye(entries) for _ in range(lines)
    ]
    return Unknown(np.stack(covariance), rng.uniform(0.2, 0.6, (lines, entries)))


def left(unknown, panel):
    """The mean variance of the others by the textbook formula of a conditional normal, on the mean covariance."""
    covariance, noise = unknown.covariance.mean(0), unknown.noise.mean(0)
    rest = np.setdiff1d(np.arange(len(noise)), panel)
    inverse = np.linalg.inv(covariance[np.ix_(panel, panel)] + np.diag(noise[list(panel)]))
    across = covariance[np.ix_(rest, panel)]
    return np.diag(covariance[np.ix_(rest, rest)] - across @ inverse @ across.T).sum() / len(rest)


def gain(unknown, panel):
    """How much of the summed variance of the others the panel removes."""
    rest = np.setdiff1d(np.arange(unknown.noise.shape[1]), panel)
    return np.diag(unknown.covariance.mean(0))[rest].sum() - len(rest) * left(unknown, panel)


@pytest.mark.parametrize("seed", range(5))
def test_the_first_entry_removes_most_of_all_and_the_panel_near_the_best_there_is(seed):
    unknown = made(entries=20, seed=seed)
    panel = choose_panel(unknown, 3, np.ones(20, dtype=bool))
    assert panel[0] == max(range(20), key=lambda one: gain(unknown, [one]))
    best = max(gain(unknown, list(each)) for each in combinations(range(20), 3))
    assert gain(unknown, panel) > 0.85 * best


def test_an_entry_that_tells_of_itself_alone_is_not_chosen():
    covariance = np.full((4, 4), 0.5) + 0.1 * np.eye(4)
    covariance[0] = covariance[:, 0] = 0.0
    covariance[0, 0] = 9.0  # of all the most variable
    assert 0 not in choose_panel(Unknown(covariance[None], np.full((1, 4), 0.3)), 2, np.ones(4, dtype=bool))


def test_only_candidates_are_chosen_and_others_count():
    unknown = made()
    allowed = np.zeros(8, dtype=bool)
    allowed[[2, 5, 6]] = True
    assert set(choose_panel(unknown, 5, allowed)) == {2, 5, 6}


def test_what_is_expected_is_what_the_conditional_normal_leaves():
    unknown = made(lines=1)
    found = expect(unknown, [1, 4])
    rest = np.setdiff1d(np.arange(8), [1, 4])
    noise = unknown.noise[0, rest].mean()
    assert found.after == pytest.approx(np.sqrt(left(unknown, [1, 4]) + noise))
    assert found.before == pytest.approx(np.sqrt(np.diag(unknown.covariance[0])[rest].mean() + noise))
    assert found.removed == pytest.approx(1 - left(unknown, [1, 4]) / np.diag(unknown.covariance[0])[rest].mean())


def test_drawn_errors_agree_with_what_is_expected():
    unknown, panel = made(entries=30), [3, 7, 11]
    drawn = draw_deviations(unknown, np.random.default_rng(0), 4_000)
    found = expect(unknown, panel)
    rest = np.setdiff1d(np.arange(30), panel)
    # 20,000 lines: the root mean square has a standard error below 1 % for three factors
    assert np.sqrt(np.mean(drawn[:, :, rest] ** 2)) == pytest.approx(found.before, rel=0.03)
    gains = draw_gains(unknown, drawn, panel)
    assert np.quantile(gains, 0.05) < 1 - found.after / found.before < np.quantile(gains, 0.95)


def test_panels_beat_random_ones():
    unknown, rng = made(entries=40, factors=4), np.random.default_rng(0)
    chosen = expect(unknown, choose_panel(unknown, 4, np.ones(40, dtype=bool)))
    others = [expect(unknown, rng.choice(40, 4, replace=False).tolist()) for _ in range(30)]
    assert chosen.removed > np.quantile([each.removed for each in others], 0.9)
