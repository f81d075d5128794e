from __future__ import annotations

import os
from pathlib import Path

import pytest

from bdrp.errors import OutputError
from bdrp.files import inputs, outputs, strict_json


@pytest.fixture
def odd(tmp_path: Path) -> list[Path]:
    """A pipe that nobody writes into, a link to one, and a link to what never ends."""
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "pipe.json")
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    return [tmp_path / f"{name}.json" for name in ("pipe", "link", "zero")]


def test_a_pipe_or_a_device_is_refused_and_not_waited_for(odd: list[Path]) -> None:
    for path in odd:
        for read in (inputs.read_bytes, inputs.read_text, strict_json.read):
            with pytest.raises(OSError, match="it is a pipe or a device"):
                read(path)


def test_a_folder_and_what_is_not_there_are_refused_as_the_system_does(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        inputs.read_bytes(tmp_path)
    with pytest.raises(FileNotFoundError):
        inputs.read_bytes(tmp_path / "nothing")


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"\xef\xbb\xbfabc")
    assert inputs.read_text(tmp_path / "t.txt") == "abc"
    assert inputs.read_bytes(tmp_path / "t.txt", 6) == b"\xef\xbb\xbfabc"
    with pytest.raises(OSError, match="it has more than 5 bytes"):
        inputs.read_bytes(tmp_path / "t.txt", 5)


def test_no_result_takes_the_place_of_a_pipe(odd: list[Path]) -> None:
    with pytest.raises(OutputError, match=r"pipe\.json \(a pipe or a device\)"):
        outputs.guard({odd[0]: lambda path: True})
    assert odd[0].is_fifo()
