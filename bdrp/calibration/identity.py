"""No recalibration: the method's own distribution is taken at its word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy.typing as npt

from bdrp.calibration._recalibration import Recalibration, check_inputs, read_parameters
from bdrp.predictive import PredictiveDistribution

DESCRIPTION = "leave the distribution as it is"
PARAMETERS = 0
AUTOMATIC = True


@final
@dataclass(frozen=True, repr=False)
class Identity(Recalibration):
    """pred -> pred."""

    kind: ClassVar[str] = "identity"
    guarantee_is_for_one_fit: ClassVar[bool] = False

    def apply(self, pred: PredictiveDistribution) -> PredictiveDistribution:
        """The prediction itself."""
        return pred

    def parameters(self) -> dict[str, Any]:
        """None."""
        return {}


def fit(pred: PredictiveDistribution, response: npt.ArrayLike, *, groups: Sequence[str] | None = None) -> Identity:
    """Fit nothing; the input is checked as for any other recalibrator."""
    own, values, count = check_inputs(pred, response, groups)
    return Identity(own.measure, len(values), count)


def from_json(data: Mapping[str, Any]) -> Identity:
    """What `to_json` described."""
    return Identity(**read_parameters(data))
