from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

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
