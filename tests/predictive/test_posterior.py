from __future__ import annotations

import numpy as np
import pytest

from bdrp.errors import DataError
from bdrp.predictive import Parameter, PosteriorDraws


def test_draws_know_how_many_they_are_and_of_how_many_pairs():
    drawn = PosteriorDraws(*(np.zeros((5, 3)) for _ in range(3)), {"w": Parameter(np.zeros((5, 2)), ("feature",))})
    assert (drawn.draws, len(drawn)) == (5, 3)


@pytest.mark.parametrize(
    ("mean", "likelihood", "parameter"),
    [((5, 3), (5, 2), 5), ((5, 3), (4, 3), 5), ((5,), (5,), 5), ((5, 3), (5, 3), 4)],
)
def test_draws_of_different_shapes_are_refused(mean, likelihood, parameter):
    parameters = {"w": Parameter(np.zeros((parameter, 2)))}
    with pytest.raises(DataError, match="Posterior draws are of shapes .* Allowed"):
        PosteriorDraws(np.zeros(mean), np.zeros(mean), np.zeros(likelihood), parameters)


def test_means_that_are_not_finite_are_refused():
    mean = np.zeros((2, 2))
    mean[0, 1] = np.nan
    with pytest.raises(DataError, match="1 of 4 drawn values of the mean are not finite"):
        PosteriorDraws(mean, np.zeros((2, 2)), np.zeros((2, 2)))
