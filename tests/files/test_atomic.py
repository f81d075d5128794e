"""A file is whole, or as it was."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bdrp.errors import OutputError
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


KILLED = """
import os, signal, sys
from pathlib import Path
from bdrp.files import atomic
with atomic.replacing_folder(Path(sys.argv[1]) / "m") as folder, atomic.replacing(Path(sys.argv[1]) / "p") as beside:
    (folder / "half").write_text("")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_swept_when_the_name_is_written_again_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, timeout=60)
    left = set(os.listdir(tmp_path))
    assert len(left) == 2 and all(name.startswith((".m.", ".p.")) for name in left)
    elsewhere = next(name for name in left if name.startswith(".m."))[:3] + "00000000-1.abcdefgh"
    (tmp_path / elsewhere).mkdir()  # of a machine whose processes are not known here
    (tmp_path / ".p.mine").write_text("")
    with atomic.replacing(tmp_path / "p") as at_work:
        assert set(os.listdir(tmp_path)) == {
            *(one for one in left if one[1] == "m"),
            elsewhere,
            ".p.mine",
            at_work.name,
        }
        with atomic.replacing(tmp_path / "p") as another:  # the first is still at work, and kept
            another.write_text("second")
        at_work.write_text("first")
    with atomic.replacing_folder(tmp_path / "m"):
        pass
    assert set(os.listdir(tmp_path)) == {"m", "p", elsewhere, ".p.mine"} and (tmp_path / "p").read_text() == "first"


def test_a_long_name_can_be_written_as_far_as_the_disk_takes_it(tmp_path: Path) -> None:
    with atomic.replacing(tmp_path / ("p" * 250)) as beside:
        beside.write_text("")
    with pytest.raises(OSError, match="File name too long"), atomic.replacing(tmp_path / ("p" * 300)):
        pass
    assert os.listdir(tmp_path) == ["p" * 250]


@pytest.mark.parametrize(
    "name", ["\N{GREEK SMALL LETTER ALPHA}" * 120, "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 80, "p." + "q" * 240]
)
def test_a_name_counts_in_bytes_and_so_does_that_of_the_file_beside_it(tmp_path: Path, name: str) -> None:
    with atomic.replacing(tmp_path / name) as beside:
        beside.write_text("")
    assert os.listdir(tmp_path) == [name]


def test_a_folder_takes_its_name_on_the_disk_and_replaces_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "old").write_text("")
    flushed: list[int] = []
    fsync = os.fsync
    with atomic.replacing_folder(tmp_path / "m") as beside:
        (beside / "new").write_text("")
        monkeypatch.setattr(os, "fsync", lambda handle: (flushed.append(os.fstat(handle).st_ino), fsync(handle))[1])
    assert flushed == [(tmp_path / "m").stat().st_ino, tmp_path.stat().st_ino]
    assert os.listdir(tmp_path) == ["m"] and os.listdir(tmp_path / "m") == ["new"]


def test_a_folder_that_fails_leaves_the_old_one_and_no_rest(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "old").write_text("")
    with pytest.raises(KeyboardInterrupt), atomic.replacing_folder(tmp_path / "m") as beside:
        (beside / "new").write_text("")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["m"] and os.listdir(tmp_path / "m") == ["old"]


def test_what_is_removed_is_a_folder_or_a_file_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder" / "in").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    for name in ("folder", "file", "nothing"):
        atomic.remove(tmp_path / name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free some space, or choose a place on another disk"),
        (errno.EDQUOT, "Free some space, or choose a place on another disk"),
        (errno.EACCES, "Choose another place, or ask for write permission"),
        (errno.EROFS, "Choose a place on another file system"),
        (errno.ENOTDIR, "Move it away, or choose another place"),
        (errno.EIO, "Choose another place, or free some space"),
    ],
)
def test_a_refusal_names_what_and_where_and_why_and_what_to_do(tmp_path: Path, number: int, remedy: str) -> None:
    with pytest.raises(OutputError) as refusal, atomic.refusing("The queue", tmp_path / "q.csv"):
        raise OSError(number, os.strerror(number))
    words = str(refusal.value)
    assert words.startswith(
        f"The queue could not be written to {tmp_path / 'q.csv'}: {os.strerror(number)}. What is written needs"
    )
    assert remedy in words


def test_thousands_of_folders_within_each_other_are_refused_as_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="[Nn]ame too long") as refused:
        atomic.make_folder(tmp_path / ("a/" * 2_000))
    assert refused.value.errno == errno.ENAMETOOLONG and not list(tmp_path.iterdir())
    atomic.make_folder(tmp_path / "a/b")
    atomic.make_folder(tmp_path / "a/b")
    assert (tmp_path / "a/b").is_dir()
