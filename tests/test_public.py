"""The public names: each has an example that runs, and each is there without loading what it does not need."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

import bdrp
from bdrp.report import plot

ROOMS = [name for name in bdrp.__all__ if isinstance(getattr(bdrp, name), ModuleType)]
NAMES = [name for name in bdrp.__all__ if name not in ROOMS]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run_example(named: Any, name: str) -> None:
    finder = doctest.DocTestFinder(recurse=False)
    (found,) = finder.find(named, name, globs={}, module=sys.modules[named.__module__])
    assert found.examples, f"{name} has no example"
    assert doctest.DocTestRunner(optionflags=OPTIONS).run(found).failed == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")
def test_each_public_name_has_an_example_that_runs(name: str) -> None:
    run_example(getattr(bdrp, name), name)


@pytest.mark.parametrize("name", plot.__all__)
@pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")
def test_each_figure_has_an_example_that_runs(name: str) -> None:
    run_example(getattr(plot, name), name)
    assert "ax" in inspect.signature(getattr(plot, name)).parameters


def test_rooms_say_what_they_are() -> None:
    for name in ROOMS:
        assert getattr(bdrp, name).__doc__, name


def test_nothing_heavy_is_loaded_before_it_is_asked_for() -> None:
    code = (
        "import sys, bdrp; bdrp.BdrpError; sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
