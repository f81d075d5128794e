"""What every recalibrator must do, alone and by group: the checks of `bdrp.testing`, and what the registry adds."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import bdrp.calibration
from bdrp import calibration
from bdrp.calibration import RECALIBRATORS
from bdrp.errors import DataError
from bdrp.predictive import Remapped, load
from bdrp.testing import checking
from bdrp.testing.recalibrators import CHECKS, Subject

LABELS = {f"{key}{i}": ("red", "green", "blue")[i % 3] for i in range(60) for key in "LD"}
GROUPABLE = [name for name in RECALIBRATORS.own() if hasattr(RECALIBRATORS.load(name), "fit_groups")]
GROUPED = [f"{name}_by_{grouping}" for name in GROUPABLE for grouping in ("drug", "laboratory", "tissue")]


@pytest.fixture(scope="module", params=[*RECALIBRATORS.own(), *GROUPED])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def overconfident_part(make_part):
    return make_part(residual=lambda rng, n: 2 * rng.standard_normal(n))


@pytest.fixture(scope="module")
def fitted(name, overconfident_part):
    pred, response, lines = overconfident_part
    return calibration.fit(name, pred, response, groups=lines, labels=LABELS)


@pytest.fixture(scope="module")
def subject(name):
    """The recalibrator as the registry fits and reads it, by group too, in a module as plug-ins are."""
    base = RECALIBRATORS.load(name.partition("_by_")[0] if name in GROUPED else name)
    made = ModuleType(name)
    made.DESCRIPTION, made.PARAMETERS = base.DESCRIPTION, base.PARAMETERS
    made.fit, made.from_json = partial(calibration.fit, name, labels=LABELS), calibration.from_json
    return Subject(made, name)


@pytest.mark.parametrize("check", CHECKS, ids=checking.sentence)
def test_every_recalibrator_passes_every_check(subject, check):
    check(subject)


def test_the_names_are_the_files_that_define_a_recalibrator():
    files = Path(bdrp.calibration.__file__).parent.glob("*.py")
    defining = {file.stem for file in files if re.search(r"^DESCRIPTION = ", file.read_text(), re.M)}
    assert set(RECALIBRATORS.own()) == defining
    assert {"identity", "isotonic"} <= defining
    assert calibration.automatic()[0] == "identity"
    assert set(calibration.automatic()) < defining


@pytest.mark.parametrize("name", RECALIBRATORS.own())
def test_it_tells_what_it_does(name):
    module = RECALIBRATORS.load(name)
    assert module.DESCRIPTION and module.PARAMETERS >= 0 and isinstance(module.AUTOMATIC, bool)


HALVED = """
from dataclasses import dataclass
from bdrp.calibration._recalibration import Recalibration, check_inputs, read_parameters

DESCRIPTION, PARAMETERS, AUTOMATIC = "halve every SD", 0, False

@dataclass(frozen=True)
class Halved(Recalibration):
    kind = "halved"
    guarantee_is_for_one_fit = False

    def apply(self, pred):
        return pred.scale(0.5)

    def parameters(self):
        return {}

def fit(pred, response, *, groups=None):
    own, values, count = check_inputs(pred, response, groups)
    return Halved(own.measure, len(values), count)

def from_json(data):
    return Halved(**read_parameters(data))
"""


def test_a_new_recalibrator_is_one_new_file(overconfident_part, tmp_path, monkeypatch):
    (tmp_path / "halved.py").write_text(HALVED)
    monkeypatch.setattr(bdrp.calibration, "__path__", [*bdrp.calibration.__path__, str(tmp_path)])
    try:
        fitted = calibration.fit("halved", *overconfident_part[:2])
        assert "halved" in calibration.names()
        assert calibration.from_json(fitted.to_json()) == fitted
        np.testing.assert_allclose(fitted(overconfident_part[0]).std, overconfident_part[0].std / 2)
    finally:
        sys.modules.pop("bdrp.calibration.halved", None)


def test_an_unknown_name_is_refused_with_those_there_are(overconfident_part):
    with pytest.raises(DataError, match=r"no recalibrator called 'platt'. Allowed: .*conformal_by_unit, identity"):
        calibration.fit("platt", *overconfident_part[:2])


def test_what_was_recalibrated_can_be_saved(fitted, overconfident_part, tmp_path):
    out = fitted(overconfident_part[0])
    out.save(tmp_path / "p.parquet")
    assert load(tmp_path / "p.parquet").to_frame().equals(out.to_frame())


def test_responses_must_be_finite_and_line_up(name, overconfident_part):
    pred, response, lines = overconfident_part
    with pytest.raises(DataError, match="1 of them not finite"):
        calibration.fit(name, pred, np.append(response[:-1], np.nan), labels=LABELS)
    with pytest.raises(DataError, match=r"shape \(3,\) for 1800 pairs"):
        calibration.fit(name, pred, response[:3])
    with pytest.raises(DataError, match="3 labels for 1800 pairs"):
        calibration.fit(name, pred, response, groups=lines[:3])
    with pytest.raises(DataError, match="at least 2"):
        calibration.fit(name, pred[:1], response[:1])


def test_a_remapped_prediction_is_not_recalibrated_again(name, overconfident_part):
    pred, response, _ = overconfident_part
    with pytest.raises(DataError, match="starts from a method's own prediction"):
        calibration.fit(name, Remapped(pred, [0.2, 0.8], [0.1, 0.9]), response)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "temperature"},
        {"kind": None},
        {"kind": "_choice"},
        {"version": 2},
        {"version": None},
        {"measure": ""},
        {"measure": 3},
        {"pairs": "many"},
        {"pairs": float("nan")},
        {"groups": -1},
    ],
)
def test_altered_json_is_refused(fitted, change):
    with pytest.raises(DataError):
        calibration.from_json({**fitted.to_json(), **change})


@pytest.mark.parametrize("data", [None, [], "identity", {}])
def test_what_is_no_recalibration_is_refused(data):
    with pytest.raises(DataError, match="The stored recalibration has version"):
        calibration.from_json(data)
