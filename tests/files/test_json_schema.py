from __future__ import annotations

import pytest

from bdrp.files.json_schema import NUMBER, TEXT, WHOLE, check, entries, items, or_none, record

SCHEMA = record(
    {"name": TEXT, "sizes": entries(WHOLE), "rows": items(record({"a": NUMBER})), "more": or_none(items(TEXT))},
    {"seed": or_none(WHOLE)},
)
GOOD = {"name": "x", "seed": 3, "sizes": {"train": 1}, "rows": [{"a": 1}, {"a": 0.5}], "more": ["y"]}


@pytest.mark.parametrize(
    "other",
    [{}, {"seed": None}, {"sizes": {}}, {"rows": []}, {"more": None}, {"more": []}],
    ids=str,
)
def test_what_the_schema_allows_is_taken(other):
    check(GOOD | other, SCHEMA, "it")
    check({name: value for name, value in GOOD.items() if name != "seed"}, SCHEMA, "it")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"name": 3}, "it.name is '3'; it must be string"),
        ({"name": None}, "it.name is 'None'; it must be string"),
        ({"seed": True}, "it.seed is 'True'"),
        ({"seed": 1.5}, "it.seed is '1.5'"),
        ({"sizes": {"train": "1"}}, "it.sizes.train is '1'; it must be integer"),
        ({"sizes": [1]}, r"it.sizes is '\[1\]'; it must be object"),
        ({"rows": [{"a": 1}, {}]}, r"it.rows\[1\] must contain \['a'\]"),
        ({"rows": [{"a": 1, "b": 2}]}, r"it.rows\[0\] must not contain {'b'}"),
        ({"rows": {"a": 1}}, "it.rows is"),
        ({"more": [3]}, "it.more"),
        ({"moons": 3}, "it must not contain {'moons'}"),
    ],
    ids=str,
)
def test_what_differs_is_named(other, said):
    with pytest.raises(ValueError, match=said):
        check(GOOD | other, SCHEMA, "it")


def test_other_entries_are_taken_where_they_may_be():
    check({"a": 1, "b": [None]}, record({"a": WHOLE}, others=True), "it")
    with pytest.raises(ValueError, match="it.a is 'x'"):
        check({"a": "x", "b": [None]}, record({"a": WHOLE}, others=True), "it")


@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_an_object_is_no_other_value(value):
    with pytest.raises(ValueError, match="it is .*must be object"):
        check(value, SCHEMA, "it")
