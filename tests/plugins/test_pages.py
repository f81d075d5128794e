"""What docs/add-your-method.md and docs/add-your-screen.md show, run as a reader runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bdrp.cli.app import app
from bdrp.data import sources
from bdrp.data.screen import Screen
from bdrp.fitted.model import TrainedModel
from bdrp.inference import METHODS
from bdrp.plugins import source_file
from bdrp.testing import check_method, check_source

Shown = Callable[..., str]


@pytest.fixture
def method_file(shown: Shown, tmp_path: Path) -> Path:
    path = tmp_path / "two_effects.py"
    path.write_text(shown("add-your-method.md", "`two_effects.py`"))
    return path


@pytest.fixture
def screen_file(shown: Shown, tmp_path: Path, tiny_screen: Screen) -> Path:
    """The source, beside tables as it wants them."""
    path = tmp_path / "our_screen.py"
    path.write_text(shown("add-your-screen.md", "`our_screen.py`"))
    rows = tiny_screen.responses
    curves = pd.DataFrame({"line": rows["cell_line_id"], "compound": rows["drug_id"]})
    curves["ic50_nm"], curves["top_dose_nm"] = 1000 * np.exp(rows["response"]), 10_000.0
    curves.to_csv(tmp_path / "our_curves.csv", index=False)
    tiny_screen.drugs.to_csv(tmp_path / "our_drugs.csv")
    tiny_screen.expression.to_csv(tmp_path / "our_expression.csv")
    return path


def bdrp(*words: str) -> Any:
    ran = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran


def test_the_method_of_the_page_passes_every_check(method_file: Path) -> None:
    held = check_method(method_file)
    assert "what was not trained on is less certain" in held


def test_the_method_of_the_page_is_short(shown: Shown) -> None:
    lines = [line for line in shown("add-your-method.md", "`two_effects.py`").splitlines() if line.strip()]
    assert len(lines) < 70


def test_the_method_of_the_page_has_the_posterior_of_its_formula(method_file: Path, some_rows: Any) -> None:
    """Against the dense closed form of Bayesian linear regression, unseen drugs and lines at their prior."""
    batch, rows = some_rows
    method = METHODS.load(method_file).METHOD(drug_sd=0.8, line_sd=0.4)
    fitted = method.fit(batch, None)
    drugs, lines = len(batch.features.compounds), len(batch.features.lines)

    def design(pairs: Any) -> np.ndarray:
        drug, line = batch.inputs.drug_effect[pairs.drug].numpy(), batch.inputs.line_effect[pairs.line].numpy()
        return np.hstack([drug[:, None] == np.arange(drugs), line[:, None] == np.arange(lines)]).astype(float)

    noise, sd = fitted.state()["noise"].item(), np.array([0.8] * drugs + [0.4] * lines)
    x, y = (
        design(batch.train),
        (batch.train.response.numpy() - batch.features.response_mean) / batch.features.response_std,
    )
    covariance = np.linalg.inv(np.diag(sd**-2) + x.T @ x / noise)
    asked = design(rows)
    unseen = 0.8**2 * (asked[:, :drugs].sum(1) == 0) + 0.4**2 * (asked[:, drugs:].sum(1) == 0)
    pred, scale = fitted.predict(batch.inputs, rows), batch.features.response_std
    mean, variance = asked @ covariance @ x.T @ y / noise, np.einsum("ij,jk,ik->i", asked, covariance, asked) + unseen
    assert set(unseen.round(2)) == {0.0, 0.16, 0.64, 0.8}
    np.testing.assert_allclose(pred.mean, batch.features.response_mean + scale * mean)
    np.testing.assert_allclose(pred.epistemic, scale**2 * variance)


def test_the_method_of_the_page_goes_from_fit_to_report_on_the_command_line(
    method_file: Path, tables: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, report = str(tmp_path / "model"), str(tmp_path / "report")
    ran = bdrp("fit", *tables, "--method", str(method_file), "--option", "drug_sd=2", "--out", model)
    assert ran.exit_code == 0, ran.output
    manifest = TrainedModel.load(model).manifest  # in this process, which has run the file
    assert (manifest["method"], manifest["options"]["drug_sd"]) == ("two_effects", 2.0)
    assert manifest["method_from"]["file"] == "two_effects.py"

    monkeypatch.setattr(source_file, "_RUN", {})  # as in a new process
    refused = bdrp("evaluate", model, "--out", report)
    assert refused.exit_code == 2
    assert "A model folder holds no code" in refused.stderr and "or --method two_effects.py" in refused.stderr
    ran = bdrp("evaluate", model, "--method", str(method_file), "--out", report)
    assert ran.exit_code == 0, ran.output
    predicted = tmp_path / "p.parquet"
    words = ("--drugs", tables[5], "--expression", tables[7], "--method", str(method_file), "--out", str(predicted))
    ran = bdrp("predict", model, *words)
    assert ran.exit_code == 0, ran.output
    assert np.isfinite(pd.read_parquet(predicted)["mean"]).all()


def test_the_screen_of_the_page_passes_every_check(screen_file: Path) -> None:
    assert "loading twice gives the same" in check_source(screen_file, root=screen_file.parent)


def test_the_screen_of_the_page_says_its_ic50_in_the_measures_unit(screen_file: Path, tiny_screen: Screen) -> None:
    screen = sources.load(screen_file, screen_file.parent)
    keys = ["cell_line_id", "drug_id", "response"]
    left, right = (each.responses[keys].sort_values(keys, ignore_index=True) for each in (screen, tiny_screen))
    pd.testing.assert_frame_equal(left, right, check_dtype=False)
    assert screen.responses["upper_limit"].to_numpy() == pytest.approx(np.log(10))


def test_the_screen_of_the_page_is_fitted_by_the_command_line(screen_file: Path, tmp_path: Path) -> None:
    words = ("--screen", str(screen_file), "--root", str(tmp_path), "--method", "mean_effects")
    ran = bdrp("fit", *words, "--out", str(tmp_path / "model"))
    assert ran.exit_code == 0, ran.output
    assert TrainedModel.load(tmp_path / "model").manifest["screen"] == "our_screen"
