"""Moments and joint draws of an equal mixture: the members of an ensemble, or the passes of a network with dropout.

With M components of means m_i, noise variances a_i and epistemic variances e_i of their own, the law of total variance
gives

    mean = average(m)    aleatoric = average(a)    epistemic = variance(m) + average(e),

the variance over the M components as they are, divided by M: the mixture is the whole predictive, not a sample of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree

from bdrp.predictive import JointPosterior, PairMoments
from bdrp.predictive.distribution import Floats, Index

Array = TypeVar("Array", np.ndarray, Tensor)


def mixture_moments(means: Array, aleatoric: Array, epistemic: Array) -> tuple[Array, Array, Array]:
    """Mean, aleatoric and epistemic variance of N pairs, (N,) each, from those of M components, (M, N) each."""
    mean = means.mean(0)
    return mean, aleatoric.mean(0), ((means - mean) ** 2).mean(0) + epistemic.mean(0)


class RunningMixture:
    """The same from components that come in chunks and are not stored."""

    def __init__(self) -> None:
        self.components = 0
        self.sums: list[Tensor] = []

    def add(self, means: Tensor, aleatoric: Tensor, epistemic: Tensor) -> None:
        """More components, (M, N) each."""
        means = means.double()
        if not self.components:
            self.about = means[0].clone()  # near all of them, so that squares of what is left lose nothing
            self.sums = [torch.zeros_like(self.about) for _ in range(4)]
        beyond = means - self.about
        for total, more in zip(self.sums, (beyond, beyond**2, aleatoric, epistemic), strict=True):
            total += more.sum(0, dtype=torch.float64)
        self.components += len(means)

    def moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of all that came, (N,) each."""
        shift, square, aleatoric, epistemic = (total / self.components for total in self.sums)
        return self.about + shift, aleatoric, (square - shift**2).clamp(min=0) + epistemic


def map_components(call: Callable[[Any], Any], stacked: Any) -> Any:
    """`call` for each of M components side by side; without the cost of `vmap` where there is but one."""
    if len(pytree.tree_leaves(stacked)[0]) > 1:
        return vmap(call, randomness="different")(stacked)
    return pytree.tree_map(lambda part: part[None], call(pytree.tree_map(lambda part: part[0], stacked)))


class MixturePosterior(JointPosterior):
    """An equal mixture of posteriors of the same N pairs: each joint draw takes one component for all pairs.

    Args:
        components: of the M networks.
    """

    def __init__(self, components: Sequence[JointPosterior]) -> None:
        self.components = tuple(components)
        self.noise_dof = average_dof([component.noise_dof for component in components])

    @cached_property
    def moments(self) -> PairMoments:
        """By the law of total variance."""
        each = zip(*(component.moments for component in self.components), strict=True)
        return PairMoments(*mixture_moments(*(np.stack(part) for part in each)))

    def __getitem__(self, index: Index) -> MixturePosterior:
        """The same for some of the pairs."""
        return MixturePosterior([component[index] for component in self.components])

    def covariance(self, other: MixturePosterior) -> Floats:
        """(N, K) with the K pairs of another: what the components disagree about, and what each does not know."""
        within = [one.covariance(two) for one, two in zip(self.components, other.components, strict=True)]
        return np.asarray(self._disagreement().T @ other._disagreement() / len(within) + np.mean(within, axis=0))

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S joint deviations, (S, N)."""
        chosen = rng.integers(len(self.components), size=draws)
        deviations = self._disagreement()[chosen]
        for member in np.unique(chosen):
            at = np.flatnonzero(chosen == member)
            deviations[at] += self.components[member].draw(rng, len(at))
        return deviations

    def _disagreement(self) -> Floats:
        """(M, N) what the components' means differ from the mixture's by."""
        means = np.stack([component.mean for component in self.components])
        return means - means.mean(0)


def average_dof(noise_dof: Sequence[float | None]) -> float | None:
    """Degrees of freedom of a mixture: the average of its members'; None where they are normal.

    A mixture of Student-t is none; members that saw one screen differ little, and the average stands for them.
    """
    heavy = [dof for dof in noise_dof if dof is not None]
    return float(torch.tensor(heavy, dtype=torch.float64).mean()) if heavy else None
