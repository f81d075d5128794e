"""A package of others, with one method and one source, built and installed beside bdrp as a user does it, offline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data.screen import Screen
from bdrp.testing.methods import CHECKS
from bdrp.testing.sources import CHECKS as SOURCE_CHECKS

pytestmark = pytest.mark.slow
Shown = Callable[..., str]
FIT = "fit --screen our_screen --root data --method two_effects --recalibration identity --no-refit --out model"
PREDICT = "predict model --screen our_screen --root data --out predictions.parquet"
WITH_IT = f"""
from bdrp.cli.app import app
from bdrp.testing import check_method, check_source
app(["plugins"], standalone_mode=False)
app({FIT.split()}, standalone_mode=False)
app({PREDICT.split()}, standalone_mode=False)
print("checks", len(check_method("two_effects")), len(check_source("our_screen", "data")))
"""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, shown: Shown, tiny_screen: Screen) -> Path:
    """A folder with the installed package in `site` and the source's tables in `data`."""
    here = tmp_path_factory.mktemp("workplace")
    package = here / "package"
    package.mkdir()
    (package / "two_effects.py").write_text(shown("add-your-method.md", "`two_effects.py`"))
    (package / "our_screen.py").write_text(shown("add-your-screen.md", "`our_screen.py`"))
    project = shown("add-your-method.md", "## Hand it on", "toml").replace(
        '["two_effects.py"]', '["two_effects.py", "our_screen.py"]'
    )
    (package / "pyproject.toml").write_text(
        project + '\n[project.entry-points."bdrp.sources"]\nour_screen = "our_screen"\n'
    )
    install = (
        "-m pip install --quiet --no-index --no-deps --no-build-isolation --disable-pip-version-check --target".split()
    )
    subprocess.run([sys.executable, *install, str(here / "site"), str(package)], check=True, capture_output=True)
    _write_tables(tiny_screen, here / "data")
    return here


def _write_tables(screen: Screen, into: Path) -> None:
    into.mkdir()
    rows = screen.responses
    curves = pd.DataFrame({"line": rows["cell_line_id"], "compound": rows["drug_id"], "top_dose_nm": 10_000.0})
    curves.assign(ic50_nm=1000 * np.exp(rows["response"])).to_csv(into / "our_curves.csv", index=False)
    screen.drugs.to_csv(into / "our_drugs.csv")
    screen.expression.to_csv(into / "our_expression.csv")


def python(here: Path, *words: str, installed: bool) -> subprocess.CompletedProcess[str]:
    """A new process in the workplace, with the package or without it."""
    path = [str(here / "site")] if installed else []
    path += [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path), "COLUMNS": "200"}
    return subprocess.run([sys.executable, *words], cwd=here, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def said(workplace: Path) -> str:
    """What a process says that lists the package's plug-ins, fits a model with them, predicts, and checks them."""
    ran = python(workplace, "-c", WITH_IT, installed=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_command_line_lists_its_method_and_its_source(said: str) -> None:
    rows = [line.split(maxsplit=2) for line in said.splitlines() if "the package two-effects 1.2" in line]
    assert [row[:2] for row in rows] == [["method", "two_effects"], ["source", "our_screen"]]


def test_its_method_and_its_source_pass_the_checks_that_are_shipped(said: str) -> None:
    _, of_method, of_source = said.splitlines()[-1].split()
    assert int(of_method) >= len(CHECKS) and int(of_source) == len(SOURCE_CHECKS)


@pytest.mark.usefixtures("said")
def test_a_model_fitted_with_it_predicts_with_it_and_is_refused_without_it(workplace: Path) -> None:
    manifest = json.loads((workplace / "model" / "manifest.json").read_text())
    assert (manifest["method"], manifest["screen"]) == ("two_effects", "our_screen")
    assert manifest["method_from"] == {"package": "two-effects", "version": "1.2"}
    assert len(pd.read_parquet(workplace / "predictions.parquet")) == 36 * 12

    refused = python(workplace, *f"-m bdrp {PREDICT} --screen simulated".split(), installed=False)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith(
        "error: The model was made with the method two_effects of the package two-effects 1.2, which is not installed"
    )
