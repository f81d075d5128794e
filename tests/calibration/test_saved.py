"""Recalibrations that bdrp 0.1.0 fitted and saved: read back, and fitted anew, they say the same as then."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp import calibration
from bdrp.errors import BdrpWarning
from bdrp.predictive import Normal, StudentT

SAVED = json.loads((Path(__file__).parent / "golden" / "saved_by_0_1_0.json").read_text())
KINDS = [(family, kind) for family, kinds in SAVED.items() for kind in kinds]
PAIRS_OF_DRUG = {"D0": 60, "D1": 60, "D2": 50, "D3": 45, "D4": 25, "D5": 15, "D6": 12}  # all sides of each least size
TISSUES = {f"L{i}": ("lung", "skin", "blood", "bone")[min(i % 4, i // 5)] for i in range(1, 62)}  # not of L0; L61 too
LEVELS = (0.001, 0.025, 0.3, 0.5, 0.8, 0.99)
NOW = {"rtol": 1e-12, "atol": 1e-13}  # the same bit for bit where they were made; other processors round otherwise
SOUGHT = {("student_t", "affine"): {"rtol": 2e-7}}  # an optimiser stops near the best, wherever rounding leads it


def calibration_part(family):
    """Predictions, responses too wide, skewed and shifted by drug, and the lines: fixed, whatever the generators do."""
    keys = pd.DataFrame([(f"L{i}", drug) for drug, n in PAIRS_OF_DRUG.items() for i in range(n)])
    keys.columns = ["cell_line_id", "drug_id"]
    i = np.arange(len(keys))
    waves = [np.sin(0.7 + i * frequency) for frequency in (1.1, 2.3, 3.7, 5.3)]
    moments = 2 * waves[0], 0.7 + 0.3 * waves[1], 0.3 + 0.2 * waves[2]
    pred = make(family, keys, *moments)
    drug, line = (keys[name].str[1:].astype(int).to_numpy() for name in ("drug_id", "cell_line_id"))
    residual = np.exp(0.8 * waves[3]) - 1.2 + 0.2 * drug + np.sin(i * i)
    return (
        pred,
        pred.mean + (0.8 + 0.2 * drug) * (0.5 + 0.4 * (line % 4)) * pred.std * residual,
        keys["cell_line_id"].tolist(),
    )


def new_pairs(family):
    """Pairs of drugs and lines that were and were not in the calibration part."""
    keys = pd.DataFrame(
        {"cell_line_id": ["L0", "L1", "L7", "L61", "L99", "L3", "L40"], "drug_id": "D0 D2 D3 D4 D6 D9 D0".split()}
    )
    return make(family, keys, np.linspace(-3, 3, 7), np.linspace(0.4, 1.2, 7), np.linspace(0.9, 0.1, 7))


def make(family, keys, *moments):
    if family == "normal":
        return Normal(keys, "ln_ic50_um", *moments, unit="ln(µM)")
    return StudentT(keys, "ln_ic50_um", *moments, 3.5, unit="ln(µM)")


def fit(kind, family):
    pred, response, lines = calibration_part(family)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The calibration part is too small", BdrpWarning)
        return calibration.fit(kind, pred, response, groups=lines, labels=TISSUES if "tissue" in kind else None)


def told(recalibration, family):
    """What a recalibration makes of the new pairs."""
    out = recalibration(new_pairs(family))
    moments = {name: getattr(out, name).tolist() for name in ("mean", "aleatoric_std", "epistemic_std")}
    return {**moments, "quantiles": out.quantile(np.array(LEVELS)).tolist(), "cdf": out.cdf(0.5).tolist()}


def numbers(content):
    """Every number of a JSON value, in order, and the value without them."""
    if isinstance(content, dict):
        inner = [numbers(value) for value in content.values()]
        return [n for ns, _ in inner for n in ns], dict(zip(content, (rest for _, rest in inner), strict=True))
    if isinstance(content, list):
        inner = [numbers(value) for value in content]
        return [n for ns, _ in inner for n in ns], [rest for _, rest in inner]
    return ([content], None) if isinstance(content, float) else ([], content)


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_what_was_saved_is_read_and_predicts_the_same(family, kind):
    saved = SAVED[family][kind]
    recalibration = calibration.from_json(saved["recalibration"])
    assert recalibration.to_json() == saved["recalibration"]
    assert list(recalibration.to_json()) == list(saved["recalibration"])
    for name, values in told(recalibration, family).items():
        np.testing.assert_allclose(values, saved["told"][name], **NOW)


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_what_is_fitted_today_is_what_was_saved(family, kind):
    saved = SAVED[family][kind]
    values, rest = numbers(fit(kind, family).to_json())
    saved_values, saved_rest = numbers(saved["recalibration"])
    assert rest == saved_rest
    np.testing.assert_allclose(values, saved_values, **SOUGHT.get((family, kind), NOW))


@pytest.mark.parametrize(("family", "kind"), [each for each in KINDS if each[1].endswith(("_drug", "_tissue"))])
def test_the_saved_groups_differ(family, kind):
    stored = SAVED[family][kind]["recalibration"]
    groups = stored.get("factors") or stored["curves"]
    assert len({str(group) for group in groups}) == len(stored["grouping"]["labels"]) > 1
