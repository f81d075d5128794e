"""What every recalibration is: a frozen map between predictive distributions, kept as JSON."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bdrp.display import Displayed
from bdrp.errors import DataError
from bdrp.predictive import PredictiveDistribution, Scalable

VERSION = 1
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Recalibration(Displayed, ABC):
    """A fitted map from a predictive distribution to a better calibrated one.

    Aleatoric and epistemic SD are changed by the same factor: held-out responses tell how wide the whole distribution
    should be, not which share of it more data would remove.

    Attributes:
        measure: the response measure that it was fitted to; others are refused.
        pairs: how many pairs it was fitted to.
        groups: how many groups (cell lines, drugs) those pairs came from.
    """

    measure: str
    pairs: int
    groups: int

    @property
    @abstractmethod
    def kind(self) -> str:
        """The name that it is fitted by and stored under."""

    @property
    @abstractmethod
    def guarantee_is_for_one_fit(self) -> bool:
        """Whether it guarantees a coverage, which holds only for the very fit that it was calibrated with."""

    def __call__(self, pred: PredictiveDistribution) -> PredictiveDistribution:
        """The recalibrated distribution of the same pairs."""
        if pred.measure != self.measure:
            raise DataError(
                f"This recalibration was fitted to {self.measure}; the prediction is in {pred.measure}. "
                f"Allowed: {self.measure}. Use the recalibration of the model that made the prediction."
            )
        return self.apply(pred)

    @abstractmethod
    def apply(self, pred: PredictiveDistribution) -> PredictiveDistribution:
        """The map itself, for a prediction of the right measure."""

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """The fitted numbers by name, JSON-able."""

    def to_json(self) -> dict[str, Any]:
        """All that `from_json` needs."""
        fitted_to = {"measure": self.measure, "pairs": self.pairs, "groups": self.groups}
        return {"kind": self.kind, "version": VERSION, **fitted_to, **self.parameters()}


def check_inputs(
    pred: PredictiveDistribution, response: npt.ArrayLike, groups: Sequence[str] | None
) -> tuple[Scalable, Floats, int]:
    """The method's own prediction, the responses beside it (N,), and the number of groups; or a DataError."""
    own = require_scalable(pred)
    values = np.asarray(response, dtype=np.float64)
    if values.shape != (len(pred),) or values.size < 2 or not np.all(np.isfinite(values)):
        raise DataError(
            f"A recalibration needs a finite response a pair; seen: shape {values.shape} for {len(pred)} pairs, "
            f"{int(np.sum(~np.isfinite(values)))} of them not finite. Allowed: ({len(pred)},), at least 2. "
            "Pass the calibration part's responses in the order of the prediction."
        )
    return own, values, count_groups(groups, len(pred))


def count_groups(groups: Sequence[str] | None, n: int) -> int:
    """How many different groups there are; without groups each pair is its own."""
    if groups is None:
        return n
    if len(groups) != n:
        raise DataError(
            f"The groups do not line up with the pairs: {len(groups)} labels for {n} pairs. "
            "Allowed: one a pair. Pass the cell lines (or drugs) of the calibration part in its order."
        )
    return int(np.unique(np.asarray(groups, dtype=str)).size)


def require_scalable(pred: PredictiveDistribution) -> Scalable:
    """`pred` itself if it can be scaled, or a DataError."""
    if isinstance(pred, Scalable):
        return pred
    raise DataError(
        f"Recalibration starts from a method's own prediction; a {type(pred).__name__} was given. "
        "Allowed: Normal, StudentT and Shaped. Recalibrate what the method predicted, once."
    )


def read_number(data: Mapping[str, Any], name: str, low: float, high: float) -> float:
    """A finite number of a stored recalibration, within its bounds."""
    value = data.get(name)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not (math.isfinite(value) and low <= value <= high)
    ):
        raise DataError(
            f"The stored recalibration's {name} is {value!r}. Allowed: a number from {low:g} to {high:g}. "
            "The file was altered or damaged; fit the model's calibration again."
        )
    return value


def read_parameters(data: Mapping[str, Any]) -> dict[str, Any]:
    """Measure, pairs and groups of a stored recalibration, checked."""
    measure = data.get("measure")
    if not isinstance(measure, str) or not measure:
        raise DataError(
            f"The stored recalibration's measure is {measure!r}. Allowed: a measure's name, such as ln_ic50_um. "
            "The file was altered or damaged; fit the model's calibration again."
        )
    counts = {name: int(read_number(data, name, 0, 1e15)) for name in ("pairs", "groups")}
    return {"measure": measure, **counts}


def altered_error(what: str, seen: object) -> DataError:
    """The error for a part of a stored recalibration that is not as it was written."""
    return DataError(
        f"The stored recalibration's {what} are {str(seen)[:80]!r}. Allowed: what `Recalibration.to_json` wrote. "
        "The file was altered or damaged; fit the model's calibration again."
    )
