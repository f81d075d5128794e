"""A kept summary is held to what it says entry by entry: no other value of any of them is read on."""

from __future__ import annotations

import pytest

from bdrp.files import json_shape
from bdrp.studies.transfer_summary import HOME, TARGET

SUMMARY = {
    "target": "there",
    "measure": "ln_ic50_um",
    "notes": ["few pairs"],
    "unit": "ln(µM)",
    "pairs": dict.fromkeys(("of", "scored", "labelled"), dict.fromkeys(TARGET["pairs"]["of"], 3)),
    "capped": 0.1,
    "draws": 2,
    "labelling": "pairs",
    "left_out": [500],
    "agreement": None,
    "expression": dict.fromkeys(TARGET["expression"], None),
    "unseen": {"drug": dict.fromkeys(TARGET["unseen?"]["*"], 1)},
    "found": {"raw, 0": [{}], "recalibrated, 20": [{"offset": 0.5, "factor": None}]},
}
OTHERS = [{"a": 1}, [{"a": "b"}], "a", 2.5, True]


def _fits(name, value):
    """Whether a value is as good as any."""
    return isinstance(value, float if name == "capped" else str) and isinstance(SUMMARY[name], (str, float))


def test_what_is_written_is_a_summary():
    json_shape.check(SUMMARY, TARGET, "it")
    json_shape.check({name: SUMMARY[name] for name in HOME}, HOME, "it")


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in SUMMARY for value in OTHERS if not _fits(name, value)]
)
def test_another_value_is_none(name, value):
    with pytest.raises(ValueError, match=f"'{name}'"):
        json_shape.check(SUMMARY | {name: value}, TARGET, "it")


def test_neither_is_that_of_the_other_kind():
    with pytest.raises(ValueError, match="is not known"):
        json_shape.check(SUMMARY, HOME, "it")
    with pytest.raises(ValueError, match="it lacks 'unit'"):
        json_shape.check({name: SUMMARY[name] for name in HOME}, TARGET, "it")
