"""The embedded default: a simulated screen of 87 real drugs on 160 invented lines, with its truth.

The generative model, with formulas, units and the origin of each constant, is in `bdrp.data.simulation`.

    >>> from bdrp.data.sources import simulated
    >>> screen = simulated.load(seed=0)
    >>> screen.measure.unit
    'ln(µM)'
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.identifiers import canonical_smiles, structure_key
from bdrp.data.measures import PUBLISHED
from bdrp.data.profiles import EXPRESSION
from bdrp.data.screen import MEASURES, Screen
from bdrp.data.simulation import biology, facts, laboratories, pharmacology
from bdrp.data.simulation.biology import Cells
from bdrp.data.simulation.laboratories import Design, Pairs, Reports
from bdrp.data.simulation.pharmacology import Pharmacology
from bdrp.data.simulation.truth import Truth, moments
from bdrp.errors import DataError

DESCRIPTION: Final = "simulated: 87 real drugs, 160 invented lines, 600 genes, three laboratories; its truth is known"

REPEATS: Final = 64
"""Experiments a pair and laboratory behind the truth; chosen: its noise SD is then known to 9 %, in a few seconds."""


@dataclass(frozen=True)
class Simulation:
    """A simulated screen and the truth behind it."""

    screen: Screen
    truth: Truth


@dataclass(frozen=True)
class _World:
    """Everything but the experiments; each step draws from a stream of its own, so that no step disturbs another."""

    cells: Cells
    drugs: pd.DataFrame
    pharmacology: Pharmacology
    plan: Design
    experiments: np.random.Generator
    repetitions: np.random.Generator


def simulate(seed: int = 0, *, measure: str = "ln_ic50_um", repeats: int = REPEATS) -> Simulation:
    """A screen with its truth, the same for the same seed; both measures summarise the same experiments.

    Args:
        seed: of the whole simulation: biology, drugs, design and noise.
        measure: "ln_ic50_um" or "auc_fraction".
        repeats: experiments a pair and laboratory from which the truth's mean and noise SD are taken, at least 2.

    Raises:
        DataError: the measure is not known, the seed is negative, or repeats is under 2.
    """
    if repeats < 2:
        raise DataError(f"repeats is {repeats}. A standard deviation needs at least 2; {REPEATS} is the default.")
    world = _create(seed, measure)
    return Simulation(_screen(world, measure), _truth(world, measure, repeats))


def load(root: Path | None = None, *, measure: str = "ln_ic50_um", seed: int = 0) -> Screen:
    """The screen alone, as `simulate(seed).screen`; no files are read, so `root` does nothing.

    Raises:
        DataError: the measure is not known, or the seed is negative.
    """
    return _screen(_create(seed, measure), measure)


def _create(seed: int, measure: str) -> _World:
    if measure not in PUBLISHED:
        raise DataError(f"There is no measure {measure!r}. Known are {', '.join(PUBLISHED)}; choose one of them.")
    if seed < 0:
        raise DataError(f"seed is {seed}. Seeds are whole numbers from 0 on; choose one of them.")
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(5)]
    drugs = facts.drugs()
    drugs.index = pd.Index([f"D{i + 1:03d}" for i in range(len(drugs))], name="drug_id")
    cells = biology.simulate_cells(streams[0])
    effects = pharmacology.simulate_pharmacology(cells, drugs, streams[1])
    return _World(cells, drugs, effects, laboratories.design_assays(drugs, streams[2]), streams[3], streams[4])


def _screen(world: _World, measure: str) -> Screen:
    pairs = laboratories.draw_pairs(world.cells.lines, world.plan, world.experiments)
    reports = laboratories.simulate_assays(pairs, world.pharmacology, world.plan, world.experiments)
    return Screen(
        name="simulated",
        measure=MEASURES[measure],
        responses=_responses(world, pairs, reports, measure),
        drugs=_drugs(world.drugs),
        cell_lines=world.cells.lines,
        profiles={EXPRESSION: world.cells.expression.astype(np.float32)},
        notices=("The responses are simulated: names and structures are real, no number says how a drug works.",),
    )


def _responses(world: _World, pairs: Pairs, reports: Reports, measure: str) -> pd.DataFrame:
    limited = measure == "ln_ic50_um"
    return pd.DataFrame(
        {
            "cell_line_id": world.cells.lines.index.to_numpy()[pairs.line],
            "drug_id": world.drugs.index.to_numpy()[pairs.drug],
            "response": reports.response(measure),
            "lower_limit": reports.lowest if limited else np.nan,
            "upper_limit": reports.highest if limited else np.nan,
            "laboratory": np.array([each.name for each in laboratories.LABORATORIES], dtype=object)[pairs.laboratory],
        }
    )


def _drugs(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": table["name"],
            "smiles": table["smiles"].map(canonical_smiles),
            "structure_key": table["smiles"].map(structure_key),
            "target": table["target"].str.replace(";", ", "),
            "pathway": table["pathway"],
        }
    )


def _truth(world: _World, measure: str, repeats: int) -> Truth:
    mean, noise_sd = moments(measure, world.pharmacology, world.plan, repeats, world.repetitions)
    lines, drugs = world.cells.lines.index, world.drugs.index
    pairs = pd.DataFrame(
        {
            "cell_line_id": np.repeat(lines.to_numpy(), len(drugs)),
            "drug_id": np.tile(drugs.to_numpy(), len(lines)),
            "true_ln_ic50": world.pharmacology.ln_ic50.ravel(),
            "mean": mean.ravel(),
            "noise_sd": noise_sd.ravel(),
        }
    )
    return Truth(pairs, world.pharmacology.causal_genes, world.cells.activity)
