"""Dropout with cheap masks: on a CPU torch's own spend more on random numbers than a layer on its products."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STEPS = 2**16  # chosen: a rate is then right to 1/131,072, and one random integer decides on four entries


class Dropout(nn.Dropout):
    """`torch.nn.Dropout` from sixteen random bits an entry; on a GPU torch's own."""

    def forward(self, values: Tensor) -> Tensor:
        """Drop entries at the rate and scale up the others, in training only."""
        if not self.training or self.p == 0 or values.device.type != "cpu":
            return super().forward(values)
        dropped = min(round(self.p * STEPS), STEPS - 1)
        kept = _sixteen_bits(values) >= dropped - STEPS // 2
        return values * (kept.to(values.dtype) * (STEPS / (STEPS - dropped)))


def _sixteen_bits(values: Tensor) -> Tensor:
    """Uniform integers from -STEPS / 2 to STEPS / 2 - 1, of the shape of `values`."""
    fours = torch.randint(-(2**63), 2**63 - 1, (-(-values.numel() // 4),), device=values.device)
    return fours.view(torch.int16)[: values.numel()].view(values.shape)
