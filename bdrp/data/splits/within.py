"""Holding out in one laboratory of several: what is dealt, tuned, calibrated and tested are its responses alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp.data.screen import Screen
from bdrp.data.splits.clusters import assign_clusters, laboratory_of_each_response
from bdrp.data.splits.drawing import as_split, make
from bdrp.data.splits.leaks import check_leaks
from bdrp.data.splits.split import UNUSED, Split
from bdrp.errors import SplitError

KEPT_APART: Final[Mapping[str, tuple[str, ...]]] = {
    "pair": ("pair",),
    "cell_line": ("cell_line",),
    "drug": ("drug",),
    "scaffold": ("drug", "scaffold"),
    "tissue": ("cell_line", "tissue"),
    "both": ("cell_line", "drug"),
    "assay": (),
}
"""What other laboratories' responses must not share with a held-out one, by what is held out; by assay they may share
everything but the assay."""


def make_within(screen: Screen, laboratory: str, *, by: str, **drawn: Any) -> Split:
    """Split the responses of one laboratory, as if it were alone; those of the others train, or are left out.

    Its parts are those of `make` on its own responses, so that folds are the same with and without the others. Of the
    other laboratories' responses those that share what is held out (a line, a compound, a pair) with a test,
    calibration or validation response are unused. **By assay none are**: a compound is then new to this laboratory,
    and what others measured of it is in training. That is another question than an unseen compound, and is called so.

    Args:
        screen: of several laboratories; see `bdrp.data.joint`.
        laboratory: the one that is tested.
        by: one of `BY`.
        drawn: what `make` takes besides.

    Raises:
        SplitError: there is no such laboratory, or see `make`.
    """
    named = laboratory_of_each_response(screen)
    own = named.eq(laboratory).to_numpy()
    if not own.any():
        raise SplitError(
            f"There is no laboratory {laboratory!r} in {screen.name}. Allowed are {', '.join(sorted(named.unique()))}; "
            "choose one of them."
        )
    alone = make(_only(screen, own), "drug" if by == "assay" else by, **drawn)
    parts = np.full(len(own), "train", dtype=object)
    parts[own] = alone.parts.to_numpy()
    for kind in KEPT_APART[by]:
        groups = assign_clusters(screen, kind)
        held_out = groups[own & ~np.isin(parts, ("train", UNUSED))]
        parts[~own & groups.isin(held_out).to_numpy()] = UNUSED
    split = as_split(screen, by, parts, alone.seed, alone.fold, alone.folds, _description(laboratory, by, alone))
    check_leaks(screen, split)
    return replace(split, laboratory=laboratory)


def _only(screen: Screen, rows: np.ndarray) -> Screen:
    """The screen of these responses, with their drugs and lines."""
    responses = screen.responses[rows].reset_index(drop=True)
    lines, drugs = (pd.Index(responses[key].unique()) for key in ("cell_line_id", "drug_id"))
    profiles = {name: table[table.index.isin(lines)] for name, table in screen.profiles.items()}
    own = screen.drugs[screen.drugs.index.isin(drugs)], screen.cell_lines[screen.cell_lines.index.isin(lines)]
    return Screen(screen.name, screen.measure, responses, *own, profiles)


def _description(laboratory: str, by: str, alone: Split) -> str:
    others = (
        "Held-out compounds are new to this laboratory alone: whatever other laboratories measured of them is in "
        "training, so that they are not unseen compounds."
        if by == "assay"
        else "Responses of other laboratories train, but for those that share with a held-out one what is held out."
    )
    return f"Of {laboratory} alone: {alone.description} {others}"
