"""A recalibrator of another package: fitted by name, told of in the model folder, and never chosen unasked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bdrp import calibration
from bdrp.calibration import RECALIBRATORS
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import BdrpWarning, DataError, ModelFolderError
from bdrp.fitted.model import TrainedModel
from bdrp.plugins import kind
from bdrp.testing import check_recalibrator
from bdrp.testing.recalibrators import overconfident

Install = Callable[..., None]
ENTRY = {"bdrp.recalibrators": {"doubled": "doubled_module"}}
DOUBLED = """
from dataclasses import dataclass

from bdrp.calibration._recalibration import Recalibration, check_inputs, read_parameters

DESCRIPTION = "double every SD"
PARAMETERS = 0
AUTOMATIC = True


@dataclass(frozen=True)
class Doubled(Recalibration):
    kind = "doubled"
    guarantee_is_for_one_fit = False

    def apply(self, pred):
        return pred.scale(2.0)

    def parameters(self):
        return {}


def fit(pred, response, *, groups=None):
    own, values, count = check_inputs(pred, response, groups)
    return Doubled(own.measure, len(values), count)


def from_json(data):
    return Doubled(**read_parameters(data))
"""


@pytest.fixture
def doubled(install: Install) -> None:
    install("wide-margins", "0.4", {"doubled_module": DOUBLED}, ENTRY)


@pytest.mark.usefixtures("doubled")
def test_it_is_fitted_by_its_name_and_passes_the_checks() -> None:
    part = overconfident()
    fitted = calibration.fit("doubled", part.pred, part.response, groups=part.lines)
    np.testing.assert_allclose(fitted(part.pred).std, 2 * part.pred.std)
    assert calibration.from_json(fitted.to_json()) == fitted
    assert calibration.origin(fitted) == {"recalibrator_from": {"package": "wide-margins", "version": "0.4"}}
    check_recalibrator("doubled")


@pytest.mark.usefixtures("doubled")
def test_it_is_not_chosen_by_itself_whatever_it_says_of_itself() -> None:
    assert RECALIBRATORS.load("doubled").AUTOMATIC
    assert "doubled" in calibration.names() and "doubled" not in calibration.automatic()


@pytest.mark.usefixtures("doubled")
def test_one_that_cannot_be_fitted_by_group_is_refused_by_group() -> None:
    with pytest.raises(
        DataError,
        match="no recalibrator called 'doubled_by_drug'. Did you .*Allowed: .*doubled.*; and affine",
    ):
        calibration.known("doubled_by_drug")


def test_a_model_folder_tells_of_it_and_is_refused_without_it(
    install: Install, tiny_screen: Screen, tiny_split: Split, fit: Callable[..., Any], tmp_path: Path
) -> None:
    path, out = list(sys.path), tmp_path / "model"
    install("wide-margins", "0.4", {"doubled_module": DOUBLED}, ENTRY)
    fit(tiny_screen, tiny_split, method="mean_effects", options={}, recalibration="doubled", out=out)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["recalibrator"] == "doubled"
    assert manifest["recalibrator_from"] == {"package": "wide-margins", "version": "0.4"}
    assert TrainedModel.load(out).recalibration.kind == "doubled"

    sys.path[:] = path
    sys.modules.pop("doubled_module")
    kind._entry_points.cache_clear()
    with pytest.raises(
        ModelFolderError, match="the recalibrator doubled of the package wide-margins 0.4, which is not"
    ):
        TrainedModel.load(out)
    install("wide-margins", "0.5", {"doubled_module": DOUBLED}, ENTRY)
    with pytest.warns(BdrpWarning, match="recalibrator doubled of wide-margins 0.4; 0.5 is installed"):
        assert TrainedModel.load(out).recalibration.kind == "doubled"


def test_nothing_is_told_of_bdrps_own(trained: tuple[TrainedModel, Path]) -> None:
    assert "recalibrator_from" not in json.loads((trained[1] / "manifest.json").read_text())


def test_a_folder_with_bdrps_own_takes_no_other_of_that_name(model_folder: Path, spoil: Any, install: Install) -> None:
    install("wide-margins", "0.4", {"doubled_module": DOUBLED}, ENTRY)
    spoil(model_folder, "calibration.json", lambda data: data.update(kind="doubled"))
    with pytest.raises(ModelFolderError, match="There is no recalibrator 'doubled'"):
        TrainedModel.load(model_folder)


BAD = {
    "fails at import": ("1 / 0", "cannot be imported: ZeroDivisionError"),
    "has nothing": ("", "has no DESCRIPTION, no fit, no from_json"),
    "cannot be read back": (DOUBLED.replace("def from_json", "def read"), "has no from_json"),
    "describes itself as a number": (DOUBLED.replace('"double every SD"', "3"), "a DESCRIPTION that is 3"),
    "has a fit that is no function": (f"{DOUBLED}\nfit = 3", "a fit that is 3, where a function is needed"),
}


@pytest.mark.parametrize("how", BAD)
def test_a_bad_one_is_refused_by_name_and_the_others_go_on(how: str, install: Install) -> None:
    text, said = BAD[how]
    install("wide-margins", "0.4", {"doubled_module": text}, ENTRY)
    part = overconfident()
    with pytest.raises(DataError, match=f"^The recalibrator doubled of the package wide-margins 0.4 .*{said}"):
        calibration.fit("doubled", part.pred, part.response)
    assert calibration.choose(part.pred, part.response, part.lines).kind != "identity"
    assert calibration.fit("isotonic_by_drug", part.pred, part.response).kind == "isotonic_by_drug"


def test_one_that_names_itself_otherwise_is_refused_before_it_is_saved(install: Install) -> None:
    install("wide-margins", "0.4", {"doubled_module": DOUBLED.replace('kind = "doubled"', 'kind = "wide"')}, ENTRY)
    part = overconfident()
    with pytest.raises(DataError, match="The recalibrator doubled gave one of kind 'wide'. Its name is needed"):
        calibration.fit("doubled", part.pred, part.response)
