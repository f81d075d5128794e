"""A recalibrator by group: `isotonic_by_drug` is `isotonic`, with a curve for each drug that has enough pairs.

Any recalibrator that can have a version for each group (`Groupable`) goes with any grouping (`KEY_OF`). A pair whose
drug or cell line belongs to no group, because it has too few pairs or none, takes what was fitted to all pairs.

Groups are handed over at the fit, as a mapping of drugs or cell lines. It is kept, so that one of the screen that was
not in the calibration part is known later.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, final, runtime_checkable

import numpy.typing as npt

from bdrp.calibration._recalibration import Floats, Recalibration, altered_error, check_inputs
from bdrp.calibration.by.grouping import Grouping, grouping_by
from bdrp.predictive import PredictiveDistribution, Scalable

__all__ = ["ByGroup", "FitsGroups", "Groupable", "Grouping", "fit", "from_json"]


class Groupable(Recalibration):
    """A recalibration of which each group of pairs can have a version of its own.

    Attributes:
        group_parameters: what the list of the groups' parameters is called in a saved file.
    """

    group_parameters: ClassVar[str]

    @abstractmethod
    def apply_by_group(
        self, pred: PredictiveDistribution, grouping: Grouping, each: Sequence[Self]
    ) -> PredictiveDistribution:
        """The prediction, each pair recalibrated by its group's version, and a pair of no group by this one."""

    @abstractmethod
    def group_parameter(self) -> Any:
        """What a group's version has of its own, JSON-able."""

    @abstractmethod
    def with_group_parameter(self, stored: Any) -> Self:
        """This one, with a group's own parameter as `group_parameter` gave it; a DataError if it is not usable."""


@runtime_checkable
class FitsGroups(Protocol):
    """A recalibrator's file that can be fitted by group, its recalibration being `Groupable`."""

    def fit_groups(
        self, overall: Any, pred: Scalable, response: Floats, grouping: Grouping
    ) -> tuple[Grouping, Sequence[Groupable]]:
        """The groups that have enough pairs, and a version of `overall` for each of them."""
        ...


@final
@dataclass(frozen=True, repr=False)
class ByGroup(Recalibration):
    """A version for each group of pairs, and one for all others.

    Attributes:
        by: the grouping's name, such as "drug".
        overall: for a pair whose key is in no group.
        grouping: which pairs are in a group.
        each: a version a group.
    """

    by: str
    overall: Groupable
    grouping: Grouping
    each: tuple[Groupable, ...]

    @property
    def kind(self) -> str:
        """Such as "isotonic_by_drug"."""
        return f"{self.overall.kind}_by_{self.by}"

    @property
    def guarantee_is_for_one_fit(self) -> bool:
        """As what it is made of."""
        return self.overall.guarantee_is_for_one_fit

    def apply(self, pred: PredictiveDistribution) -> PredictiveDistribution:
        """The prediction, each pair recalibrated as its group."""
        return self.overall.apply_by_group(pred, self.grouping, self.each)

    def parameters(self) -> dict[str, Any]:
        """What was fitted to all, the groups, and what each has of its own."""
        own = [version.group_parameter() for version in self.each]
        return {**self.overall.parameters(), "grouping": self.grouping.to_json(), self.overall.group_parameters: own}


def fit(
    recalibrator: FitsGroups,
    overall: Groupable,
    by: str,
    pred: PredictiveDistribution,
    response: npt.ArrayLike,
    labels: Mapping[str, str] | None,
) -> ByGroup:
    """Fit a version of `overall` to each group of the pairs that it was fitted to.

    Raises:
        DataError: the group of none of the pairs is known.
    """
    own, values, _ = check_inputs(pred, response, None)
    kept, each = recalibrator.fit_groups(overall, own, values, grouping_by(by, own, labels))
    return ByGroup(overall.measure, overall.pairs, overall.groups, by, overall, kept, tuple(each))


def from_json(overall: Groupable, by: str, data: Mapping[str, Any]) -> ByGroup:
    """What `to_json` described, `overall` having been read already.

    Raises:
        DataError: a group, or what it has of its own, is missing, out of bounds or contradicts the others.
    """
    grouping, stored = data.get("grouping"), data.get(overall.group_parameters)
    if not isinstance(grouping, Mapping):
        raise altered_error("groups", grouping)
    read = Grouping.from_json(grouping)
    if not isinstance(stored, list) or len(stored) != len(read.labels):
        raise altered_error(overall.group_parameters, f"{stored} for {len(read.labels)} groups")
    each = tuple(overall.with_group_parameter(one) for one in stored)
    return ByGroup(overall.measure, overall.pairs, overall.groups, by, overall, read, each)
