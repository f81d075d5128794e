"""Groups of pairs that a recalibration treats separately, read off a pair's drug or its cell line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.calibration._names import KEY_OF
from bdrp.errors import DataError
from bdrp.predictive import PredictiveDistribution

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
KEYS = tuple(dict.fromkeys(KEY_OF.values()))


@dataclass(frozen=True)
class Grouping:
    """Which group a pair belongs to, by its keys alone.

    Attributes:
        by: the key that tells, "drug_id" or "cell_line_id".
        labels: the groups' names.
        members: key -> position in `labels`; a key that is not there belongs to no group.
    """

    by: str = "drug_id"
    labels: tuple[str, ...] = ()
    members: Mapping[str, int] = field(default_factory=dict)

    def positions(self, keys: pd.DataFrame) -> Ints:
        """The group of each pair, (N,); -1 for none."""
        return np.asarray([self.members.get(key, -1) for key in keys[self.by]], dtype=np.intp)

    def sizes(self, keys: pd.DataFrame) -> Ints:
        """How many of these pairs each group has, (G,)."""
        positions = self.positions(keys)
        return np.bincount(positions[positions >= 0], minlength=len(self.labels))

    def value_per_pair(self, keys: pd.DataFrame, of_groups: Sequence[float], otherwise: float) -> Floats:
        """The number of each pair's group, (N,); `otherwise` for none."""
        return np.asarray([*of_groups, otherwise], dtype=np.float64)[self.positions(keys)]  # -1, none, takes the last

    def merge_small(self, keys: pd.DataFrame, least: int, rest: str = "") -> Grouping:
        """Only the groups with at least so many of these pairs; the others in one group `rest` if it is named.

        The rest too must have enough pairs, and takes in only groups that have any.
        """
        sizes = self.sizes(keys)
        kept = np.flatnonzero(sizes >= least)
        small = np.flatnonzero((sizes > 0) & (sizes < least))
        renamed = {int(old): new for new, old in enumerate(kept)}
        labels = [self.labels[i] for i in kept]
        if rest and sizes[small].sum() >= least:
            renamed |= {int(old): len(labels) for old in small}
            labels.append(rest)
        return Grouping(self.by, tuple(labels), {k: renamed[v] for k, v in self.members.items() if v in renamed})

    def to_json(self) -> dict[str, Any]:
        """All that `from_json` needs; the members as pairs of key and position."""
        return {"by": self.by, "labels": list(self.labels), "members": [list(pair) for pair in self.members.items()]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Grouping:
        """What `to_json` described.

        Raises:
            DataError: the key is unknown, a label is no text, or a member has no group.
        """
        by, labels, members = (data.get(name) for name in ("by", "labels", "members"))
        if by not in KEYS or not _are_labels(labels) or not _are_members(members, len(labels or ())):
            raise DataError(
                f"The stored recalibration's groups are not usable: by {by!r}, labels {str(labels)[:60]}. "
                f"Allowed: by {' or '.join(KEYS)}, different labels, and for each member the position of one. "
                "The file was altered or damaged; fit the model's calibration again."
            )
        return cls(str(by), tuple(labels or ()), {key: at for key, at in members or ()})


def grouping_by(by: str, pred: PredictiveDistribution, labels: Mapping[str, str] | None) -> Grouping:
    """The groups of a grouping; whatever `labels` names is a member, whether or not it is in this prediction.

    By drug and by cell line, each of the prediction is a group of its own, and labels are not needed.

    Raises:
        DataError: the group of none of the prediction's drugs or lines is known.
    """
    key = KEY_OF[by]
    here = sorted(set(pred.keys[key]))
    if key == f"{by}_id":
        labels = dict(zip(here, here, strict=True))
    known = {str(one): label for one, label in (labels or {}).items() if isinstance(label, str)}
    if known.keys().isdisjoint(here):
        raise DataError(
            f"A recalibration by {by} needs the {by} of each {key}; of {len(here)} that are to be calibrated none is "
            f"known. Allowed: labels, a mapping of {key} to the name of a {by}. Pass it, or recalibrate by drug."
        )
    position = {label: i for i, label in enumerate(sorted(set(known.values())))}
    return Grouping(key, tuple(position), {one: position[label] for one, label in known.items()})


def _are_labels(labels: Any) -> bool:
    return isinstance(labels, list) and all(isinstance(one, str) for one in labels) and len(set(labels)) == len(labels)


def _are_members(members: Any, groups: int) -> bool:
    return isinstance(members, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and type(pair[1]) is int
        and 0 <= pair[1] < groups
        for pair in members
    )
