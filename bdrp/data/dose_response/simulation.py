"""Wells of curves from the prior, whose truth is known: what simulation-based calibration and timings are made on."""

from __future__ import annotations

from typing import Final

import numpy as np

from bdrp.data.dose_response.curve import COORDINATES, Curves, Floats, Prior
from bdrp.data.dose_response.likelihood import Design
from bdrp.data.dose_response.noise import DEGREES, Noise

HALF_DECADES: Final[Floats] = np.log(10.0) / 2 * np.arange(-6, 1)
"""Ln doses of GDSC2's layout: seven, half a decade apart, relative to the highest."""


def simulate(curves: int, noise: Noise, *, seed: int, ln_dose: Floats = HALF_DECADES) -> tuple[Floats, Curves, Design]:
    """Curves from the prior and their wells.

    Args:
        curves: B.
        noise: of the wells.
        seed: of all draws.
        ln_dose: (K,), in ln(µM).

    Returns:
        Coordinates (B, 5), parameters (B,), and the wells as a design of noise 1 a plate.
    """
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((len(COORDINATES), curves))
    truth = Prior(noise.top_sd, float(ln_dose.min()), float(ln_dose.max())).curves(z)
    signal = np.stack([truth.signal(float(dose)) for dose in ln_dose], axis=1)
    scale = truth.scale[:, None] * noise.sd(signal)
    return z.T, truth, Design(ln_dose, signal + scale * rng.standard_t(DEGREES, signal.shape), np.ones(curves))
