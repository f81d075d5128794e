"""Groups of pairs that a recalibration treats apart: the drugs, or the tissues of the cell lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.errors import DataError
from bdrp.predictive import PredictiveDistribution

Ints = npt.NDArray[np.intp]
KEYS = ("drug_id", "cell_line_id")


@dataclass(frozen=True)
class Grouping:
    """Which group a pair belongs to, told from its keys alone.

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

    def large(self, keys: pd.DataFrame, least: int, rest: str = "") -> Grouping:
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


def by_drug(pred: PredictiveDistribution) -> Grouping:
    """Each drug of the prediction is a group."""
    drugs = sorted(set(pred.keys["drug_id"]))
    return Grouping("drug_id", tuple(drugs), {drug: position for position, drug in enumerate(drugs)})


def by_tissue(pred: PredictiveDistribution, tissues: Mapping[str, str] | None) -> Grouping:
    """Each tissue is a group; every line of `tissues` is a member, whether or not it is in this prediction.

    Raises:
        DataError: no tissue is known for any of the prediction's lines.
    """
    known = {str(line): str(tissue) for line, tissue in (tissues or {}).items() if isinstance(tissue, str)}
    here = set(pred.keys["cell_line_id"])
    if not here & set(known):
        raise DataError(
            f"A recalibration by tissue needs the tissue of the cell lines; none of {len(here)} lines has one. "
            "Allowed: tissues, a mapping of cell_line_id to a name. Pass it, or recalibrate by drug."
        )
    labels = sorted(set(known.values()))
    position = {label: i for i, label in enumerate(labels)}
    return Grouping("cell_line_id", tuple(labels), {line: position[tissue] for line, tissue in known.items()})


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
