from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import BdrpWarning
from bdrp.experiments import folder, run
from bdrp.experiments.trained import TrainedModel

SMALL = {"epochs": 2, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2}


def quick_fit(screen: Screen, split: Split, **arguments: Any) -> TrainedModel:
    """`run.fit` with small options; what it says of the tiny calibration part is expected."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The calibration part is too small", BdrpWarning)
        return run.fit(screen, split, **({"options": SMALL} | arguments))


@pytest.fixture(scope="session")
def fit() -> Callable[..., TrainedModel]:
    """`fit(screen, split, **arguments)`: `run.fit`, small and quiet about the tiny calibration part."""
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
    path, manifest = model / name, json.loads((model / folder.MANIFEST).read_text())
    content = manifest if name == folder.MANIFEST else json.loads(path.read_text())
    changed = change(content)
    content = content if changed is None else changed
    if name == folder.MANIFEST:
        path.write_text(json.dumps(content))
    else:
        path.write_text(json.dumps(content))
        seal_again(model, manifest)


def seal_again(model: Path, manifest: dict[str, Any]) -> None:
    (model / folder.MANIFEST).unlink()
    folder.seal(model, {key: value for key, value in manifest.items() if key not in ("files", "format")})


@pytest.fixture
def spoil() -> Callable[[Path, str, Callable[[Any], Any]], None]:
    """`spoil(model, file, change)`: change a JSON file as a forger would, with fitting checksums."""
    return rewrite
