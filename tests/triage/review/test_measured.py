"""A measured value with its unit means one response of the model's measure, or a refusal that says why."""

from __future__ import annotations

import numpy as np
import pytest

from bdrp.data.measures import MEASURES
from bdrp.triage.review import Measured, read_measured

LN, AUC = MEASURES["ln_ic50_um"], MEASURES["auc_fraction"]


@pytest.mark.parametrize(
    ("value", "unit", "response"),
    [
        ("0.5", "µM", np.log(0.5)),
        ("0.5", "uM", np.log(0.5)),
        ("500", "nM", np.log(0.5)),
        ("5e-7", "M", np.log(0.5)),
        ("-0.7", "ln(µM)", -0.7),
        ("-.7", "ln_ic50_um", -0.7),
        ("6", "pIC50", 0.0),
        ("2", "log10_um", 2 * np.log(10)),
    ],
)
def test_a_concentration_becomes_its_logarithm_in_micromolar(value: str, unit: str, response: float) -> None:
    assert read_measured(value, unit, LN) == Measured(pytest.approx(response), 0)


@pytest.mark.parametrize(
    ("value", "unit", "sign"),
    [(">10", "µM", 1), ("≥ 10", "µM", 1), ("<= 0.01", "µM", -1), (">6", "pic50", -1), ("<5", "pic50", 1)],
)
def test_a_mark_says_on_which_side_of_a_limit_the_response_lies(value: str, unit: str, sign: int) -> None:
    assert read_measured(value, unit, LN).sign == sign


def test_an_area_above_the_curve_is_turned_round_with_its_mark() -> None:
    assert read_measured(">0.75", "aac", AUC) == Measured(pytest.approx(0.25), -1)
    assert read_measured("40", "auc_percent", AUC) == Measured(pytest.approx(0.4), 0)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        ("0,5", "µM", "write a point for the decimal comma"),
        ("about 3", "µM", "is no number"),
        ("1e", "µM", "is no number"),
        ("nan", "µM", "is no number"),
        ("0.5", "", "has no unit; allowed are M, mM, µM"),
        ("0.5", "mg/ml", "the unit 'mg/ml' is none of ln IC50"),
        ("0.5", "aac", "is none of ln IC50"),
        ("0", "µM", "not above 0"),
        ("-2", "nM", "not above 0"),
        ("1000", "ln(µM)", "no response is beyond -25 to 25"),
    ],
)
def test_what_says_no_response_is_refused_with_the_reason(value: str, unit: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(").replace(")", r"\)")):
        read_measured(value, unit, LN)
