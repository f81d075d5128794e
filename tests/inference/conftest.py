from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdrp.data.screen import Screen
from bdrp.features.batch import Batch
from bdrp.inference import METHODS
from bdrp.inference.method import Fitted
from bdrp.testing import screens
from bdrp.testing.methods.subject import Subject

SMALL = {"epochs": 3, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2}
SMALL |= {"members": 2, "passes": 20, "draws": 8}


def subject(name: str) -> Subject:
    """A method with the small options that it has."""
    method = METHODS.load(name).METHOD
    known = {field.name for field in fields(method)}
    return Subject(method, {key: value for key, value in SMALL.items() if key in known})


@pytest.fixture(scope="session")
def subject_of() -> Callable[[str], Subject]:
    """`subject_of(name)`: a method under test, small and quick, fitted once."""
    return cache(subject)


@pytest.fixture(scope="session")
def make_method(subject_of: Callable[[str], Subject]) -> Callable[..., Any]:
    """`make_method(name, **options)`: small and quick."""
    return lambda name, **options: subject_of(name).make(**options)


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., Batch]:
    """`make_batch(screen, parts)`: a screen as tensors, with a part named for each response."""
    return screens.batch_of


@pytest.fixture(scope="session")
def with_twins(tiny_screen: Screen) -> Screen:
    """The tiny screen with its first drug under two more ids: "twin", 2 ln units above it, and "third", 1 above it."""
    responses, drugs = tiny_screen.responses, tiny_screen.drugs
    first = responses[responses["drug_id"] == drugs.index[0]]
    again = [
        first.assign(drug_id=name, response=first["response"] + by) for name, by in (("twin", 2.0), ("third", 1.0))
    ]
    more = [drugs.iloc[:1].set_axis([name]) for name in ("twin", "third")]
    return Screen(
        "twins",
        tiny_screen.measure,
        pd.concat([responses, *again], ignore_index=True).assign(upper_limit=np.nan, lower_limit=np.nan),
        pd.concat([drugs, *more]).rename_axis("drug_id"),
        tiny_screen.cell_lines,
        tiny_screen.expression,
    )


@pytest.fixture(scope="session")
def twins(with_twins: Screen, make_batch: Callable[..., Batch]) -> Batch:
    """The same as tensors; "third" is in the test part alone, with the drug after the first."""
    unseen = with_twins.responses["drug_id"].isin(["third", with_twins.drugs.index[1]])
    return make_batch(with_twins, np.where(unseen, "test", "train"))


@pytest.fixture(scope="session")
def some_unseen() -> Batch:
    """The tiny screen: three drugs and nine lines only in the test part, a tenth of the other rows for validation."""
    return screens.some_unseen()


@pytest.fixture(scope="session")
def fit_of(subject_of: Callable[[str], Subject]) -> Callable[[str], Fitted]:
    """`fit_of(name)`: the small method fitted once."""
    return lambda name: subject_of(name).fitted


@pytest.fixture(scope="session")
def quality() -> ModuleType:
    """tests/benchmarks/posterior_quality.py: a small problem whose true posterior is known."""
    path = Path(__file__).resolve().parents[1] / "benchmarks" / "posterior_quality.py"
    spec = importlib.util.spec_from_file_location("posterior_quality", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
