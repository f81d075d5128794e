"""The posterior of N pairs: the moments of each and, where pairs share random weights, their covariance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Self

import numpy as np

from bdrp.predictive.distribution import Floats, Index
from bdrp.predictive.level_map import LevelMap


class PairMoments(NamedTuple):
    """(N,) each, in the measure's unit: the mean, and the aleatoric and the epistemic variance."""

    mean: Floats
    aleatoric: Floats
    epistemic: Floats


class PairPosterior(ABC):
    """The posterior of the expected responses of N pairs, with the noise about them.

    Attributes:
        noise_dof: degrees of freedom of the noise's Student-t; None where the noise is normal.
        shape: how the distribution of a response differs from a normal with its moments, where it was measured as a
            whole; see `Shaped`. None where it follows from the noise.
    """

    noise_dof: float | None = None
    shape: LevelMap | None = None

    @property
    @abstractmethod
    def moments(self) -> PairMoments:
        """Mean, aleatoric and epistemic variance, (N,) each."""

    @abstractmethod
    def __getitem__(self, index: Index) -> Self:
        """The same for some of the pairs."""

    @property
    def mean(self) -> Floats:
        """(N,) expected responses, in the measure's unit."""
        return self.moments.mean

    @property
    def aleatoric(self) -> Floats:
        """(N,) variance of the noise, in the measure's unit squared."""
        return self.moments.aleatoric

    @property
    def epistemic(self) -> Floats:
        """(N,) variance of the expected response, in the measure's unit squared."""
        return self.moments.epistemic

    def __len__(self) -> int:
        """N."""
        return len(self.moments.mean)


class JointPosterior(PairPosterior, ABC):
    """A posterior with the covariance of the expected responses, and joint draws of them."""

    @abstractmethod
    def covariance(self, other: Self) -> Floats:
        """(N, M) epistemic covariance with the M pairs of another of the same fit, in the measure's unit squared."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S joint draws of the expected responses less their means, (S, N), in the measure's unit."""


class MarginalPosterior(PairPosterior):
    """Moments of each pair by itself.

    Args:
        moments: (N,) each, in the measure's unit.
        noise_dof: see `PairPosterior`.
        shape: see `PairPosterior`.
    """

    def __init__(self, moments: PairMoments, noise_dof: float | None = None, shape: LevelMap | None = None) -> None:
        self._moments, self.noise_dof, self.shape = moments, noise_dof, shape

    @property
    def moments(self) -> PairMoments:
        """As they were given."""
        return self._moments

    def __getitem__(self, index: Index) -> MarginalPosterior:
        """The same for some of the pairs."""
        return MarginalPosterior(PairMoments(*(part[index] for part in self._moments)), self.noise_dof, self.shape)
