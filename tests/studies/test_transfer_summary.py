"""A kept summary is held to what it says entry by entry: no other value of any of them is read on."""

from __future__ import annotations

from dataclasses import fields

import pytest

from bdrp.data.overlap import SEEN
from bdrp.data.shift import ExpressionShift
from bdrp.files import json_schema
from bdrp.studies.transfer_summary import HOME, TARGET

UNSEEN = (
    *("auroc", "auroc_null_lower", "auroc_null_upper"),
    *("unseen_pairs", "seen_pairs", "unseen_groups", "seen_groups"),
)
SUMMARY = {
    "target": "there",
    "measure": "ln_ic50_um",
    "notes": ["few pairs"],
    "unit": "ln(µM)",
    "pairs": dict.fromkeys(("of", "scored", "labelled"), dict.fromkeys(SEEN, 3)),
    "capped": 0.1,
    "draws": 2,
    "labelling": "pairs",
    "left_out": [500],
    "agreement": None,
    "expression": dict.fromkeys((each.name for each in fields(ExpressionShift)), None),
    "unseen": {"drug": dict.fromkeys(UNSEEN, 1)},
    "found": {"raw, 0": [{}], "recalibrated, 20": [{"offset": 0.5, "factor": None}]},
}
OTHERS = [{"a": 1}, [{"a": "b"}], "a", 2.5, True]


def _fits(name, value):
    """Whether a value is as good as any."""
    return isinstance(value, float if name == "capped" else str) and isinstance(SUMMARY[name], (str, float))


def test_what_is_written_is_a_summary():
    json_schema.check(SUMMARY, TARGET, "it")
    json_schema.check({name: SUMMARY[name] for name in HOME["properties"]}, HOME, "it")


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in SUMMARY for value in OTHERS if not _fits(name, value)]
)
def test_another_value_is_none(name, value):
    with pytest.raises(ValueError, match=f"it.{name}"):
        json_schema.check(SUMMARY | {name: value}, TARGET, "it")


def test_neither_is_that_of_the_other_kind():
    with pytest.raises(ValueError, match="it must not contain"):
        json_schema.check(SUMMARY, HOME, "it")
    with pytest.raises(ValueError, match="it must contain .*unit"):
        json_schema.check({name: SUMMARY[name] for name in HOME["properties"]}, TARGET, "it")
