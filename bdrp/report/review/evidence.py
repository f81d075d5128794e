"""What a reviewer looks at beside a prediction: structure, what was measured nearby, what the prediction adds up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.screen import Screen
from bdrp.errors import DataError
from bdrp.explain import explain_pairs
from bdrp.fitted.known import KnownTables
from bdrp.fitted.model import TrainedModel
from bdrp.inference.network.fitted import ClosedFormFit
from bdrp.predictive import ReadableUnit
from bdrp.report import words
from bdrp.report.answers import nearby
from bdrp.report.answers.changes import Changes, find_changes
from bdrp.report.answers.doses import write_response
from bdrp.report.answers.measured import Measured, Neighbour
from bdrp.report.explanation.molecule import draw_molecule
from bdrp.report.explanation.waterfall import steps
from bdrp.report.words import printable

GENES: Final = 4  # chosen: what a card has room for
KEYS: Final = ["cell_line_id", "drug_id"]
RESPONSES: Final = [*KEYS, "response"]

Entries = tuple[tuple[str, str], ...]
"""Names, and what is said of each."""


@dataclass(frozen=True)
class Evidence:
    """Of the pairs of a queue, each by (cell_line_id, drug_id); empty where nothing is known.

    Attributes:
        structures: SVG by drug_id.
        near_lines: what was measured of the drug on the nearest lines.
        near_drugs: what was measured of the most similar other drugs on the line.
        contributions: the steps to the predicted mean: what, and how much, in the measure's unit.
        changed: what the updates of the model changed of the pair, in words.
        updates: of the model since its fit, in words.
    """

    structures: Mapping[str, str] = field(default_factory=dict)
    near_lines: Mapping[tuple[str, str], Entries] = field(default_factory=dict)
    near_drugs: Mapping[tuple[str, str], Entries] = field(default_factory=dict)
    contributions: Mapping[tuple[str, str], tuple[tuple[str, float], ...]] = field(default_factory=dict)
    changed: Mapping[tuple[str, str], str] = field(default_factory=dict)
    updates: tuple[str, ...] = ()


def gather_evidence(queue: pd.DataFrame, model: TrainedModel, screen: Screen) -> Evidence:
    """What a model and its screen know of the pairs of a queue; of a line or drug that the screen lacks, nothing.

    Raises:
        DataError: the queue was predicted by another model.
    """
    made_by = set(queue["model"].fillna("")) - {""} if "model" in queue else set()
    if model.digest and made_by - {model.digest}:
        raise DataError(
            f"The queue was predicted by the model {min(made_by)[:12]}, and the evidence would come from "
            f"{model.digest[:12]}. Allowed: one model for both. Name the model that made the predictions."
        )
    known = KnownTables.of(model, screen, None, None)
    pairs = queue[KEYS].astype(str)
    pairs = pairs[pairs["drug_id"].isin(known.drugs.index) & pairs["cell_line_id"].isin(known.lines)]
    if pairs.empty:
        return Evidence()
    pairs = pairs.reset_index(drop=True)
    keys = list(pairs.itertuples(index=False, name=None))
    changes = find_changes(model, known.drugs, known.profiles, pairs, screen.cell_lines)
    since = [] if changes is None else [changes.measured[RESPONSES]]
    measured = Measured(pd.concat([screen.responses[RESPONSES], *since], ignore_index=True))
    near = nearby.measure(model, known, pairs)
    limits = screen.responses.groupby("drug_id")[["lower_limit", "upper_limit"]].median()
    writer = _Writer(known, limits, ReadableUnit(screen.measure.unit))
    assert near.distances is not None  # a model knows where lines are
    lines = measured.on_nearest_lines(pairs, near.distances)
    drugs = measured.on_nearest_drugs(pairs, near.similarities)
    return Evidence(
        {drug: _draw(known.drugs, drug) for drug in pairs["drug_id"].unique()},
        {key: writer.write_lines(key[1], found) for key, found in zip(keys, lines, strict=True)},
        {key: writer.write_drugs(found) for key, found in zip(keys, drugs, strict=True)},
        _contributions(model, known, pairs),
        {} if changes is None else dict(zip(keys, writer.write_changes(pairs, changes), strict=True)),
        model.updates,
    )


@dataclass(frozen=True)
class _Writer:
    known: KnownTables
    limits: pd.DataFrame
    unit: ReadableUnit

    def write_lines(self, drug: str, found: tuple[Neighbour, ...]) -> Entries:
        names = self.known.line_names
        return tuple((str(names.get(one.key, one.key)), self._write(drug, one.response)) for one in found)

    def write_drugs(self, found: tuple[Neighbour, ...]) -> Entries:
        names = self.known.drugs["name"]
        return tuple(
            (f"{names.get(one.key, one.key)} ({one.near:.2f})", self._write(one.key, one.response)) for one in found
        )

    def write_changes(self, pairs: pd.DataFrame, changes: Changes) -> list[str]:
        """Of each pair what was predicted before, and how often its line and its drug were measured since."""
        of_lines, of_drugs = (changes.measured[key].value_counts() for key in KEYS)
        return [
            f"Before the update it was predicted at {self._write(drug, median)}; since the fit "
            f"{words.count(int(of_lines.get(line, 0)), 'measurement')} of this line and "
            f"{int(of_drugs.get(drug, 0)):,} of this drug."
            for line, drug, median in zip(*(pairs[key] for key in KEYS), changes.before.quantile(0.5), strict=True)
        ]

    def _write(self, drug: str, response: float) -> str:
        if np.isnan(response):
            return "–"
        lower, upper = self.limits.loc[drug] if drug in self.limits.index else (np.nan, np.nan)
        return write_response(response, float(lower), float(upper), self.unit)


def _draw(drugs: pd.DataFrame, drug: str) -> str:
    from rdkit import Chem

    smiles, name = str(drugs.loc[drug, "smiles"]), printable(drugs.loc[drug, "name"])
    return draw_molecule(smiles, [0.0] * Chem.MolFromSmiles(smiles).GetNumAtoms(), f"structure of {name[:80]}")


def _contributions(
    model: TrainedModel, known: KnownTables, pairs: pd.DataFrame
) -> dict[tuple[str, str], tuple[tuple[str, float], ...]]:
    if not isinstance(model.fitted, ClosedFormFit):
        return {}
    found = explain_pairs(model, known.drugs, known.profiles, pairs)
    keys = found.pairs[KEYS].itertuples(index=False, name=None)
    return {
        key: tuple(steps(found, pair, GENES)[["step", "contribution"]].itertuples(index=False, name=None))
        for pair, key in enumerate(keys)
    }
