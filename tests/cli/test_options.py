from __future__ import annotations

import pytest

from bdrp.cli.options import drop_unset, parse_key_values, parse_labelled_names
from bdrp.errors import DataError


def test_values_are_read_as_what_they_look_like():
    pairs = ["epochs=3", "rate=1e-3", "fast=true", "covariance=full", "path=a=b.csv", "empty="]
    assert parse_key_values(pairs, "--option") == {
        "epochs": 3,
        "rate": 1e-3,
        "fast": True,
        "covariance": "full",
        "path": "a=b.csv",
        "empty": "",
    }


@pytest.mark.parametrize(
    ("pairs", "said"), [(["epochs"], "not KEY=VALUE"), (["=3"], "not KEY=VALUE"), (["a=1", "a=2"], "twice")]
)
def test_what_is_not_key_and_value_is_refused(pairs, said):
    with pytest.raises(DataError, match=said):
        parse_key_values(pairs, "--option")


def test_a_name_that_is_no_text_is_refused():
    with pytest.raises(DataError, match="bytes that are no text"):
        parse_labelled_names("a\udcff=ridge", "--methods", "a method", "")


def test_flags_that_were_left_out_are_not_given():
    assert drop_unset(epochs=None, fold=0) == {"fold": 0}
