from __future__ import annotations

import contextlib
import json
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bdrp
from bdrp import testing
from bdrp.data import splits
from bdrp.data.identifiers import structure_key
from bdrp.data.screen import MEASURES, Screen
from bdrp.data.splits import Split
from bdrp.errors import BdrpWarning
from bdrp.files import sealed_folder, sealed_json
from bdrp.fitted.model import TrainedModel

os.environ["BDRP_CACHE"] = "off"  # a test that wants screens kept says where; commands that a test starts inherit it
SMALL_NETWORK = {"epochs": 2, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2}


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real screens: BDRP_DATA, or shared/data beside the project; skipped where neither exists."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("BDRP_DATA") or beside)
    if not (folder / "gdsc").is_dir():
        pytest.skip(f"no real screens: {folder} has no folder gdsc (set BDRP_DATA)")
    return folder


def small_parts() -> dict[str, Any]:
    """What a Screen of 3 lines x 2 drugs is made of, to be spoiled by a test."""
    lines = pd.Index(["1", "2", "3"], dtype="str", name="cell_line_id")
    smiles = ["CCO", "c1ccccc1"]
    responses = pd.DataFrame(
        {
            "cell_line_id": ["1", "2", "3", "1", "2", "1"],
            "drug_id": ["a", "a", "a", "b", "b", "b"],
            "response": [-1.0, 0.5, 2.0, 3.0, 4.0, 3.5],
            "lower_limit": -4.0,
            "upper_limit": [1.0, 1.0, 1.0, np.nan, np.nan, np.nan],
            "laboratory": "here",
        }
    )
    drugs = pd.DataFrame(
        {
            "name": ["A", "B"],
            "smiles": smiles,
            "structure_key": [*map(structure_key, smiles)],
            "target": "",
            "pathway": "",
        },
        index=pd.Index(["a", "b"], dtype="str", name="drug_id"),
    )
    cell_lines = pd.DataFrame(
        {"name": ["L1", "L2", "L3"], "tissue": "Lung", "patient_id": ["p", "p", "q"]}, index=lines
    )
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    expression = pd.DataFrame(values, index=lines, columns=pd.Index(["G1", "G2", "G3", "G4"], dtype="str"))
    return {
        "name": "small",
        "measure": MEASURES["ln_ic50_um"],
        "responses": responses,
        "drugs": drugs,
        "cell_lines": cell_lines,
        "profiles": {"expression": expression},
    }


@pytest.fixture
def make_screen() -> Callable[..., Screen]:
    """Build the small screen with some parts replaced."""
    return lambda **parts: Screen(**{**small_parts(), **parts})


@pytest.fixture
def parts() -> dict[str, Any]:
    """What the small screen is made of."""
    return small_parts()


@pytest.fixture
def small_screen() -> Screen:
    """3 lines x 2 drugs, 6 responses of which one pair is measured twice."""
    return Screen(**small_parts())


@pytest.fixture(scope="session")
def tiny_screen() -> Screen:
    """36 lines x 12 drugs x 50 genes of the simulated screen: enough to fit a small network in a second."""
    return testing.tiny_screen()


@pytest.fixture(scope="session")
def tiny_split(tiny_screen: Screen) -> Split:
    """Pairs of the tiny screen in four parts."""
    return splits.make(tiny_screen, "pair")


def quick_fit(screen: Screen, split: Split, **arguments: Any) -> TrainedModel:
    """`bdrp.fit` with small options; what it says of the tiny calibration part is expected."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The calibration part is too small", BdrpWarning)
        return bdrp.fit(screen, split, **({"options": SMALL_NETWORK} | arguments))


@pytest.fixture(scope="session")
def fit() -> Callable[..., TrainedModel]:
    """`fit(screen, split, **arguments)`: `bdrp.fit`, small and quiet about the tiny calibration part."""
    return quick_fit


@pytest.fixture(scope="session")
def trained(
    tiny_screen: Screen, tiny_split: Split, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainedModel, Path]:
    """A last layer on the tiny screen, and its folder; not to be changed."""
    out = tmp_path_factory.mktemp("models") / "tiny"
    return quick_fit(tiny_screen, tiny_split, out=out), out


@pytest.fixture
def model_folder(trained: tuple[TrainedModel, Path], tmp_path: Path) -> Path:
    """A copy of the folder, to be spoiled."""
    return Path(shutil.copytree(trained[1], tmp_path / "model"))


def rewrite(model: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Change a JSON file of a model folder (in place, or to what `change` returns) and seal the folder again."""
    path, manifest = model / name, json.loads((model / sealed_folder.MANIFEST).read_text())
    content = manifest if name == sealed_folder.MANIFEST else json.loads(path.read_text())
    changed = change(content)
    content = content if changed is None else changed
    if name == sealed_folder.MANIFEST:
        with contextlib.suppress(ValueError):  # what has no strict JSON has no digest
            content = sealed_json.with_digest(content)
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    else:
        path.write_text(json.dumps(content))
        seal_again(model, manifest)


def seal_again(model: Path, manifest: dict[str, Any]) -> None:
    (model / sealed_folder.MANIFEST).unlink()
    sealed_folder.seal(model, manifest)


@pytest.fixture
def spoil() -> Callable[[Path, str, Callable[[Any], Any]], None]:
    """`spoil(model, file, change)`: change a JSON file as a forger would, with fitting checksums."""
    return rewrite
