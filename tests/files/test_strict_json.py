"""JSON that every reader takes, and a reader that takes nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdrp.files import strict_json
from bdrp.files.strict_json import DEEPEST, NotStrictError

VALUES = st.none() | st.booleans() | st.integers(1 - 2**64, 2**64 - 1) | st.floats() | st.text()


@given(st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_what_is_written_is_read_again(value: Any) -> None:
    plain = strict_json.plain(value)
    for form in ({}, {"indent": None}, {"ascii_only": True}):
        assert strict_json.parse(strict_json.text(plain, **form).encode(), "it") == plain


@pytest.mark.parametrize("number", [2**64, -(2**64), 10**400])
def test_what_is_too_large_to_be_read_is_not_written(tmp_path: Path, number: int) -> None:
    for content in (number, {"a": [1, (2, {"b": number})]}):
        with pytest.raises(ValueError, match="too large a number"):
            strict_json.write(tmp_path / "a.json", content)
        with pytest.raises(NotStrictError, match="too large a number"):
            strict_json.parse(json.dumps(content).encode(), "it")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused_by_the_writer_and_nothing_is_written(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        strict_json.write(tmp_path / "a.json", {"a": [number]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        strict_json.write_lines(tmp_path / "a.jsonl", [1, number])
    assert os.listdir(tmp_path) == []


def test_plain_puts_none_for_what_is_no_number_and_python_s_types_for_numpy_s() -> None:
    value = {
        1: np.float32(0.5),
        "b": (np.int64(3), np.nan, np.bool_(True)),
        "c": np.array([1.0, np.inf]),
        "d": {"y", "x"},
        "e": "a\ud800",
    }
    found = strict_json.plain(value)
    assert found == {"1": 0.5, "b": [3, None, True], "c": [1.0, None], "d": ["x", "y"], "e": "a?"}
    assert [type(each) for each in found["b"]] == [int, type(None), bool]


def test_what_json_has_no_word_for_is_refused_unless_it_is_said_as_what_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="PosixPath|WindowsPath"):
        strict_json.write(tmp_path / "a.json", strict_json.plain({"at": Path("p")}))
    assert strict_json.plain({"at": Path("p")}, other=str) == {"at": "p"}


def test_files_are_as_they_always_were(tmp_path: Path) -> None:
    content = {"b": [1, 2.5], "a": "\N{GREEK SMALL LETTER ALPHA}"}
    strict_json.write(tmp_path / "a.json", content)
    strict_json.write(tmp_path / "b.json", content, indent=2, sort_keys=True)
    strict_json.write_lines(tmp_path / "c.jsonl", [content, 1])
    assert (tmp_path / "a.json").read_bytes() == (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
    assert (tmp_path / "b.json").read_text().startswith('{\n  "a": ')
    assert (tmp_path / "c.jsonl").read_text() == '{"b": [1, 2.5], "a": "\\u03b1"}\n1\n'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"{} {}", "Extra data"),
        (b"[NaN]", "it holds NaN"),
        (b'{"a": Infinity}', "it holds Infinity"),
        (b'{"a": -Infinity}', "it holds -Infinity"),
        (b"[1e999]", "it holds 1e999, which is too large"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "it says 'b' twice"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"\xff\xfe", "can't decode"),
        (b'"\\x"', "Invalid .escape"),
        (b"1" * 5000, "digits"),
        (b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2), f"it nests deeper than {DEEPEST}"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, f"it nests deeper than {DEEPEST}"),
        (b"[" * 100_000, "it nests deeper than|Expecting value"),
    ],
)
def test_what_is_no_strict_json_is_refused_with_the_file_named(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(NotStrictError, match=why) as refusal:
        strict_json.read(tmp_path / "a.json")
    assert str(refusal.value).startswith(f"{tmp_path / 'a.json'} is not readable JSON: ")
    assert len(str(refusal.value)) < 500


def test_what_nests_as_deep_as_it_may_is_read() -> None:
    assert strict_json.parse(b"[" * DEEPEST + b"1" + b"]" * DEEPEST, "it")


def test_a_file_larger_than_its_bound_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('"' + "a" * 98 + '"')
    assert len(strict_json.read(tmp_path / "a.json", largest=100)) == 98
    with pytest.raises(NotStrictError, match="it has more than 99 bytes"):
        strict_json.read(tmp_path / "a.json", largest=99)
    os.truncate(tmp_path / "a.json", 1 << 40)  # a hole, of which the disk holds nothing
    with pytest.raises(NotStrictError, match="it has more than 1,000 bytes"):
        strict_json.read(tmp_path / "a.json", largest=1000)


@pytest.mark.parametrize("digits", ["9" * 400, str(1 << 64), f"-{1 << 64}"])
def test_a_whole_number_that_no_machine_counts_to_is_refused(digits: str) -> None:
    with pytest.raises(strict_json.NotStrictError, match="too large a number"):
        strict_json.parse(f'{{"epochs": {digits}}}'.encode(), "it")
    assert strict_json.parse(str((1 << 64) - 1).encode(), "it") == (1 << 64) - 1
