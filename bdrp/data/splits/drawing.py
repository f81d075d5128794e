"""Drawing a split from a seed: folds for the test part, then calibration and validation from what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bdrp.data.screen import Screen
from bdrp.data.splits import folds as dealing
from bdrp.data.splits.clusters import BY, CLUSTERS, assign_clusters, public_keys
from bdrp.data.splits.leaks import check_leaks
from bdrp.data.splits.split import PARTS, UNUSED, Split
from bdrp.errors import SplitError, did_you_mean

PARTITIONS = ("drawn", "published")
BOTH_WIDENING = 1.5
"""By "both", a part holds a block of lines x drugs, so shares multiply: 0.12 of each is 1.4 % of the pairs. Both axes
are therefore drawn 1.5 times wider (chosen: calibration doubles, while training keeps half of what is not test)."""


@dataclass(frozen=True)
class Shares:
    """How much of what is not test goes to validation and to calibration; 0 leaves a part out on purpose."""

    validation: float
    calibration: float

    def __post_init__(self) -> None:
        seen = f"validation={self.validation} and calibration={self.calibration}"
        if not (0 <= self.validation < 1 and 0 <= self.calibration < 1 and self.validation + self.calibration < 1):
            raise SplitError(f"{seen} leave nothing to train on. Give shares from 0 up that sum to less than 1.")

    def wider(self) -> Shares:
        """The shares of each axis where both lines and drugs are held out."""
        return Shares(self.validation * BOTH_WIDENING, self.calibration * BOTH_WIDENING)

    @property
    def parts(self) -> int:
        """How many parts are filled from what is not test, training among them."""
        return 1 + (self.validation > 0) + (self.calibration > 0)


def make(
    screen: Screen,
    by: str,
    *,
    seed: int = 0,
    fold: int = 0,
    folds: int = 5,
    partition: str = "drawn",
    validation: float = 0.08,
    calibration: float = 0.12,
) -> Split:
    """Draws train, validation, calibration and test so that no compound and no patient straddles them.

    The test part is one of `folds` folds of groups (see `clusters.assign_clusters`). Validation and calibration are
    groups of the same kind out of the other folds: where unseen lines are tested, unseen lines calibrate too.

    By "both", lines and drugs are dealt into folds separately. Test are the pairs of an unseen line and an unseen
    drug; calibration and validation are such blocks too, each of its own lines and drugs; training sees none of
    these lines and drugs. Pairs that mix (a test line with a training drug) are unused. Across the folds each line
    and each drug is in one test part, but only one pair in `folds`. Tissue leaves out lines of unknown tissue.

    Args:
        screen: what was measured.
        by: one of `BY`.
        seed: decides everything; the order of rows decides nothing.
        fold: the test fold, 0 to folds - 1.
        folds: at least 2.
        partition: how groups are dealt into folds: "drawn" with the seed, folds alike in size; or "published", by the
            hash of the group's public key alone (see `folds.published`). The seed draws the other parts either way.
        validation: share of what is not test, for early stopping.
        calibration: share of what is not test, for recalibration.

    Raises:
        SplitError: it is no screen, a part would be empty, or an option is out of range.
    """
    check_options(by, fold, folds, partition)
    if not isinstance(screen, Screen):
        raise SplitError(f"A split is of a screen, and {screen!r:.60} is none. Load one, as sources.load('simulated').")
    shares = Shares(validation, calibration)
    if by == "both":
        wide = shares.wider()
        lines, drugs = (_axis(screen, kind, seed, fold, folds, partition, wide) for kind in ("cell_line", "drug"))
        parts = np.where(lines == drugs, lines, UNUSED)
    else:
        parts = _axis(screen, by, seed, fold, folds, partition, shares)
    split = as_split(screen, by, parts, seed, fold, folds, _description(screen, by, seed, fold, folds, partition))
    check_parts(split, shares)
    check_leaks(screen, split)
    return split


def as_split(screen: Screen, by: str, parts: NDArray[np.object_], seed: int, fold: int, folds: int, said: str) -> Split:
    """Parts in the order of the screen's responses, as a `Split`."""
    keys = screen.responses[["cell_line_id", "drug_id"]]
    return Split(by, pd.Series(parts, index=keys.index, dtype="str", name="part"), seed, fold, folds, said, keys)


