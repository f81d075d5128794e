"""Screens in which one thing is shuffled: what a method still finds there, it did not learn from that thing.

The randomisation tests of DrEval (Bernett et al. 2025, github.com/daisybio/drevalpy): a permutation leaves every
table's distribution as it is and breaks only what belongs together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp.data.screen import LIMITS, Screen
from bdrp.data.splits import Split
from bdrp.errors import DataError

GENES, STRUCTURES, TARGETS, DOSES, LABELS = "genes", "structures", "targets", "doses", "labels"
KINDS: Final = (GENES, STRUCTURES, TARGETS, DOSES, LABELS)
FITTED: Final = ("train", "validation", "calibration")
"""The parts that a fit may learn from; the test part and unused rows are never shuffled."""

LABEL: Final = ["response", *LIMITS]
"""What is shuffled as one: a response beyond its limit stays beyond it."""


def shuffle_screen(screen: Screen, split: Split, kind: str, seed: int) -> Screen:
    """The screen with one thing shuffled; the split, made before, stays that of the screen as it was.

    Args:
        screen: what was measured.
        split: tells which rows may be learned from.
        kind: "genes", every line takes another line's profiles, all genes and further modalities together;
            "structures", every compound takes another compound's structure, two ids of one compound the same one;
            "targets", likewise another's named targets and pathway;
            "doses", every row of a compound takes another compound's mean limits, its response stays; "labels", the
            responses that may be learned from change places over all their lines and drugs, those of the test part
            stay.
        seed: of the permutation.

    Raises:
        DataError: there is no such kind, or there is nothing to change places with.
    """
    if kind not in KINDS:
        raise DataError(f"Nothing called {kind!r} can be shuffled. Allowed: {', '.join(KINDS)}. Choose one of them.")
    rng = np.random.default_rng(seed)
    tables: dict[str, Any] = {name: getattr(screen, name) for name in ("responses", "drugs", "cell_lines", "profiles")}
    if kind == GENES:
        tables |= _profiles(screen, rng)
    elif kind == STRUCTURES:
        tables["drugs"] = _of_others(tables["drugs"], ["smiles", "structure_key"], rng)
    elif kind == TARGETS:
        tables["drugs"] = _of_others(tables["drugs"], ["target", "pathway"], rng)
    elif kind == DOSES:
        compound = tables["drugs"]["structure_key"][tables["responses"]["drug_id"]]
        tables["responses"] = _doses(tables["responses"], compound.to_numpy(), rng)
    else:
        tables["responses"] = _labels(tables["responses"], split, rng)
    notices = (*screen.notices, f"The {kind} were shuffled on purpose (seed {seed}): a randomisation test.")
    return Screen(screen.name, screen.measure, **tables, checksums=screen.checksums, notices=notices)


def _profiles(screen: Screen, rng: np.random.Generator) -> dict[str, Any]:
    """Every line with another's profiles and tissue; where the other has none of a modality, it has none either."""
    lines = screen.expression.index
    other = dict(zip(lines, lines[_others(len(lines), "cell lines", rng)], strict=True))
    told = screen.cell_lines["tissue"]
    tissues = told.loc[[other.get(line, line) for line in told.index]].to_numpy()
    exchanged = {name: _exchanged(table, other) for name, table in screen.profiles.items()}
    return {"profiles": exchanged, "cell_lines": screen.cell_lines.assign(tissue=tissues)}


def _exchanged(profile: pd.DataFrame, other: Mapping[str, str]) -> pd.DataFrame:
    held = [line for line, one in other.items() if one in profile.index]
    values = profile.loc[[other[line] for line in held]].to_numpy()
    return pd.DataFrame(values, pd.Index(held, dtype="str", name=profile.index.name), profile.columns)


def _of_others(drugs: pd.DataFrame, columns: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Every compound with what these columns say of another, by the first id of each."""
    first = drugs.drop_duplicates("structure_key")
    other = first.iloc[_others(len(first), "compounds", rng)]
    given = pd.Series(np.arange(len(first)), index=first["structure_key"])[drugs["structure_key"]].to_numpy()
    return drugs.assign(**{name: other[name].to_numpy()[given] for name in columns})


def _doses(responses: pd.DataFrame, compound: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    limits = responses.groupby(compound)[list(LIMITS)].mean()
    others = limits.set_axis(limits.index[_others(len(limits), "compounds", rng)])
    return responses.assign(**{name: others[name].loc[compound].to_numpy() for name in LIMITS})


def _labels(responses: pd.DataFrame, split: Split, rng: np.random.Generator) -> pd.DataFrame:
    rows = np.concatenate([split.rows(part) for part in FITTED])
    values = responses[LABEL].to_numpy(copy=True)
    values[rows] = values[rng.permutation(rows)]
    return responses.assign(**dict(zip(LABEL, values.T, strict=True)))


def _others(many: int, what: str, rng: np.random.Generator) -> np.ndarray:
    """For each of `many` another one, each taken once: one random cycle through all of them."""
    if many < 2:
        raise DataError(f"Only {many} of the {what} can be shuffled. At least two are needed. Take a larger screen.")
    order, other = rng.permutation(many), np.empty(many, dtype=np.intp)
    other[order] = np.roll(order, 1)
    return other
