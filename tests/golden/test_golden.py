"""No method changes what it estimates unsaid, and what was saved by an earlier version predicts the same."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from bdrp import predictive
from bdrp.inference import METHODS

HERE = Path(__file__).resolve().parent
KEPT = sorted(folder for folder in HERE.iterdir() if (folder / "drugs.parquet").exists())


@pytest.fixture(scope="module")
def fits() -> ModuleType:
    """tests/golden/fits.py, which also writes what is compared here."""
    spec = importlib.util.spec_from_file_location("golden_fits", HERE / "fits.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", METHODS.own())
def test_a_fit_is_the_same_to_the_bit(name: str, fits: ModuleType) -> None:
    golden, here = json.loads(fits.FINGERPRINTS.read_text()), fits.machine()
    other = [f"{key} is {here.get(key)}, was {value}" for key, value in golden["machine"].items() if here[key] != value]
    if other:
        pytest.skip(f"the last bits depend on the machine: {'; '.join(other)}")
    assert fits.fingerprint(name) == golden["methods"][name]


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
@pytest.mark.parametrize("name", METHODS.own())
def test_a_folder_of_an_earlier_version_loads_and_predicts_the_same(folder: Path, name: str, fits: ModuleType) -> None:
    if not (folder / name).exists():
        pytest.skip(f"{name} is younger than {folder.name}")
    now, before = fits.kept(folder, name), predictive.load(folder / f"{name}.parquet")
    assert now.distribution.keys.equals(before.keys)
    for part in ("mean", "aleatoric_std", "epistemic_std"):
        np.testing.assert_allclose(
            getattr(now.distribution, part),
            getattr(before, part),
            rtol=1e-4,
            atol=1e-6 * before.std.max(),
            err_msg=part,
        )
    levels = [0.01, 0.05, 0.5, 0.95, 0.99]
    np.testing.assert_allclose(now.distribution.quantile(levels), before.quantile(levels), rtol=1e-4, atol=1e-4)
    nearest = pd.read_parquet(folder / f"{name}.parquet", columns=["nearest_drugs"])["nearest_drugs"]
    assert list(now.context["nearest_drugs"]) == list(nearest)


def test_a_folder_of_each_method_is_kept() -> None:
    assert {name for folder in KEPT for name in METHODS.own() if (folder / name).is_dir()} == set(METHODS.own())
