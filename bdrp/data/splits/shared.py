"""Holding out lines and drugs that other screens measured too, so that a transfer meets every kind of unseen pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Final

import numpy as np

from bdrp.data.screen import Screen
from bdrp.data.splits.clusters import parent_of_each_response, patient_of_each_response
from bdrp.data.splits.drawing import Shares, as_split, check_parts, draw_parts, group_sizes
from bdrp.data.splits.folds import place
from bdrp.data.splits.split import Split
from bdrp.errors import SplitError

ONE_IN: Final = 5
"""One shared patient and one shared compound in so many is held out; chosen: as a fold of five holds out."""


def hold_out_shared(
    screen: Screen, others: Sequence[Screen], *, seed: int = 0, validation: float = 0.08, calibration: float = 0.12
) -> Split:
    """Split a training screen so that a fifth of what it shares with other screens is new to the model.

    A line that another screen alone measured is new too, but it is of other tissues, and no two laboratories measured
    it: nothing could be said of how well they agree there. So one in five of the shared patients, and one in five of
    the shared compounds, are held out, the same share of those that each combination of screens measured. Every pair
    of theirs is the test part; validation and calibration are further patients, as in a split by cell line.

    Args:
        screen: the training screen, from `harmonise`.
        others: the screens that it is to be tested on, from the same.
        seed: decides everything; the order of rows decides nothing.
        validation: share of what is not test, for early stopping.
        calibration: share of what is not test, for recalibration.

    Raises:
        SplitError: nothing is shared, or a part would be empty.
    """
    lines, drugs = patient_of_each_response(screen), parent_of_each_response(screen)
    held = {
        "patients": _held(
            set(lines), {other.name: set(patient_of_each_response(other)) for other in others}, f"{seed}:patient"
        ),
        "compounds": _held(
            set(drugs), {other.name: set(parent_of_each_response(other)) for other in others}, f"{seed}:compound"
        ),
    }
    if not any(held.values()):
        raise SplitError(
            f"{screen.name} shares no line and no drug with {', '.join(other.name for other in others) or 'nothing'}. "
            "A transfer needs some of either. Bring the screens to shared keys with harmonise, and see its report."
        )
    test = (lines.isin(held["patients"]) | drugs.isin(held["compounds"])).to_numpy()
    shares = Shares(validation, calibration)
    sizes = group_sizes(lines[~test])
    if len(sizes) < shares.parts:
        raise SplitError(
            f"{len(sizes)} patients of {screen.name} are left beside the held-out ones; {shares.parts} parts need one "
            "each. Take a larger training screen."
        )
    drawn = lines.map(draw_parts(sizes, shares, f"{seed}:shared"))
    parts = np.where(test, "test", drawn.to_numpy(dtype=object)).astype(object)
    split = as_split(screen, "shared", parts, seed, 0, ONE_IN, _description(held, seed))
    check_parts(split, shares)
    return split


def _held(own: Set[str], others: Mapping[str, Set[str]], salt: str) -> list[str]:
    """One in `ONE_IN` of those keys that other screens have, evenly over the combinations of screens."""
    shared = [key for key in own if any(key in theirs for theirs in others.values())]
    where = {key: ",".join(name for name, theirs in others.items() if key in theirs) for key in shared}
    ordered = sorted(shared, key=lambda key: (where[key], place(salt, key)))
    return ordered[ONE_IN // 2 :: ONE_IN] or ordered[:1]


def _description(held: Mapping[str, Sequence[str]], seed: int) -> str:
    counted = " and ".join(f"{len(keys)} {noun}" for noun, keys in held.items())
    return (
        f"{counted} that other screens measured too, one in {ONE_IN} of them, are held out with all their pairs, drawn "
        f"with seed {seed}; validation and calibration are patients of their own."
    )
