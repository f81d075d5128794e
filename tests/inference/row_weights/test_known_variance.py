from __future__ import annotations

import numpy as np
import pytest

from bdrp.inference.row_weights.known_variance import LEAST, learn_noise, learn_noise_by_group, weigh


def simulated(noise: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Residuals and the known variances in them: none, as large as the noise, and nine times so."""
    rng = np.random.default_rng(seed)
    known = rng.choice([0.0, 1.0, 9.0], len(noise))
    return np.sqrt(noise + known) * rng.standard_normal(len(noise)), known


def test_the_noise_is_what_known_variances_leave() -> None:
    residual, known = simulated(np.ones(20_000), 0)
    assert learn_noise(residual, known) == pytest.approx(1, abs=0.04)  # four standard errors
    assert learn_noise(residual, 0 * known) == pytest.approx(np.square(residual).mean())


def test_the_noise_of_groups_is_drawn_to_the_pooled_one() -> None:
    group = np.repeat([0, 1, 2], [9_000, 9_000, 1])
    residual, known = simulated(np.array([0.5, 2.0, 1.0])[group], 1)
    noise = learn_noise_by_group(residual, known, group, 4, 10.0)
    assert noise[:2] == pytest.approx([0.5, 2.0], rel=0.1)
    assert noise[2] == pytest.approx(noise[3], rel=0.6) and noise[0] < noise[3] < noise[1]


def test_rows_without_a_residual_are_passed_over() -> None:
    residual, known = simulated(np.ones(300), 2)
    gaps = np.append(residual, np.nan), np.append(known, 1.0)
    assert learn_noise(*gaps) == pytest.approx(learn_noise(residual, known))
    groups = np.zeros(301, dtype=int)
    assert learn_noise_by_group(*gaps, groups, 1, 1.0) == pytest.approx(
        learn_noise_by_group(residual, known, groups[1:], 1, 1.0)
    )


def test_errors_larger_than_what_is_seen_leave_next_to_no_noise() -> None:
    rng = np.random.default_rng(3)
    noise = learn_noise(0.1 * rng.standard_normal(100), np.ones(100))
    assert LEAST <= noise < 0.05
    assert weigh(noise, np.array([0.0, 1.0])) == pytest.approx([1, 0], abs=0.05)
