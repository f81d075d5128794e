"""What every recalibrator must do, alone and by group; they are found by listing their folder."""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import bdrp.calibration
from bdrp import calibration
from bdrp.errors import DataError
from bdrp.predictive import Normal, Remapped, load

LABELS = {f"{key}{i}": ("red", "green", "blue")[i % 3] for i in range(60) for key in "LD"}
GROUPABLE = [name for name in calibration.names() if hasattr(import_module(f"bdrp.calibration.{name}"), "fit_groups")]
GROUPED = [f"{name}_by_{grouping}" for name in GROUPABLE for grouping in ("drug", "laboratory", "tissue")]


@pytest.fixture(scope="module", params=[*calibration.names(), *GROUPED])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def overconfident_part(make_part):
    return make_part(residual=lambda rng, n: 2 * rng.standard_normal(n))


@pytest.fixture(scope="module")
def fitted(name, overconfident_part):
    pred, response, lines = overconfident_part
    return calibration.fit(name, pred, response, groups=lines, labels=LABELS)


def test_the_names_are_the_files_that_define_a_recalibrator():
    files = Path(bdrp.calibration.__file__).parent.glob("*.py")
    defining = {file.stem for file in files if re.search(r"^DESCRIPTION = ", file.read_text(), re.M)}
    assert set(calibration.names()) == defining
    assert {"identity", "isotonic"} <= defining
    assert calibration.automatic()[0] == "identity"
    assert set(calibration.automatic()) < defining


@pytest.mark.parametrize("name", calibration.names())
def test_it_tells_what_it_does(name):
    module = import_module(f"bdrp.calibration.{name}")
    assert module.DESCRIPTION and module.PARAMETERS >= 0 and isinstance(module.AUTOMATIC, bool)


HALVED = """
from dataclasses import dataclass
from bdrp.calibration._recalibration import Recalibration, checked, fitted_to

DESCRIPTION, PARAMETERS, AUTOMATIC = "halve every SD", 0, False

@dataclass(frozen=True)
class Halved(Recalibration):
    kind = "halved"
    guarantee_is_for_one_fit = False

    def apply(self, pred):
        return pred.scaled(0.5)

    def parameters(self):
        return {}

def fit(pred, response, *, groups=None):
    own, values, count = checked(pred, response, groups)
    return Halved(own.measure, len(values), count)

def from_json(data):
    return Halved(**fitted_to(data))
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


def test_json_brings_back_the_same_recalibration(fitted, overconfident_part):
    pred, response, _ = overconfident_part
    again = calibration.from_json(json.loads(json.dumps(fitted.to_json(), allow_nan=False)))
    assert again == fitted
    np.testing.assert_array_equal(again(pred).cdf(response), fitted(pred).cdf(response))


def test_it_says_what_it_was_fitted_to(name, fitted):
    assert (fitted.kind, fitted.measure, fitted.pairs, fitted.groups) == (name, "ln_ic50_um", 1800, 60)


def test_keys_and_the_epistemic_share_stay(fitted, overconfident_part):
    pred = overconfident_part[0]
    remapped = fitted(pred)
    assert remapped.keys.equals(pred.keys)
    assert remapped.unit == pred.unit
    np.testing.assert_allclose(remapped.epistemic / remapped.variance, pred.epistemic / pred.variance)


def test_the_order_of_pairs_does_not_matter(name, fitted, overconfident_part):
    pred, response, lines = overconfident_part
    order = np.random.default_rng(0).permutation(len(pred))
    mixed = np.array(lines)[order].tolist()
    shuffled = calibration.fit(name, pred[order], response[order], groups=mixed, labels=LABELS)
    close = {"rtol": 1e-4} if name.startswith("affine_by") else {"rtol": 1e-9, "atol": 1e-12}  # a search ends nearby
    np.testing.assert_allclose(shuffled(pred).cdf(response), fitted(pred).cdf(response), **close)


def test_a_student_is_recalibrated_like_a_normal(name, make_heavy_part):
    pred, response, lines = make_heavy_part(width=2.0, dof=4.0)
    again = calibration.from_json(calibration.fit(name, pred, response, groups=lines, labels=LABELS).to_json())
    out = again(pred)
    assert np.all(np.isfinite(out.log_prob(response)))
    np.testing.assert_allclose(out.epistemic / out.variance, pred.epistemic / pred.variance)
    np.testing.assert_allclose(out.cdf(out.quantile(0.9)), 0.9)
    if name != "identity":  # 1,800 pairs, SE 0.7 points; conformal ones err on the wide side
        assert 0.87 < np.mean(np.abs(2 * out.cdf(response) - 1) <= 0.9) < 0.95


def test_another_measure_is_refused(fitted, overconfident_part):
    pred = overconfident_part[0]
    other = Normal(pred.keys, "auc_fraction", pred.mean, pred.aleatoric, pred.epistemic)
    with pytest.raises(DataError, match="fitted to ln_ic50_um; the prediction is in auc_fraction"):
        fitted(other)


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
