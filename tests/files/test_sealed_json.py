"""Objects with a digest of themselves: read as they were written or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bdrp.files import sealed_json
from bdrp.files.strict_json import NotStrictError


def test_what_was_written_is_read(tmp_path: Path) -> None:
    sealed_json.write(tmp_path / "a.json", {"rounds": [[1, 0.5]], "key": {"µ": None}})
    found = sealed_json.read(tmp_path / "a.json")
    assert found["rounds"] == [[1, 0.5]] and found["key"] == {"µ": None}


def test_no_bit_can_be_flipped(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    sealed_json.write(path, {"rounds": [[1, 0.5]], "key": {"µ": None}})
    content = path.read_bytes()
    for at in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[at // 8] ^= 1 << at % 8
        path.write_bytes(flipped)
        with pytest.raises(NotStrictError):
            sealed_json.read(path)


@pytest.mark.parametrize("text", ["", "[]", "1", '{"rounds": []}', '{"digest": 3}', '{"digest": "0"}'])
def test_what_is_no_such_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(NotStrictError):
        sealed_json.read(tmp_path / "a.json")


def test_other_spaces_are_an_alteration_too(tmp_path: Path) -> None:
    sealed_json.write(tmp_path / "a.json", {"a": 1})
    (tmp_path / "a.json").write_text(json.dumps(json.loads((tmp_path / "a.json").read_text())))
    with pytest.raises(NotStrictError, match="altered"):
        sealed_json.read(tmp_path / "a.json")
