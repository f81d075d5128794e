"""Each check of a recalibrator finds the fault that it is there for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bdrp.calibration import variance_scaling
from bdrp.calibration.variance_scaling import VarianceScaling
from bdrp.predictive import PredictiveDistribution
from bdrp.testing import check_recalibrator
from bdrp.testing.recalibrators import CHECKS, Subject


def recalibrator(**names: Any) -> ModuleType:
    """A module that holds variance scaling, but for what is given."""
    made = ModuleType("bdrp.calibration.variance_scaling")
    made.__dict__.update(
        {name: getattr(variance_scaling, name) for name in ("DESCRIPTION", "PARAMETERS", "fit", "from_json")}
    )
    made.__dict__.update(names)
    return made


def fitted(change: Any) -> Any:
    return lambda pred, response, *, groups=None: change(variance_scaling.fit(pred, response, groups=groups))


@dataclass(frozen=True)
class Doubtful(VarianceScaling):
    """Takes all of the variance for epistemic."""

    def apply(self, pred: PredictiveDistribution) -> Any:
        out: Any = super().apply(pred)
        return out.with_moments(out.mean, 0.1 * out.aleatoric_std, np.sqrt(out.variance - 0.01 * out.aleatoric))


def as_first_half(pred: Any, response: Any, *, groups: Any = None) -> Any:
    made = variance_scaling.fit(pred, response, groups=groups)
    half = len(response) // 2
    first = variance_scaling.fit(pred[:half], response[:half], groups=list(groups)[:half] if groups else None)
    return replace(made, factor=first.factor * (1.5 if response[0] < response[-1] else 1.0))


def obliging(pred: Any, response: Any, *, groups: Any = None) -> Any:
    own = getattr(pred, "base", pred)
    values = np.nan_to_num(np.resize(np.asarray(response, float), len(own)))
    return replace(variance_scaling.fit(own, values), pairs=len(response), groups=len(set(groups or ())))


FAULTS: dict[str, tuple[ModuleType, str]] = {
    "no text": (recalibrator(DESCRIPTION=""), "its DESCRIPTION is ''"),
    "no recalibration": (recalibrator(fit=fitted(lambda made: made.factor)), "fit gives a float"),
    "a wrong count": (recalibrator(fit=fitted(lambda made: replace(made, groups=3))), "it says that it was fitted to"),
    "another after JSON": (
        recalibrator(from_json=lambda data: replace(variance_scaling.from_json(data), factor=1.0)),
        "json brings back the same. {.*} brings back",
    ),
    "altered JSON taken": (
        recalibrator(
            from_json=lambda data: VarianceScaling(
                **{key: data[key] for key in ("measure", "pairs", "groups", "factor")}
            )
        ),
        "a stored recalibration with {'pairs': 'many'} is taken",
    ),
    "another share": (
        recalibrator(fit=fitted(lambda made: Doubtful(made.measure, made.pairs, made.groups, made.factor))),
        "the epistemic share changes by up to",
    ),
    "an order": (recalibrator(fit=as_first_half), "the order of pairs does not matter. probabilities change by up to"),
    "no correction": (
        recalibrator(fit=fitted(lambda made: replace(made, factor=1.0))),
        "5[0-9].[0-9] % lie in the central 90 %",
    ),
    "anything taken": (recalibrator(fit=obliging), "a response that is not finite is taken; DataError"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_finds_its_fault(fault: str) -> None:
    broken, said = FAULTS[fault]
    with pytest.raises(
        AssertionError, match=rf"The recalibrator variance_scaling fails \d+ of 10 checks:\n(.*\n)*.*{said}"
    ):
        check_recalibrator(broken)


def test_one_that_fits_no_number_is_not_held_to_correct_anything() -> None:
    corrects_nothing = fitted(lambda made: replace(made, factor=1.0))
    check_recalibrator(recalibrator(fit=corrects_nothing, PARAMETERS=0))


def test_one_is_checked_by_its_name_which_it_has_to_bear() -> None:
    assert len(check_recalibrator("variance_scaling")) == 10
    with pytest.raises(AssertionError, match="its kind is 'variance_scaling', and its name wide"):
        CHECKS[1](Subject(recalibrator(), "wide"))
