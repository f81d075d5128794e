"""A model folder tells where its method is from, and loads with that very method or not at all."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bdrp
from bdrp import inference
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import BdrpWarning, ModelFolderError
from bdrp.fitted.model import TrainedModel
from bdrp.plugins import kind, source_file
from bdrp.studies.execution.run_matrix import RunMatrix

Install = Callable[..., None]
MethodText = Callable[[str], str]
ENTRY = {"bdrp.methods": {"nearest": "nearest_module"}}


@pytest.fixture
def method_file(tmp_path: Path, method_text: MethodText) -> Path:
    path = tmp_path / "nearest.py"
    path.write_text(method_text("nearest"))
    return path


@pytest.fixture
def model_of_a_file(method_file: Path, tiny_screen: Screen, tiny_split: Split, fit: Callable[..., Any]) -> Path:
    """A folder fitted with a file, of which the process knows nothing any more."""
    out = method_file.parent / "model"
    fit(tiny_screen, tiny_split, method=method_file, options={}, out=out)
    source_file._RUN.clear()
    return out


@pytest.fixture
def model_of_a_package(
    install: Install,
    method_text: MethodText,
    tmp_path: Path,
    tiny_screen: Screen,
    tiny_split: Split,
    fit: Callable[..., Any],
) -> Path:
    """A folder fitted with nearest-drugs 1.2, which is not installed any more."""
    path = list(sys.path)
    install("nearest-drugs", "1.2", {"nearest_module": method_text("nearest")}, ENTRY)
    fit(tiny_screen, tiny_split, method="nearest", options={}, out=tmp_path / "model")
    sys.path[:] = path
    sys.modules.pop("nearest_module")
    kind._entry_points.cache_clear()
    return tmp_path / "model"


def manifest_of(model: Path) -> dict[str, Any]:
    return dict(json.loads((model / "manifest.json").read_text()))


def test_nothing_is_told_of_bdrps_own(trained: tuple[TrainedModel, Path]) -> None:
    assert "method_from" not in manifest_of(trained[1])


def test_a_model_of_a_package_tells_package_and_version(model_of_a_package: Path) -> None:
    manifest = manifest_of(model_of_a_package)
    assert manifest["method"] == "nearest"
    assert manifest["method_from"] == {"package": "nearest-drugs", "version": "1.2"}


def test_a_model_whose_package_is_missing_is_refused_by_method_package_and_version(model_of_a_package: Path) -> None:
    said = "made with the method nearest of the package nearest-drugs 1.2, which is not installed here.*Install that"
    with pytest.raises(ModelFolderError, match=said):
        TrainedModel.load(model_of_a_package)
    with pytest.raises(ModelFolderError, match="the file .*other.py is not needed"):
        TrainedModel.load(model_of_a_package, method="other.py")


def test_a_model_loads_with_its_package_and_predicts_the_same(
    model_of_a_package: Path, install: Install, method_text: MethodText, tiny_screen: Screen, tiny_split: Split
) -> None:
    install("nearest-drugs", "1.2", {"nearest_module": method_text("nearest")}, ENTRY)
    again = TrainedModel.load(model_of_a_package)
    pairs = again.held_out()[["cell_line_id", "drug_id"]]
    predicted = bdrp.predict(again, screen=tiny_screen, pairs=pairs).distribution
    np.testing.assert_array_equal(predicted.mean, again.held_out_predictions().mean)


def test_another_version_of_the_package_is_warned_of(
    model_of_a_package: Path, install: Install, method_text: MethodText
) -> None:
    install("nearest-drugs", "1.3", {"nearest_module": method_text("nearest")}, ENTRY)
    with pytest.warns(BdrpWarning, match="nearest of nearest-drugs 1.2; 1.3 is installed, and may predict otherwise"):
        TrainedModel.load(model_of_a_package)


def test_another_package_of_the_same_name_is_not_taken(
    model_of_a_package: Path, install: Install, method_text: MethodText
) -> None:
    install("imitation", "1.2", {"nearest_module": method_text("nearest")}, ENTRY)
    with pytest.raises(ModelFolderError, match="of the package nearest-drugs 1.2, which is not installed"):
        TrainedModel.load(model_of_a_package)


def test_a_package_that_cannot_be_imported_is_told_of(model_of_a_package: Path, install: Install) -> None:
    install("nearest-drugs", "1.2", {"nearest_module": "1 / 0"}, ENTRY)
    with pytest.raises(ModelFolderError, match="which cannot be used here. The method nearest .* ZeroDivisionError"):
        TrainedModel.load(model_of_a_package)


def test_a_model_of_bdrps_own_method_takes_no_other_of_that_name(
    model_folder: Path, spoil: Any, install: Install, method_text: MethodText
) -> None:
    spoil(model_folder, "manifest.json", lambda manifest: manifest.update(method="nearest", options={}))
    install("nearest-drugs", "1.2", {"nearest_module": method_text("nearest")}, ENTRY)
    with pytest.raises(ModelFolderError, match="There is no method 'nearest'. Choose one of: .*ridge"):
        TrainedModel.load(model_folder)


def test_a_model_of_a_file_needs_the_very_file(model_of_a_file: Path, method_file: Path) -> None:
    assert manifest_of(model_of_a_file)["method_from"]["file"] == "nearest.py"
    with pytest.raises(ModelFolderError, match="of the file nearest.py, whose SHA-256 is .* the file is needed too"):
        TrainedModel.load(model_of_a_file)
    assert TrainedModel.load(model_of_a_file, method=method_file).manifest["method"] == "nearest"
    assert TrainedModel.load(model_of_a_file).manifest["method"] == "nearest"  # this process knows it now


def test_a_file_that_was_changed_is_refused_and_not_run(model_of_a_file: Path, method_file: Path) -> None:
    method_file.write_text("raise RuntimeError('it was run')")
    with pytest.raises(ModelFolderError, match="nearest.py is [0-9a-f]{12}…. The very same file is needed"):
        TrainedModel.load(model_of_a_file, method=method_file)


def test_a_folder_cannot_make_a_file_run(model_folder: Path, spoil: Any, tmp_path: Path) -> None:
    file = tmp_path / "evil.py"
    file.write_text("raise RuntimeError('it was run')")
    for record in (
        {},
        {"file": str(file)},
        {"file": str(file), "sha256": "0" * 64},
        {"package": str(file), "version": ""},
    ):
        spoil(
            model_folder,
            "manifest.json",
            lambda manifest, told=record: manifest.update(method=str(file), method_from=told),
        )
        with pytest.raises(ModelFolderError):
            TrainedModel.load(model_folder)


@pytest.mark.parametrize(
    "record", [3, None, "x", ["package"], {"package": 3}, {"sha256": None}, {"sha256": "0"}, {"x": "y"}]
)
def test_a_record_that_is_none_is_refused(record: Any, model_folder: Path, spoil: Any) -> None:
    spoil(model_folder, "manifest.json", lambda manifest: manifest.update(method_from=record))
    with pytest.raises(ModelFolderError):
        TrainedModel.load(model_folder)


def test_a_file_that_is_given_for_a_method_of_bdrps_own_is_refused(model_folder: Path, method_file: Path) -> None:
    with pytest.raises(ModelFolderError, match="method last_layer of bdrp itself; the file .*nearest.py is not needed"):
        TrainedModel.load(model_folder, method=method_file)


def test_a_method_of_a_notebook_is_told_by_its_module_and_cannot_be_found_again(
    model_folder: Path, spoil: Any, method_text: MethodText
) -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(method_text("nearest"), scope)
    record = inference.origin(scope["METHOD"]())
    assert record == {"method_from": {"module": "__main__"}}
    spoil(model_folder, "manifest.json", lambda manifest: manifest.update(method="nearest", options={}, **record))
    with pytest.raises(ModelFolderError, match="of the module __main__, where no model can find it again"):
        TrainedModel.load(model_folder)


def test_runs_of_a_file_are_known_by_its_bytes_and_not_by_its_place(
    method_file: Path, tmp_path: Path, tiny_screen: Screen
) -> None:
    elsewhere = tmp_path / "elsewhere" / "nearest.py"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(method_file.read_bytes())

    def run(path: Path) -> Any:
        return RunMatrix({"mine": str(path)}, ["pair"], folds=2, seeds=1).runs(tiny_screen)[0]

    first, moved = run(method_file), run(elsewhere)
    assert first.key == moved.key
    assert first.config["method"] == "nearest" and first.config["method_from"]["file"] == "nearest.py"
    method_file.write_text(method_file.read_text() + "\n")
    assert run(method_file).key != first.key
    own = RunMatrix({"ridge": "ridge"}, ["pair"], folds=2, seeds=1).runs(tiny_screen)[0]
    assert "method_from" not in own.config
