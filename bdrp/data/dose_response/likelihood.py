"""How likely the wells of curves are under parameters: of nodes that all curves share, or of each curve's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import gammaln

from bdrp.data.dose_response.curve import Curves, Floats, Rows
from bdrp.data.dose_response.noise import DEGREES, Noise

TOGETHER: Final = 4
"""Wells whose factors are multiplied before a logarithm is taken; chosen: float32 holds the product of four."""
_POWER: Final = (DEGREES + 1) / 2
_CONSTANT: Final = float(gammaln(_POWER) - gammaln(DEGREES / 2) - 0.5 * np.log(DEGREES * np.pi))


@dataclass(frozen=True)
class Design:
    """Curves measured at the same doses.

    Attributes:
        ln_dose: (K,) in ln(µM).
        signal: of wells (B, K), 1 being the controls; NaN where a well is missing.
        spread: (B,), noise of each curve's plate over that of the screen.
    """

    ln_dose: Floats
    signal: Floats
    spread: Floats

    def __getitem__(self, rows: slice | Rows) -> Design:
        return Design(self.ln_dose, self.signal[rows], self.spread[rows])

    def __len__(self) -> int:
        return len(self.signal)


class SharedLikelihood:
    """Of nodes (S,) that every curve is weighed at: 1 + r^2 / nu is a product of a curve's terms and a node's.

    r^2 = (y - f)^2 / (g sd)^2 = (y / g)^2 / sd^2 - 2 (y / g) (f / sd^2) / g + (1 / g^2) (f / sd)^2, so that all
    curves at all nodes are one matrix product a well.
    """

    def __init__(self, ln_dose: Floats, curves: Curves, noise: Noise) -> None:
        self._terms: list[Floats] = []
        self._ln_sd: list[Floats] = []
        for dose in ln_dose:
            signal = curves.signal(float(dose))
            sd = curves.scale * noise.sd(signal)
            precision = 1 / (DEGREES * sd**2)
            terms = np.stack([precision, -2 * signal * precision, signal**2 * precision, np.ones_like(sd)])
            self._terms.append(terms.astype(np.float32))
            self._ln_sd.append(np.log(sd).astype(np.float32))

    def __call__(self, design: Design) -> Floats:
        """Log likelihoods (B, S) in float32."""
        signal, g = np.nan_to_num(design.signal), design.spread
        there = ~np.isnan(design.signal)
        total = np.zeros((len(design), len(self._ln_sd[0])), dtype=np.float32)
        product = np.ones_like(total)
        for well, (terms, ln_sd) in enumerate(zip(self._terms, self._ln_sd, strict=True)):
            y, used = signal[:, well], there[:, well]
            own = np.stack([(y / g) ** 2, y / g**2, 1 / g**2], axis=1) * used[:, None]
            product *= np.column_stack([own, np.ones(len(y))]).astype(np.float32) @ terms
            total -= used[:, None].astype(np.float32) * ln_sd
            if (well + 1) % TOGETHER == 0 or well + 1 == len(self._terms):
                total -= _POWER * np.log(np.maximum(product, 1))
                product.fill(1)
        return total + _constant(there, g)


def log_likelihood(design: Design, curves: Curves, noise: Noise) -> Floats:
    """Of parameters (B, S) that each curve has of its own: (B, S) in float32."""
    there = ~np.isnan(design.signal)
    total, product = np.zeros(curves.top.shape, dtype=np.float32), np.ones(curves.top.shape, dtype=np.float32)
    for well, dose in enumerate(design.ln_dose):
        used = there[:, well, None].astype(np.float32)
        signal = curves.signal(float(dose))
        sd = curves.scale * noise.sd(signal)
        residual = (np.nan_to_num(design.signal[:, well, None]).astype(np.float32) - signal) / sd
        product *= 1 + used * residual**2 / (DEGREES * design.spread[:, None] ** 2).astype(np.float32)
        total -= used * np.log(sd)
        if (well + 1) % TOGETHER == 0 or well + 1 == len(design.ln_dose):
            total -= _POWER * np.log(product)
            product.fill(1)
    return total + _constant(there, design.spread)


def _constant(there: Floats, spread: Floats) -> Floats:
    return (there.sum(1) * (_CONSTANT - np.log(spread)))[:, None].astype(np.float32)
