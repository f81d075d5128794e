"""A corner of a screen, for a first run of what takes hours on all of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bdrp import Screen


def draw(screen: Screen, lines: int, drugs: int, seed: int = 0) -> Screen:
    """So many lines and drugs of a screen, at random, or all where it has fewer."""
    rng = np.random.default_rng(seed)
    kept_lines = rng.permutation(screen.cell_lines.index)[:lines]
    kept_drugs = rng.permutation(screen.drugs.index)[:drugs]
    rows = screen.responses
    return replace(
        screen,
        responses=rows[rows["cell_line_id"].isin(kept_lines) & rows["drug_id"].isin(kept_drugs)].reset_index(drop=True),
        drugs=screen.drugs[screen.drugs.index.isin(kept_drugs)],
        cell_lines=screen.cell_lines[screen.cell_lines.index.isin(kept_lines)],
        profiles={name: table[table.index.isin(kept_lines)] for name, table in screen.profiles.items()},
    )
