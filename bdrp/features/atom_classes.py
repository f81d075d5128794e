"""Atoms that look alike as far as k bonds: k steps of message passing give them one state, so it is computed once.

Two atoms are alike as far as no bond if their features are equal, and as far as k bonds if they are alike as far as
k - 1 and so are their neighbours over like bonds, each as often (Weisfeiler & Leman 1968). The 7,666 atoms of GDSC2's
drugs have 71 kinds of features; as far as one, two and three bonds they make 1,115, 3,657 and 5,239 classes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

MOST_BITS: Final = 62
"""Ones and zeros that a whole number holds."""


class Step(NamedTuple):
    """From the classes of one step to those of the next: C of them, fed over E bonds.

    Attributes:
        of: (A,) the class of each atom.
        own: (C,) what each class was before. bonds: (2, E) earlier class that sends, class that receives.
        kind: (E,) position of each bond's features among `AtomClasses.bond_features`.
    """

    of: Tensor
    own: Tensor
    bonds: Tensor
    kind: Tensor


class AtomClasses:
    """The classes of a molecular graph, found step by step when they are needed.

    Args:
        atoms: (A, features). bonds: (2, E) from, to. bond_features: (E, features).
    """

    def __init__(self, atoms: Tensor, bonds: Tensor, bond_features: Tensor) -> None:
        self.bonds = bonds
        self.atom_features, self.start = _kinds(atoms)
        self.bond_features, self.kind = _kinds(bond_features)
        self._steps: list[Step] = []

    def step(self, number: int) -> Step:
        """The step from `number` bonds to one more."""
        while len(self._steps) <= number:
            self._steps.append(self._next(self._steps[-1].of if self._steps else self.start))
        return self._steps[number]

    def _next(self, before: Tensor) -> Step:
        source, target = self.bonds
        of = _classes(before, before[source] * len(self.bond_features) + self.kind, target)
        count = int(of.max()) + 1 if len(of) else 0
        one = torch.zeros(count, dtype=torch.int64, device=of.device).scatter(
            0, of, torch.arange(len(of), device=of.device)
        )
        chosen = torch.zeros(len(of), dtype=torch.bool, device=of.device).index_fill(0, one, True)[target]
        bonds = torch.stack([before[source[chosen]], of[target[chosen]]])
        return Step(of, before[one], bonds, self.kind[chosen])


def _kinds(features: Tensor) -> tuple[Tensor, Tensor]:
    if not len(features):
        return features, torch.zeros(0, dtype=torch.int64, device=features.device)
    if features.shape[1] > MOST_BITS or not torch.equal(features, (features == 1).to(features.dtype)):
        return torch.unique(features, dim=0, return_inverse=True)
    weights = 2 ** torch.arange(features.shape[1] - 1, -1, -1, device=features.device)
    codes, kind = torch.unique(
        features.long() @ weights, return_inverse=True
    )  # in the order of the rows, many times faster
    return ((codes[:, None] & weights) > 0).to(features.dtype), kind


def _classes(before: Tensor, messages: Tensor, target: Tensor) -> Tensor:
    """(A,) classes by what an atom was and which multiset of messages (E,) it receives; exact, without hashing."""
    order = torch.argsort(messages, stable=True)
    order = order[torch.argsort(target[order], stable=True)]
    counts = torch.bincount(target, minlength=len(before))
    nth = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[target[order]]
    code = before
    for position in range(int(counts.max()) if len(counts) else 0):
        at = order[nth == position]
        received = torch.zeros_like(before).index_copy(0, target[at], messages[at] + 1)  # 0: no more
        received = torch.unique(received, return_inverse=True)[1]
        code = torch.unique(code * len(received) + received, return_inverse=True)[1]  # below A^2: no two pairs share it
    return code
