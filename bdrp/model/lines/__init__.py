"""Encoders of a line's profiles: one a modality, the file's name is the modality's name.

An encoder is `ENCODER(size, width)`, a module that turns (L, F) scaled profiles, F = `width`, into `LineStates`. The
states of a line's modalities add up, and their gene programs stand side by side.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bdrp.model.architecture import Architecture


class LineStates(NamedTuple):
    """L encoded cell lines: `state` (L, width), `activity` (L, M) of the gene programs in (-1, 1).

    Without attention there are no programs, M = 0.
    """

    state: Tensor
    activity: Tensor

    def select(self, index: Tensor) -> LineStates:
        """The lines at `index`."""
        return LineStates(*(part.index_select(0, index) for part in self))

    def unsqueeze(self, place: int) -> LineStates:
        """The same with an axis of length one at `place`, to broadcast over drugs."""
        return LineStates(*(part.unsqueeze(place) for part in self))

    def combine(self, other: LineStates) -> LineStates:
        """The states of the same lines by two modalities: states add up, programs stand side by side."""
        return LineStates(self.state + other.state, torch.cat([self.activity, other.activity], dim=1))


def names() -> list[str]:
    """The modalities that have an encoder of their own: the files of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def make(name: str, size: Architecture, width: int) -> nn.Module:
    """The encoder of a modality whose profiles have so many numbers; one that adds nothing where it has no file."""
    encoder: nn.Module = import_module(f"{__name__}.{name if name in names() else '_linear'}").ENCODER(size, width)
    return encoder
