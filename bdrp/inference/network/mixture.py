"""Moments and joint draws of an equal mixture: the members of an ensemble, or the passes of a network with dropout.

With M components of means m_i, noise variances a_i and variances e_i of what they know themselves not to know, the law
of total variance gives

    mean = average(m)    aleatoric = average(a)    epistemic = variance(m) + average(e),

the variance over the M components as they are, divided by M: the mixture is the whole predictive, not a sample of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree

from bdrp.predictive.distribution import Floats, Index, JointDraws

Array = TypeVar("Array", np.ndarray, Tensor)


def moments(means: Array, aleatoric: Array, epistemic: Array) -> tuple[Array, Array, Array]:
    """Mean, aleatoric and epistemic variance of N pairs, (N,) each, from those of M components, (M, N) each."""
    mean = means.mean(0)
    return mean, aleatoric.mean(0), ((means - mean) ** 2).mean(0) + epistemic.mean(0)


class RunningMixture:
    """The same from components that come some at a time and are not kept."""

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


def each(call: Callable[[Any], Any], stacked: Any) -> Any:
    """`call` for each of M components side by side; without the cost of `vmap` where there is but one."""
    if len(pytree.tree_leaves(stacked)[0]) > 1:
        return vmap(call, randomness="different")(stacked)
    return pytree.tree_map(lambda part: part[None], call(pytree.tree_map(lambda part: part[0], stacked)))


class MixtureJoint:
    """Joint epistemic deviations: each draw takes one component for all pairs, and that component's own deviations.

    Args:
        offsets: what the components' means differ from the mixture's by, (M, N), in the measure's unit.
        joints: each component's own deviations.
    """

    def __init__(self, offsets: np.ndarray, joints: Sequence[JointDraws]) -> None:
        self.offsets, self.joints = offsets, joints

    def __getitem__(self, index: Index) -> MixtureJoint:
        """The same for some of the pairs."""
        return MixtureJoint(self.offsets[:, index], [joint[index] for joint in self.joints])

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """(S, N) deviations in the measure's unit."""
        chosen = rng.integers(len(self.offsets), size=draws)
        deviations = self.offsets[chosen].astype(np.float64)
        for member in np.unique(chosen):
            at = np.flatnonzero(chosen == member)
            deviations[at] += self.joints[member].draw(rng, len(at))
        return deviations


def law_of(tails: Sequence[float | None]) -> float | None:
    """Degrees of freedom of a mixture: the average of its members'; None where they are normal.

    A mixture of Student-t is none; members that saw one screen differ little, and the average stands for them.
    """
    heavy = [dof for dof in tails if dof is not None]
    return float(torch.tensor(heavy, dtype=torch.float64).mean()) if heavy else None
