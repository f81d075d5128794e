"""Three laboratories: who screens which pair, at which doses, and what one experiment reports.

One experiment of laboratory k on line l and drug d, at ln doses x_j:

    theta' = theta_ld + offset_kd + shift            shift ~ N(0, (shift_k kappa_d q_l)^2), dosing and growth of a plate
    y_j = (1 + gain) v(x_j; theta', h_d) + e_j       gain ~ N(0, (gain_k q_l)^2), a plate's controls
    e_j ~ N(0, (well_k q_l sqrt(kappa_d))^2 (0.35 + 0.65 v)^2)                      wells with more cells scatter more

offset_kd is the batch effect: fixed for a laboratory and a drug, not noise within it. `curves.fit` then reports a
curve. Each drug has one or two laboratories with fixed shares; an experiment falls to one of them by lot, so a
repetition can come from another laboratory, and the difference of their offsets is part of the noise of the pair.

Pairs are missing by block: a drug belongs to one of five libraries, a line to one of five panels (mostly by its
tissue), and `COVERAGE` of the pairs of a library and a panel are measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.simulation import curves
from bdrp.data.simulation.curves import Fits
from bdrp.data.simulation.pharmacology import Pharmacology

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Laboratory:
    """How one laboratory works.

    Attributes:
        name: what the responses call it.
        doses: wells a curve, one a dose.
        dilution: factor from a dose to the next lower one.
        top: its highest dose over the drug's usual highest dose.
        shift: SD of the plate's error of position (dosing, growth), ln units.
        gain: SD of the plate's scale of viability, fraction.
        well: SD of a well of untreated cells, fraction of viability.
    """

    name: str
    doses: int
    dilution: float
    top: float
    shift: float
    gain: float
    well: float

    def ln_doses(self, usual_top_um: float) -> Floats:
        """Its ln doses (J,) for a drug, lowest first, in ln(µM)."""
        steps = np.arange(self.doses - 1, -1, -1)
        return np.asarray(np.log(usual_top_um * self.top) - steps * np.log(self.dilution), dtype=float)


LABORATORIES: Final = (
    Laboratory("Northgate", doses=9, dilution=2.0, top=1.0, shift=0.26, gain=0.03, well=0.055),
    Laboratory("Harbour", doses=8, dilution=10**0.5, top=2.0, shift=0.42, gain=0.04, well=0.085),
    Laboratory("Millfield", doses=7, dilution=3.0, top=0.5, shift=0.62, gain=0.06, well=0.125),
)
"""Chosen: the designs of GDSC1 (nine doses, twofold), CCLE (eight, half-log) and GDSC2 (seven, half-log, here
threefold), with a careful, a usual and a hasty hand, so that where a drug was measured says how exactly."""

FIRST_CHOICE: Final = (0.45, 0.33, 0.22)
"""Chances of being a drug's main laboratory; chosen: one large, one medium, one small."""
SHARED_DRUGS: Final = 0.35
"""Share of drugs with a second laboratory; chosen: some overlap, as between real screens, but not everywhere."""
SECOND_SHARE: Final = 0.35
"""Share of such a drug's experiments in the second laboratory; chosen: enough to see the batch effect."""
LABORATORY_OFFSET: Final = 0.10
"""SD of the part of offset_kd that all drugs of a laboratory share, ln units; chosen: small."""
BATCH_OFFSET: Final = 0.30
"""SD of the rest of offset_kd, ln units; chosen: visible beside the noise, small beside biology."""

COVERAGE: Final = (0.96, 0.90, 0.82, 0.65, 0.25)
"""Measured share of the pairs of a library and a panel, each value once a library and a panel; chosen: mean 0.716."""
REPEATED: Final = (0.05, 0.10, 0.60)
"""Chance that a measured pair is measured a second time: drugs of one laboratory, of two, reference drugs; chosen:
a few replicates everywhere and many of the compounds that laboratories keep as controls."""
REFERENCE_DRUGS: Final = 3
"""Drugs that serve as controls; chosen: few."""


@dataclass(frozen=True)
class Design:
    """D drugs in K laboratories.

    Attributes:
        shares: (D, K), chance that an experiment on a drug falls to a laboratory; rows sum to 1.
        offsets: (K, D), batch effects in ln units.
        tops_um: (D,), usual highest dose in µM.
    """

    shares: Floats
    offsets: Floats
    tops_um: Floats


@dataclass(frozen=True)
class Pairs:
    """N experiments to run: positions of their line, drug and laboratory, (N,) each."""

    line: Ints
    drug: Ints
    laboratory: Ints


