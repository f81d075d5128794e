from __future__ import annotations

import pytest

from bdrp.files.json_shape import ANY, NUMBER, check

SHAPE = {"name": str, "seed?": (int, None), "sizes": {"*": int}, "rows": [{"a": NUMBER}], "more": ([str], None)}
GOOD = {"name": "x", "seed": 3, "sizes": {"train": 1}, "rows": [{"a": 1}, {"a": 0.5}], "more": ["y"]}


@pytest.mark.parametrize(
    "other",
    [{}, {"seed": None}, {"sizes": {}}, {"rows": []}, {"more": None}, {"more": []}],
    ids=str,
)
def test_what_has_the_shape_is_taken(other):
    check(GOOD | other, SHAPE, "it")
    check({name: value for name, value in GOOD.items() if name != "seed"}, SHAPE, "it")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"name": 3}, "its 'name' is '3'"),
        ({"name": None}, "its 'name' is 'None'"),
        ({"seed": True}, "its 'seed' is 'True'"),
        ({"seed": 1.5}, "its 'seed' is '1.5'"),
        ({"sizes": {"train": "1"}}, "its 'sizes''s 'train' is '1'"),
        ({"sizes": [1]}, r"its 'sizes' is '\[1\]'"),
        ({"rows": [{"a": 1}, {}]}, "its 'rows', item 2 lacks 'a'"),
        ({"rows": [{"a": 1, "b": 2}]}, "its 'rows', item 1 has 'b', which is not known"),
        ({"rows": {"a": 1}}, "its 'rows' is"),
        ({"more": [3]}, "its 'more', item 1 is '3'"),
        ({"more": {"y": 1}}, "its 'more' is"),
        ({"moons": 3}, "it has 'moons', which is not known"),
    ],
    ids=str,
)
def test_what_differs_is_named(other, said):
    with pytest.raises(ValueError, match=said.replace("its ", "it's ")):
        check(GOOD | other, SHAPE, "it")


def test_an_entry_may_be_missing_where_it_says_so():
    with pytest.raises(ValueError, match="it lacks 'name'"):
        check({name: value for name, value in GOOD.items() if name != "name"}, SHAPE, "it")


def test_any_value_is_taken_under_any_name_where_the_shape_says_so():
    check({"a": 1, "b": [None]}, {"a": int, "*": ANY}, "it")
    with pytest.raises(ValueError, match="'a' is 'x'"):
        check({"a": "x", "b": [None]}, {"a": int, "*": ANY}, "it")


@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_an_object_is_no_other_value(value):
    with pytest.raises(ValueError, match="it is"):
        check(value, SHAPE, "it")
