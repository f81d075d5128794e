from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import screen_cache, sources
from bdrp.data.screen import Screen
from bdrp.data.sources import _gdsc
from bdrp.errors import BdrpWarning
from bdrp.files import cache_folder, sealed_folder

CURVES = """COSMIC_ID,CELL_LINE_NAME,DRUG_ID,DRUG_NAME,MIN_CONC,MAX_CONC,LN_IC50,AUC
101,ES-1,1,Ethanol,0.01,10,-1.5,0.4
102,ES-2,1,Ethanol,0.01,10,3.5,0.9
101,ES-1,2,Benzene,0.01,10,0.5,0.7
101,ES-1,3,Secret,0.01,10,0.5,0.7
"""
FILES = {
    "GDSC2_fitted_dose_response.csv": CURVES,
    "Cell_line_RMA_proc_basalExp.txt": "GENE_SYMBOLS\tDATA.101\tDATA.102\nA1\t1.5\t2.5\nB2\t\t3.5\n",
    "model_list.csv": "model_name,patient_id,tissue,COSMIC_ID\nES-1,P1,Bone,101\nES-2,P1,Bone,102\n",
    "gdsc_drug_smiles.csv": "DRUG_ID,name,smiles\n1,Ethanol,OCC\n2,Benzene,c1ccccc1\n",
    "gdsc_genomic_features.csv": "COSMIC_ID,TP53_mut\n101,1\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tiny release."""
    place = tmp_path / "release"
    place.mkdir()
    for name, text in FILES.items():
        (place / name).write_text(text)
    return place


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where screens are kept in a test."""
    monkeypatch.setenv(cache_folder.PLACE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of screens that were parsed, one an occasion."""
    names: list[str] = []
    read: Callable[..., Screen] = _gdsc._read

    def read_and_note(name: str, *rest: object) -> Screen:
        names.append(name)
        return read(name, *rest)

    monkeypatch.setattr(_gdsc, "_read", read_and_note)
    return names


def assert_same(one: Screen, other: Screen) -> None:
    for table in ("responses", "drugs", "cell_lines"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table), check_exact=True)
    assert list(one.profiles) == list(other.profiles)
    for name, profile in one.profiles.items():
        pd.testing.assert_frame_equal(profile, other.profiles[name], check_exact=True)
    about = [(each.name, each.measure, dict(each.checksums), each.notices) for each in (one, other)]
    assert about[0] == about[1]


def test_the_same_files_are_parsed_once_to_the_same_screen(root: Path, folder: Path, parsed: list[str]) -> None:
    first, second = sources.load("gdsc2", root), sources.load("gdsc2", root)
    assert parsed == ["gdsc2"]
    assert_same(first, second)
    assert second.notices and second.expression.isna().to_numpy().any()


def test_what_is_kept_holds_nothing_that_can_run(root: Path, folder: Path) -> None:
    sources.load("gdsc2", root)
    (entry,) = folder.iterdir()
    assert {path.suffix for path in entry.iterdir()} == {".parquet", ".npy", ".json"}
    assert np.load(entry / "expression.npy", allow_pickle=False).dtype == np.float32


def test_another_file_measure_or_place_of_the_code_is_parsed_anew(
    root: Path, folder: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources.load("gdsc2", root)
    assert sources.load("gdsc2", root, "auc_fraction").measure.name == "auc_fraction"
    path = root / "GDSC2_fitted_dose_response.csv"
    path.write_text(CURVES.replace("-1.5", "-2.5"))
    assert sources.load("gdsc2", root).responses["response"].min() == -2.5
    monkeypatch.setattr(screen_cache, "_digest_code", lambda: "of other code")
    sources.load("gdsc2", root)
    assert len(parsed) == 4
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("name", ["expression.npy", "responses.parquet", "manifest.json"])
@pytest.mark.parametrize("damage", ["bit", "missing"])
def test_a_damaged_entry_is_told_and_not_used(
    name: str, damage: str, root: Path, folder: Path, parsed: list[str]
) -> None:
    first = sources.load("gdsc2", root)
    (path,) = folder.glob(f"*/{name}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink() if damage == "missing" else path.write_bytes(content)
    with pytest.warns(BdrpWarning, match="is not what was written there, and is not used"):
        second = sources.load("gdsc2", root)
    assert_same(first, second)
    assert_same(first, sources.load("gdsc2", root))
    assert len(parsed) == 2


def test_an_entry_in_the_place_of_another_is_not_used(root: Path, folder: Path, parsed: list[str]) -> None:
    first, second = (sources.load("gdsc2", root, measure) for measure in ("ln_ic50_um", "auc_fraction"))
    one, other = folder.iterdir()
    one.rename(folder / "aside")
    other.rename(one)
    (folder / "aside").rename(other)
    for screen in (first, second):
        with pytest.warns(BdrpWarning, match="holds another screen"):
            assert_same(sources.load("gdsc2", root, screen.measure.name), screen)


def test_an_entry_sealed_again_around_a_pickle_is_not_used(root: Path, folder: Path, parsed: list[str]) -> None:
    sources.load("gdsc2", root)
    (path,) = folder.glob("*/expression.npy")
    np.save(path, np.array([[{}]], dtype=object), allow_pickle=True)
    manifest = sealed_folder._manifest(path.parent, path.parent / "manifest.json")
    (path.parent / "manifest.json").unlink()
    sealed_folder.seal(path.parent, manifest)
    with pytest.warns(BdrpWarning, match="is not used"):
        sources.load("gdsc2", root)
    assert len(parsed) == 2


@pytest.mark.parametrize("said", ["off", "OFF", ""])
def test_nothing_is_kept_where_it_is_off(
    said: str, root: Path, folder: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache_folder.PLACE, said)
    for _ in range(2):
        sources.load("gdsc2", root)
    assert len(parsed) == 2
    assert not folder.exists()


def test_where_nothing_is_said_it_is_the_platforms_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(cache_folder.PLACE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = cache_folder.find()
    assert found is not None
    assert found.name.lower() == "bdrp"


def test_a_place_that_cannot_be_written_to_costs_only_time(
    root: Path, tmp_path: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache_folder.PLACE, str(tmp_path / "file" / "below"))
    for _ in range(2):
        sources.load("gdsc2", root)
    assert len(parsed) == 2


def test_a_file_that_changes_while_it_is_parsed_is_not_kept(
    root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, path = _gdsc._read, root / "gdsc_drug_smiles.csv"

    def read_late(*asked: object) -> Screen:
        path.write_bytes(gzip.compress(path.read_bytes()))
        return read(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(_gdsc, "_read", read_late)
    sources.load("gdsc2", root)
    assert not folder.exists()


def test_what_was_used_longest_ago_goes_first(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen_cache, "MOST_ENTRIES", 2)
    sources.load("gdsc2", root)
    (oldest,) = folder.iterdir()
    sources.load("gdsc2", root, "auc_fraction")
    (other,) = set(folder.iterdir()) - {oldest}
    for at, entry in enumerate((oldest, other)):
        os.utime(entry, (at, at))
    sources.load("gdsc2", root)  # now the other one is the oldest
    (root / "GDSC2_fitted_dose_response.csv").write_text(CURVES.replace("-1.5", "-2.5"))
    sources.load("gdsc2", root)
    left = set(folder.iterdir())
    assert len(left) == 2
    assert oldest in left
    assert other not in left
