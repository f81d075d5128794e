"""A file is whole, or as it was."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bdrp.files import atomic


def test_a_file_takes_its_name_when_the_block_ends_with_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with atomic.replacing(tmp_path / "new" / "p.txt") as beside:
        beside.write_text("whole")
        assert not (tmp_path / "new" / "p.txt").exists()
        assert beside.suffix == ".txt"
    assert (tmp_path / "new" / "p.txt").read_text() == "whole"
    assert os.listdir(tmp_path / "new") == ["p.txt"]
    assert stat.S_IMODE((tmp_path / "new" / "p.txt").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "plain").stat().st_mode
    )


def test_a_block_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic.replacing(tmp_path / "p") as beside:
        beside.write_text("half")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["p"] and (tmp_path / "p").read_text() == "old"


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        seen.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def replaced(one: Path, other: Path) -> None:
        seen.append("rename")
        replace(one, other)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    with atomic.replacing(tmp_path / "p") as beside:
        beside.write_text("whole")
    assert seen == ["file", "rename", "folder"]


def test_a_long_name_can_be_written_as_far_as_the_disk_takes_it(tmp_path: Path) -> None:
    with atomic.replacing(tmp_path / ("p" * 250)) as beside:
        beside.write_text("")
    with pytest.raises(OSError, match="File name too long"), atomic.replacing(tmp_path / ("p" * 300)):
        pass
    assert os.listdir(tmp_path) == ["p" * 250]
