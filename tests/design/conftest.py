from __future__ import annotations

import numpy as np
import pytest

from bdrp.design.unmeasured import Moments, OwnLines, Unmeasured


class Matrix:
    """A covariance that is known as a whole."""

    def __init__(self, values):
        self.values = np.asarray(values, dtype=float)

    def between(self, left, right):
        return self.values[np.ix_(np.arange(len(self.values))[left], np.arange(len(self.values))[right])]


class Draws:
    """Joint deviations with a covariance."""

    def __init__(self, covariance):
        self.covariance = covariance

    def draw(self, rng, draws):
        return rng.multivariate_normal(np.zeros(len(self.covariance)), self.covariance, draws)

    def __getitem__(self, index):
        raise NotImplementedError


@pytest.fixture
def make_unmeasured():
    """Candidates and targets whose covariance, noise and means are known; all targets are pairs of their own."""

    def make(covariance, noise, candidates, mean=None, own_targets=None, own_lines=None, seed=0):
        covariance, count = np.asarray(covariance, dtype=float), len(covariance)
        mean = np.zeros(count) if mean is None else np.asarray(mean, dtype=float)
        moments = Moments(mean, np.diag(covariance).copy(), np.broadcast_to(np.asarray(noise, float), count).copy())
        own = np.full(candidates, -1) if own_targets is None else np.asarray(own_targets)
        lines = own_lines or OwnLines(np.zeros(candidates), np.ones(candidates))
        draws = Draws(covariance[:candidates, :candidates])
        rng = np.random.default_rng(seed)
        return Unmeasured(moments, candidates, Matrix(covariance), own, lines, draws, rng)

    return make


@pytest.fixture
def random_covariance():
    """A covariance of as many pairs as asked for, of full rank."""

    def make(count, seed=0, factors=3):
        loadings = np.random.default_rng(seed).standard_normal((count, factors))
        return loadings @ loadings.T + np.diag(np.random.default_rng(seed + 1).uniform(0.05, 0.3, count))

    return make
