from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bdrp.data.screen import Screen
from bdrp.data.shift import measure_expression_shift


def changed(screen: Screen, name: str, change) -> Screen:
    parts = {field.name: getattr(screen, field.name) for field in dataclasses.fields(Screen)}
    return Screen(**{**parts, "name": name, "profiles": change(screen.expression).astype(np.float32)})


def test_one_expression_in_both_is_no_shift(tiny_screen):
    found = measure_expression_shift(tiny_screen, changed(tiny_screen, "other", lambda table: table))
    assert (found.lines, found.genes) == (36, 50)
    assert found.batch == found.batch_share == found.composition == 0
    assert found.profile_pearson == pytest.approx(1)


def test_a_planted_batch_is_found_and_its_share_is_that_of_two_means(tiny_screen):
    spread = tiny_screen.expression.std()
    signs = np.where(np.arange(50) % 2, 1, -1)
    found = measure_expression_shift(
        tiny_screen, changed(tiny_screen, "other", lambda table: table + 2 * signs * spread)
    )
    assert found.batch == pytest.approx(2, rel=1e-4)
    # between: 2 n 1^2; within: 2 (n - 1) of unit variances; n = 36
    assert found.batch_share == pytest.approx(72 / (72 + 70), rel=1e-4)
    assert found.composition == pytest.approx(2, rel=1e-4)
    assert found.profile_pearson < 0.9


def test_noise_alone_lowers_the_correlation_of_profiles_and_leaves_the_batch_near_nothing(tiny_screen):
    noise = np.random.default_rng(0).standard_normal((36, 50)) * tiny_screen.expression.std().to_numpy()
    found = measure_expression_shift(tiny_screen, changed(tiny_screen, "other", lambda table: table + noise))
    assert found.batch_share < 0.03  # a mean of 36 differences has variance 1/36
    assert 0.5 < found.profile_pearson < 0.9