@dataclass(frozen=True)
class Reports:
    """What N experiments report, (N,) each: the fitted curve and the ends of the dose range in ln(µM)."""

    fits: Fits
    lowest: Floats
    highest: Floats

    def response(self, measure: str) -> Floats:
        """The reported number (N,) in a measure of `screen.MEASURES`."""
        if measure == "ln_ic50_um":
            return self.fits.ln_ic50
        return curves.area(self.fits, self.lowest, self.highest)


def design_assays(drugs: pd.DataFrame, rng: np.random.Generator) -> Design:
    """Who measures which drug, and by how much each is off."""
    count = len(LABORATORIES)
    first = rng.choice(count, len(drugs), p=FIRST_CHOICE)
    second = (first + rng.integers(1, count, len(drugs))) % count
    share = np.where(rng.random(len(drugs)) < SHARED_DRUGS, SECOND_SHARE, 0.0)
    shares = np.eye(count)[first] * (1 - share)[:, None] + np.eye(count)[second] * share[:, None]
    general = LABORATORY_OFFSET * rng.standard_normal((count, 1))
    special = BATCH_OFFSET * rng.standard_normal((count, len(drugs)))
    return Design(shares, general + special, drugs["top_dose_um"].to_numpy(dtype=float))


def draw_pairs(lines: pd.DataFrame, plan: Design, rng: np.random.Generator) -> Pairs:
    """Every experiment that is run, repetitions included, ordered by line and drug."""
    chance = _coverage(lines["tissue"], len(plan.shares), rng)
    line, drug = np.nonzero(rng.random(chance.shape) < chance)
    repeats = rng.random(len(drug)) < _repeat_chance(plan, rng)[drug]
    line, drug = (np.repeat(values, 1 + repeats) for values in (line, drug))
    below = rng.random((len(drug), 1)) > np.cumsum(plan.shares[drug], axis=1)[:, :-1]
    return Pairs(line, drug, below.sum(1))


def simulate_assays(pairs: Pairs, truth: Pharmacology, plan: Design, rng: np.random.Generator) -> Reports:
    """Run every experiment once: draw its plate and wells, fit its curve."""
    total = len(pairs.line)
    ln_ic50, ln_slope, lowest, highest = (np.empty(total) for _ in range(4))
    for position in np.unique(pairs.laboratory):
        laboratory, rows = LABORATORIES[position], np.flatnonzero(pairs.laboratory == position)
        line, drug = pairs.line[rows], pairs.drug[rows]
        relative = laboratory.ln_doses(1.0)
        usual = np.log(plan.tops_um)[drug]  # doses are relative to the drug's usual top, so one fit serves all drugs
        theta = truth.ln_ic50[line, drug] + plan.offsets[position, drug] - usual
        wells = _plate(laboratory, relative, theta, truth, line, drug, rng)
        fits = curves.fit(relative, wells)
        ln_ic50[rows], ln_slope[rows] = fits.ln_ic50 + usual, fits.ln_slope
        lowest[rows], highest[rows] = relative[0] + usual, relative[-1] + usual
    return Reports(Fits(ln_ic50, ln_slope), lowest, highest)


def _plate(
    laboratory: Laboratory,
    ln_dose: Floats,
    ln_ic50: Floats,
    truth: Pharmacology,
    line: Ints,
    drug: Ints,
    rng: np.random.Generator,
) -> Floats:
    """Viabilities (N, J) of N experiments in one laboratory."""
    kappa, quality = truth.drug_noise[drug], truth.line_noise[line]
    shift = laboratory.shift * kappa * quality * rng.standard_normal(len(drug))
    gain = 1 + laboratory.gain * quality * rng.standard_normal(len(drug))
    alive = curves.viability(ln_dose, ln_ic50 + shift, truth.hill[drug])
    scatter = (laboratory.well * quality * np.sqrt(kappa))[:, None] * (0.35 + 0.65 * alive)
    return np.asarray(gain[:, None] * alive + scatter * rng.standard_normal(alive.shape), dtype=float)


def _coverage(tissue: pd.Series, drugs: int, rng: np.random.Generator) -> Floats:
    """Chance (L, D) that a pair is measured."""
    blocks = len(COVERAGE)
    home = rng.permutation(tissue.nunique())[pd.factorize(tissue)[0]] % blocks
    panel = np.where(rng.random(len(tissue)) < 0.6, home, rng.integers(0, blocks, len(tissue)))
    library = rng.permutation(np.arange(drugs) % blocks)
    return np.asarray(np.array(COVERAGE)[(panel[:, None] + library[None, :]) % blocks], dtype=float)


def _repeat_chance(plan: Design, rng: np.random.Generator) -> Floats:
    """Chance (D,) that a measured pair of a drug is measured again."""
    chance = np.where((plan.shares > 0).sum(1) > 1, REPEATED[1], REPEATED[0])
    chance[rng.choice(len(chance), REFERENCE_DRUGS, replace=False)] = REPEATED[2]
    return np.asarray(chance, dtype=float)
