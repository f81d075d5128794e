"""The guide against the true posterior: in closed form, by NUTS, and by simulation-based calibration.

Results at a larger size come from tests/benchmarks/posterior_quality.py, whose small problem is used here.
"""

from __future__ import annotations

from types import ModuleType

import pytest
import torch

from bdrp.evaluation.simulation_based import uniformity
from bdrp.inference.hierarchical.guide import Guide

STEPS = 600


def against_the_closed_form(quality: ModuleType, parts: str, kind: str) -> dict[str, torch.Tensor]:
    with quality.quickly():
        task = quality.problem(parts=parts)
        torch.manual_seed(1)
        response, guide = quality.simulated(task)[1], Guide(task.model, kind)
        quality.fitted(task, guide, response, STEPS)
        seen: dict[str, torch.Tensor] = quality.compared(
            task, quality.exact(task, response), quality.approximate(guide)
        )
    return seen


def test_a_full_covariance_finds_means_and_variances_of_the_conjugate_posterior(quality: ModuleType) -> None:
    seen = against_the_closed_form(quality, "w", "full")
    # a descent with a fixed seed never fails by chance; its noise leaves 0.13 SDs and 10 %, a fit gone wrong far more
    assert seen["weights_distance"].max() < 0.2 and seen["pairs_distance"].max() < 0.2
    for name in ("weights_ratio", "pairs_ratio"):
        assert seen[name].min() > 0.85 and seen[name].max() < 1.15


def test_a_diagonal_covariance_finds_the_means_and_is_too_sure_of_the_weights(quality: ModuleType) -> None:
    seen = against_the_closed_form(quality, "w", "diagonal")
    assert seen["weights_distance"].max() < 0.2
    assert seen["weights_ratio"].max() < 1.05 and seen["weights_ratio"].median() < 0.9
    assert seen["pairs_ratio"].min() < 0.85  # along some direction of the data, too sure of the mean as well


def test_with_all_deviations_the_guide_finds_the_means_and_the_predictions_are_not_too_sure(
    quality: ModuleType,
) -> None:
    seen = against_the_closed_form(quality, "wvu", "full")
    assert seen["weights_distance"].max() < 0.2 and seen["pairs_distance"].max() < 0.3
    assert seen["pairs_ratio"].min() > 0.95 and seen["pairs_ratio"].max() < 1.35
    # w, v and u are independent in the guide and not in truth: what they can trade is known less well than it says
    assert 0.45 < seen["weights_ratio"].min() < 0.8 and seen["weights_ratio"].median() > 0.9


def test_the_guide_agrees_with_nuts_where_the_noise_follows_the_mean(quality: ModuleType) -> None:
    with quality.quickly():
        task = quality.problem(lines=12, parts="wv", noise=(-0.9, 0.3, -0.15))
        torch.manual_seed(1)
        response, guide = quality.simulated(task)[1], Guide(task.model, "full")
        quality.fitted(task, guide, response, STEPS)
        drawn = quality.nuts(task, response, draws=150, warmup=80)
        seen = quality.compared(task, (drawn.mean(0), torch.cov(drawn.T)), quality.approximate(guide))
    # 150 independent draws know a mean to 0.08 SDs and an SD to 6 %, those of a chain to twice that: four of these
    assert seen["weights_distance"].max() < 0.4 and seen["pairs_distance"].max() < 0.4
    assert 0.9 < seen["pairs_ratio"].median() < 1.1
    assert seen["pairs_ratio"].min() > 0.55 and seen["pairs_ratio"].max() < 1.6
    assert seen["weights_ratio"].min() > 0.4 and seen["weights_ratio"].max() < 1.5


def test_simulation_based_calibration_of_the_last_layer_alone_is_uniform(quality: ModuleType) -> None:
    with quality.quickly():
        task = quality.problem(parts="w")
        torch.manual_seed(2)
        weights, _ = quality.calibrated(task, "full", replications=60, steps=400)
    seen = uniformity(weights[:, :6], 99)
    # 1,000 repetitions with the exact posterior: 1 in 1,000 exceeds 27.6, and 1 in 1,000 each way leaves 0.86 to 1.16
    assert seen.chi_square < 28
    assert 0.86 < seen.spread < 1.17


def test_simulation_based_calibration_finds_weights_too_sure_and_predictions_sure_enough(quality: ModuleType) -> None:
    with quality.quickly():
        task = quality.problem(parts="wvu")
        torch.manual_seed(2)
        weights, means = quality.calibrated(task, "full", replications=60, steps=400)
    w, v, pairs = (uniformity(rank, 99) for rank in (weights[:, :6], weights[:, 6:15], means))
    # with the exact posterior 1 in 1,000 repetitions falls below 0.880 for the means of pairs, 0.850 for w, 0.857 for v
    assert pairs.covered > 0.88
    # the price of three independent parts, measured: 90 % intervals of w cover 69 %, of v 79 %
    assert 0.6 < w.covered < 0.85 and 0.7 < v.covered < 0.857
    assert pairs.covered == pytest.approx(0.936, abs=0.03)
