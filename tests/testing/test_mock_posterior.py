"""The mock posterior knows the covariance that it was given."""

from __future__ import annotations

import numpy as np
import pytest

from bdrp.testing import MockPosterior

COVARIANCE = [[1.0, 0.5, 0.0], [0.5, 2.0, -0.3], [0.0, -0.3, 0.5]]


def test_a_mock_posterior_draws_what_it_was_given() -> None:
    posterior = MockPosterior([0.0, 1.0, 2.0], COVARIANCE, aleatoric=0.3)
    drawn = posterior.draw(np.random.default_rng(0), 40_000)
    # SDs of a covariance from 40,000 draws are at most 0.0142 here: five of these
    np.testing.assert_allclose(np.cov(drawn.T), COVARIANCE, atol=0.071)
    few = posterior[np.array([2, 0])]
    np.testing.assert_allclose(few.covariance(posterior), np.asarray(COVARIANCE)[[2, 0]])
    assert few.mean.tolist() == [2.0, 0.0] and few.aleatoric.tolist() == [0.3, 0.3] and len(few) == 2


def test_a_mock_posterior_refuses_what_is_no_covariance() -> None:
    with pytest.raises(ValueError, match="are needed"):
        MockPosterior([0.0, 1.0], COVARIANCE)
    with pytest.raises(ValueError, match="negative eigenvalue"):
        MockPosterior([0.0, 1.0], [[1.0, 2.0], [2.0, 1.0]])
