from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdrp import inference
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.features import batch
from bdrp.features.batch import Batch
from bdrp.inference.method import Fitted, Runtime

SMALL = {"epochs": 3, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2}
SMALL |= {"members": 2, "passes": 20, "draws": 8}


def small_method(name: str, **options: Any) -> Any:
    """A method with the small options that it has, and others on top."""
    known = {field.name for field in fields(import_module(f"bdrp.inference.{name}").METHOD)}
    return inference.make(name, {key: value for key, value in SMALL.items() if key in known} | options)


@pytest.fixture(scope="session")
def make_method() -> Callable[..., Any]:
    """`make_method(name, **options)`: small and quick."""
    return small_method


def batch_of(screen: Screen, parts: np.ndarray, components: int = 8) -> Batch:
    keys = screen.responses[["cell_line_id", "drug_id"]]
    split = Split("file", pd.Series(parts, dtype="str"), 0, 0, 1, "by hand", keys)
    return batch.prepare(screen, split, components=components)


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., Batch]:
    """`make_batch(screen, parts)`: a screen as tensors, with a part named for each response."""
    return batch_of


@pytest.fixture(scope="session")
def some_unseen(tiny_screen: Screen) -> Batch:
    """The tiny screen: three drugs and nine lines only in the test part, a tenth of the other rows for validation."""
    responses = tiny_screen.responses
    lines, drugs = tiny_screen.expression.index[::4], tiny_screen.drugs.index[::4]
    unseen = responses["cell_line_id"].isin(lines) | responses["drug_id"].isin(drugs)
    validation = np.arange(len(responses)) % 10 == 0
    return batch_of(tiny_screen, np.where(unseen, "test", np.where(validation, "validation", "train")))


@pytest.fixture(scope="session")
def fit_of(some_unseen: Batch) -> Callable[[str], Fitted]:
    """`fit_of(name)`: the small method fitted once."""
    fits: dict[str, Fitted] = {}

    def fitted(name: str) -> Fitted:
        if name not in fits:
            fits[name] = small_method(name).fit(some_unseen, Runtime())
        return fits[name]

    return fitted


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
