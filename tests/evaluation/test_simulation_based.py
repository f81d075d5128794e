from __future__ import annotations

import numpy as np
import pytest

from bdrp.errors import DataError
from bdrp.evaluation.simulation_based import ranks, uniformity


def normal_posteriors(stretch=1.0, shift=0.0, replications=400, seed=0):
    """One response around one mean, prior and noise standard normal: the posterior is Normal(y / 2, 1 / 2)."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((replications, 2))
    response = truth + rng.standard_normal(truth.shape)
    noise = rng.standard_normal((replications, 99, 2))
    return truth, shift + response[:, None] / 2 + stretch * np.sqrt(0.5) * noise


def test_ranks_are_counts_of_draws_below():
    draws = np.array([[[1.0], [2.0], [3.0]], [[1.0], [2.0], [3.0]]])
    assert ranks([[2.5], [0.0]], draws).tolist() == [[2], [0]]


def test_an_exact_posterior_has_uniform_ranks():
    seen = uniformity(ranks(*normal_posteriors()), 99)
    # 800 independent ranks: the p-value itself fails 1 run in 1,000, coverage (SE 0.011) and spread (SE 0.032) at 4 SE
    assert seen.p_value > 0.001
    assert seen.covered == pytest.approx(0.9, abs=0.044) and seen.spread == pytest.approx(1.0, abs=0.13)
    assert seen.null_mean == pytest.approx(9.0, abs=0.4)  # chi-square of 9 degrees of freedom, mean of 2,000


@pytest.mark.parametrize(("stretch", "shift"), [(0.7, 0.0), (1.5, 0.0), (1.0, 0.3)])
def test_a_posterior_that_is_wrong_is_found_out(stretch, shift):
    seen = uniformity(ranks(*normal_posteriors(stretch, shift)), 99)
    assert seen.p_value < 0.01
    if shift == 0.0:
        assert (seen.spread > 1.15) == (stretch < 1) and (seen.covered < 0.86) == (stretch < 1)


def test_shapes_and_numbers_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"Truths are of shape \(2, 1\), draws of \(3, 5, 1\)"):
        ranks(np.zeros((2, 1)), np.zeros((3, 5, 1)))
    with pytest.raises(DataError, match="100 draws make 101 ranks in 10 bins"):
        uniformity(np.zeros((4, 2), dtype=np.int64), 100)
    with pytest.raises(DataError, match="0 ranks"):
        uniformity(np.zeros((0, 2), dtype=np.int64), 99)
    with pytest.raises(DataError, match="Allowed: ranks from 0"):
        uniformity(np.full((4, 2), 100), 99)
