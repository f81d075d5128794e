"""The noise of a screen, from its own wells: what makes them most likely, curves integrated out (type II maximum)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.optimize import minimize

from bdrp.data.dose_response import posterior
from bdrp.data.dose_response.designs import Group
from bdrp.data.dose_response.noise import Noise

PILOT: Final = 240
"""Curves that the noise is found from; chosen: it is then known to a few per cent."""
FEWEST: Final = 30
"""Curves below which the noise of public screens is taken instead; chosen."""
USUAL: Final = Noise(cv=0.07, floor=0.03, top_sd=0.06)
"""About what GDSC2's raw wells have, where nothing can be learned; the search begins here."""
BOUNDS: Final = (0.003, 0.5)
"""Least and most of each part; chosen: no assay is better than 0.3 %, and none above one half is one."""
EVALUATIONS: Final = 45


def fit(groups: list[Group], *, fixed_top: bool = False, seed: int = 0) -> Noise:
    """The noise of wells about their curves.

    Args:
        groups: the screen's curves.
        fixed_top: hold the curves' tops at the controls.
        seed: of which curves are looked at.
    """
    start = replace(USUAL, top_sd=0.0) if fixed_top else USUAL
    pilot = _pilot(groups, np.random.default_rng(seed))
    if sum(len(group.rows) for group in pilot) < FEWEST:
        return start
    parts = 2 if fixed_top else 3

    def loss(ln_parts: np.ndarray) -> float:
        noise = _noise(ln_parts)
        fits = (posterior.sample(group.design, noise, draws=1, seed=seed, again=False) for group in pilot)
        return -float(sum(fit.ln_evidence.sum() for fit in fits))

    first = np.log([start.cv, start.floor, start.top_sd][:parts])
    simplex = np.vstack([first, first + 0.5 * np.eye(parts)])
    options = {"maxfev": EVALUATIONS, "xatol": 0.03, "fatol": 0.3, "initial_simplex": simplex}
    return _noise(minimize(loss, first, method="Nelder-Mead", options=options).x)


def _noise(ln_parts: np.ndarray) -> Noise:
    parts = np.clip(np.exp(ln_parts), *BOUNDS).tolist()
    return Noise(parts[0], parts[1], parts[2] if len(parts) > 2 else 0.0)


def _pilot(groups: list[Group], rng: np.random.Generator) -> list[Group]:
    """Some curves at random, of the designs that hold most: what is shared by a design is worked out once."""
    largest = sorted(groups, key=lambda group: -len(group.rows))[:8]
    total = sum(len(group.rows) for group in largest)
    chosen = []
    for group in largest:
        size = min(len(group.rows), max(1, round(PILOT * len(group.rows) / total)))
        rows = np.sort(rng.choice(len(group.rows), size, replace=False))
        chosen.append(Group(group.rows[rows], group.highest[rows], group.design[rows]))
    return chosen
