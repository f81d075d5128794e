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
CHECK = """
from bdrp import inference
from bdrp.data import sources
from bdrp.testing import check_method, check_source
print(len(check_method(inference.METHODS.load("two_effects").METHOD)), len(check_source("our_screen", "data")))
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


def python(here: Path, *words: str, installed: bool = True) -> subprocess.CompletedProcess[str]:
    """A new process in the workplace, with the package or without it."""
    path = [str(here / "site")] if installed else []
    path += [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path), "COLUMNS": "200"}
    return subprocess.run([sys.executable, *words], cwd=here, env=env, capture_output=True, text=True, check=False)


def test_the_command_line_lists_its_method_and_its_source(workplace: Path) -> None:
    said = python(workplace, "-m", "bdrp", "plugins")
    assert (said.returncode, said.stderr) == (0, "")
    rows = [line.split(maxsplit=2) for line in said.stdout.splitlines()]
    theirs = [row[:2] for row in rows if row[2].strip() == "the package two-effects 1.2"]
    assert theirs == [["method", "two_effects"], ["source", "our_screen"]]


def test_its_method_and_its_source_pass_the_checks_that_are_shipped(workplace: Path) -> None:
    said = python(workplace, "-c", CHECK)
    assert said.returncode == 0, said.stderr
    assert said.stdout.split() == [str(len(CHECKS)), str(len(SOURCE_CHECKS))]


def test_a_model_fitted_with_it_is_refused_without_it(workplace: Path) -> None:
    fit = "fit --screen our_screen --root data --method two_effects --recalibration identity --no-refit --out model"
    fitted = python(workplace, "-m", "bdrp", *fit.split())
    assert fitted.returncode == 0, fitted.stderr
    manifest = json.loads((workplace / "model" / "manifest.json").read_text())
    assert (manifest["method"], manifest["screen"]) == ("two_effects", "our_screen")
    assert manifest["method_from"] == {"package": "two-effects", "version": "1.2"}

    predict = "predict model --screen simulated --out predictions.parquet".split()
    refused = python(workplace, "-m", "bdrp", *predict, installed=False)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith(
        "error: The model was made with the method two_effects of the package two-effects 1.2, which is not installed"
    )
    assert not (workplace / "predictions.parquet").exists()
    words = "predict model --screen our_screen --root data --out predictions.parquet".split()
    assert python(workplace, "-m", "bdrp", *words).returncode == 0
    assert len(pd.read_parquet(workplace / "predictions.parquet")) == 36 * 12