def check_parts(split: Split, shares: Shares) -> None:
    """Raises SplitError naming the parts that were asked for and hold nothing."""
    wanted = {"train": 1.0, "validation": shares.validation, "calibration": shares.calibration, "test": 1.0}
    empty = [part for part in PARTS if wanted[part] > 0 and not len(split.rows(part))]
    if empty:
        seen = (
            f"the screen has {split.keys['cell_line_id'].nunique()} lines and {split.keys['drug_id'].nunique()} drugs"
        )
        raise SplitError(
            f"The {' and '.join(empty)} part of a split by {split.by} is empty: {seen}, and none of the measured pairs "
            "fall into it. Every part needs a pair. Choose another seed, fewer folds, or a split by pair."
        )


def draw_parts(sizes: pd.Series, shares: Shares, salt: str) -> dict[str, str]:
    """The part of each group outside the test part: train, validation or calibration, by group key."""
    leave = shares.parts - 1
    drawn = dealing.draw_clusters(sizes, shares.calibration, f"{salt}:calibration", leave=leave)
    parts = dict.fromkeys(drawn, "calibration")
    rest = sizes.drop(drawn)
    share = shares.validation * float(sizes.sum()) / float(rest.sum())
    parts |= dict.fromkeys(dealing.draw_clusters(rest, share, f"{salt}:validation", leave=1), "validation")
    return {str(key): parts.get(str(key), "train") for key in sizes.index}


def group_sizes(keys: pd.Series) -> pd.Series:
    """Responses a group, by group key in sorted order; rows without a group are left out."""
    sizes: pd.Series = keys[keys != ""].value_counts(sort=False).sort_index()
    return sizes


def _axis(
    screen: Screen, by: str, seed: int, fold: int, folds: int, partition: str, shares: Shares
) -> NDArray[np.object_]:
    keys = assign_clusters(screen, by)
    sizes = group_sizes(keys)
    _check_enough(by, len(sizes), folds, shares)
    if partition == "published":
        fold_of = dealing.published_folds(public_keys(screen, by)[sizes.index], folds, CLUSTERS[by].public)
    else:
        fold_of = dealing.deal_into_folds(sizes, folds, f"{seed}:{by}", even=CLUSTERS[by].even)
    tested = set(fold_of.index[fold_of == fold])
    rest = sizes[~sizes.index.isin(tested)]
    _check_rest(by, len(sizes), len(rest), shares)
    part_of = dict.fromkeys(tested, "test") | draw_parts(rest, shares, f"{seed}:{by}:{fold}")
    return np.asarray(keys.map(part_of).fillna(UNUSED), dtype=object)


def check_options(by: str, fold: int, folds: int, partition: str) -> None:
    """Refuse options that no screen can be split by.

    Raises:
        SplitError: one is not known, or out of range.
    """
    if partition not in PARTITIONS:
        raise SplitError(f"partition is {partition!r}. Choose {' or '.join(PARTITIONS)}.")
    if by not in BY:
        raise SplitError(
            f"There is no split by '{by}'.{did_you_mean(by, BY)} Allowed are {', '.join(BY)}; a split of your own "
            "comes from a file."
        )
    if folds < 2:
        raise SplitError(f"folds is {folds}; a test part and a training part need at least 2.")
    if not 0 <= fold < folds:
        raise SplitError(f"fold is {fold}, but {folds} folds are numbered 0 to {folds - 1}. Choose one of these.")


def _check_enough(by: str, count: int, folds: int, shares: Shares) -> None:
    if count < folds:
        raise SplitError(
            f"The test part of some folds of a split by {by} would be empty: the screen has {count} "
            f"{CLUSTERS[by].noun} for {folds} folds. Each fold needs at least one. {CLUSTERS[by].advice}"
        )


def _check_rest(by: str, count: int, rest: int, shares: Shares) -> None:
    if rest < shares.parts:
        starved = ["train", "validation", "calibration"][rest : shares.parts]
        raise SplitError(
            f"The {' and '.join(starved)} part of a split by {by} would be empty: of {count} {CLUSTERS[by].noun}, "
            f"{rest} are left beside the test part. {shares.parts} parts need at least one each. {CLUSTERS[by].advice}"
        )


def _description(screen: Screen, by: str, seed: int, fold: int, folds: int, partition: str) -> str:
    kinds = ("cell_line", "drug") if by == "both" else (by,)
    counts = {kind: assign_clusters(screen, kind) for kind in kinds}
    held = " and ".join(f"{len(group_sizes(keys))} {CLUSTERS[kind].noun}" for kind, keys in counts.items())
    how = (
        f"drawn with seed {seed}" if partition == "drawn" else f"the published one; other parts drawn with seed {seed}"
    )
    said = f"Fold {fold} of {folds} over {held}, {how}; validation and calibration are held out alike."
    homeless = int((counts[kinds[0]] == "").sum())
    return said + (f" {homeless} responses on lines of unknown tissue are unused." if homeless else "")
