from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from bdrp.data import identifiers, structure_cache, structure_processes
from bdrp.data.structure_cache import NAME, Reader
from bdrp.errors import BdrpWarning, DataError
from bdrp.features.structures import STRUCTURES
from bdrp.files import cache_folder

TEXTS = ["CCO", "c1ccccc1", "C[C@H](N)C(=O)O", "[Na+].[Cl-]", "O=[As]O[As]=O"]
Fresh = Callable[..., Reader[str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where structures are kept in a test."""
    monkeypatch.setenv(cache_folder.PLACE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def asked() -> list[str]:
    """The texts that were read."""
    return []


@pytest.fixture
def fresh(asked: list[str], tmp_path: Path) -> Fresh:
    """Makes readers that remember nothing: the length of a text, and no value for what holds a "Z"."""
    code = tmp_path / "code.py"
    code.write_text("a first version")

    def read(text: str) -> str:
        asked.append(text)
        if "Z" in text:
            raise DataError("no structure")
        return str(len(text))

    return lambda most=100: Reader("tests:lengths", read, str.encode, bytes.decode, (str(code),), most)


def test_what_was_read_is_not_read_again(folder: Path, fresh: Fresh, asked: list[str]) -> None:
    first = fresh().read_all(TEXTS)
    assert asked == TEXTS and first == {text: str(len(text)) for text in TEXTS}
    assert fresh().read_all(TEXTS[::-1]) == first and asked == TEXTS
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600


def test_in_memory_nothing_is_read_again_and_the_newest_stay(fresh: Fresh, asked: list[str]) -> None:
    reader = fresh(2)
    reader.read_all(TEXTS[:3])
    reader.read_all(TEXTS[1:3])
    assert reader(TEXTS[2]) == str(len(TEXTS[2])) and asked == TEXTS[:3]
    reader.read_all(TEXTS[:1])
    assert asked == [*TEXTS[:3], TEXTS[0]]


def test_what_is_refused_is_left_out_and_not_kept(folder: Path, fresh: Fresh, asked: list[str]) -> None:
    for _ in range(2):
        assert list(fresh().read_all(["C", "Z"])) == ["C"]
    assert asked == ["C", "Z", "Z"]


def test_another_version_of_the_code_reads_for_itself(
    folder: Path, fresh: Fresh, asked: list[str], tmp_path: Path
) -> None:
    fresh().read_all(TEXTS)
    (tmp_path / "code.py").write_text("a second version")
    fresh().read_all(TEXTS)
    assert asked == TEXTS * 2


@pytest.mark.parametrize("change", ["said = x'31'", "text = 'CCC'", "said = 7", "seal = NULL"])
def test_an_altered_row_is_warned_of_and_read_again(folder: Path, fresh: Fresh, asked: list[str], change: str) -> None:
    fresh().read_all(TEXTS)
    with closing(sqlite3.connect(folder / NAME)) as cache, cache:
        cache.execute(f"UPDATE read_1 SET {change} WHERE text = 'c1ccccc1'")
    wanted = ["CCC", *TEXTS]
    with pytest.warns(BdrpWarning, match="1 of the structures kept in .* read again"):
        assert fresh().read_all(wanted) == {text: str(len(text)) for text in wanted}
    assert fresh().read_all(wanted) == {text: str(len(text)) for text in wanted}
    assert asked.count("CCO") == 1


def test_a_damaged_file_is_warned_of_and_made_anew(folder: Path, fresh: Fresh, asked: list[str]) -> None:
    fresh().read_all(TEXTS)
    (folder / NAME).write_bytes(b"no database" * 1_000)
    with pytest.warns(BdrpWarning, match=r"cannot be read \(file is not a database\)"):
        fresh().read_all(TEXTS)
    fresh().read_all(TEXTS)
    assert asked == TEXTS * 2


@pytest.mark.parametrize("place", ["off", "file", "pipe", "folder", "locked"])
def test_where_nothing_can_be_kept_it_costs_only_time(
    place: str, folder: Path, fresh: Fresh, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure_cache, "_PATIENCE", 0.05)
    other = None
    if place == "off":
        monkeypatch.setenv(cache_folder.PLACE, "off")
    elif place == "file":
        folder.touch()
    elif place == "pipe":
        folder.mkdir()
        os.mkfifo(folder / NAME)
    elif place == "folder":
        (folder / NAME).mkdir(parents=True)
    else:
        folder.mkdir()
        other = sqlite3.connect(folder / NAME)
        other.execute("BEGIN EXCLUSIVE")
    for _ in range(2):
        assert len(fresh().read_all(TEXTS)) == len(TEXTS)
    assert asked == TEXTS * 2
    if other is not None:
        other.close()


def test_the_oldest_go_where_there_are_too_many(
    folder: Path, fresh: Fresh, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure_cache, "MOST_ROWS", 3)
    fresh().read_all(TEXTS)
    fresh().read_all(TEXTS[2:])
    assert asked == TEXTS
    fresh().read_all(TEXTS[:2])
    assert asked == [*TEXTS, *TEXTS[:2]]


def test_structures_are_kept_to_the_bit(folder: Path) -> None:
    for values in (replace(STRUCTURES, _memory={}).read_all(TEXTS) for _ in range(2)):
        for text, one in values.items():
            for mine, read in zip(one, STRUCTURES.read(text), strict=True):
                assert mine.dtype == read.dtype
                np.testing.assert_array_equal(mine, read)


def test_processes_read_what_this_one_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    here = replace(STRUCTURES, _memory={}).read_all([*TEXTS, "no structure"])
    monkeypatch.setattr(structure_processes, "FEWEST", 2)
    monkeypatch.setenv(structure_processes.PROCESSES, "3")
    assert structure_processes.count(6) == 3 and structure_processes.count(4) == 2
    packed = structure_processes.read(STRUCTURES.address, [*TEXTS, "no structure"], 3)
    assert packed == {text: STRUCTURES.packed(text) for text in TEXTS}
    apart = replace(STRUCTURES, _memory={}).read_all([*TEXTS, "no structure"])
    assert apart.keys() == here.keys()


@pytest.mark.parametrize("said", ["0", "-1", "two", "1.5", "9" * 400])
def test_a_number_of_processes_that_cannot_be_is_refused(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(structure_processes.PROCESSES, said)
    with pytest.raises(DataError, match="BDRP_PROCESSES is .* Allowed: how many processes"):
        structure_processes.count(10**6)


def test_what_a_failing_process_leaves_is_read_here(
    fresh: Fresh, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure_processes, "FEWEST", 2)
    monkeypatch.setenv(structure_processes.PROCESSES, "2")
    assert len(fresh().read_all(TEXTS)) == len(TEXTS)  # no process can import tests:lengths
    assert asked == TEXTS


def test_a_killed_command_leaves_no_process() -> None:
    code = (
        "from bdrp.data import structure_processes as p;"
        "p.read('bdrp.features.structures:STRUCTURES', ['C' * 1900 + str(n) for n in range(10**5)], 2)"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as running:
        command, limit = psutil.Process(running.pid), time.monotonic() + 60
        while len(children := command.children()) < 2:
            assert time.monotonic() < limit
            time.sleep(0.05)
        time.sleep(0.5)
        running.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=60)
    for child in alive:
        child.kill()
    assert not alive


def test_many_structures_are_named_as_one_by_one() -> None:
    given = ["OCC", "CCO", None, "C1CC", " c1ccccc1 ", "*", "C" * 3_000]
    for smiles, named in zip(given, identifiers.name_structures(given), strict=True):
        if isinstance(named, DataError):
            with pytest.raises(DataError) as refused:
                identifiers.canonical_smiles(smiles)
            assert str(refused.value) == str(named)
        else:
            canonical = identifiers.canonical_smiles(smiles)
            assert named == (canonical, identifiers.structure_key(canonical))
