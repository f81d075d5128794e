from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bdrp import report
from bdrp.errors import OutputError
from bdrp.fitted.model_record import ModelRecord


@pytest.fixture
def trained(case, unrendered, monkeypatch):
    """A stand-in for what the folder of a trained model tells."""
    model = SimpleNamespace(
        held_out=lambda: case.observed,
        held_out_predictions=lambda: case.pred,
        held_out_uncalibrated=lambda: case.pred.scale(0.7),
        posterior_check=None,
        updates=(),
        recalibration=SimpleNamespace(to_json=lambda: {"kind": "variance_scaling", "factor": 1.43}),
        manifest={
            "method": "last_layer",
            "seed": 0,
            "screen": "simulated",
            "split": {"by": "cell_line", "parts": {"test": {"pairs": 600}}},
            "history": {"loss": [3.0, 2.0]},
        },
    )
    monkeypatch.setattr(ModelRecord, "load", lambda *_: model)
    return model


def test_a_model_folder_is_scored_on_its_own_held_out_pairs(trained, case, tmp_path):
    scores = report.evaluate(tmp_path / "model", tmp_path / "out")
    assert scores.to_dict() == case.scores.to_dict()
    record = json.loads((tmp_path / "out/scores.json").read_text(encoding="utf-8"))
    assert record["point"]["rmse"] == scores.metrics["point"]["rmse"]
    assert record["before_recalibration"]["coverage"]["90"]["coverage"] < record["coverage"]["90"]["coverage"]
    assert record["model"]["recalibration"]["factor"] == 1.43
    assert record["split"] == trained.manifest["split"]
    assert "history" not in record["model"]


def test_a_model_without_predictions_before_recalibration_gives_a_page_without_that_comparison(trained, tmp_path):
    trained.held_out_uncalibrated = lambda: None
    report.evaluate(tmp_path / "model", tmp_path / "out")
    assert "Before recalibration" not in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "out/scores.json").read_text(encoding="utf-8"))["before_recalibration"] is None


def test_a_report_does_not_go_into_the_model_folder_itself(trained, tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(OutputError, match="report.html, .*scores.json .within .*model, an input"):
        report.evaluate(tmp_path / "model", tmp_path / "out/../model")
    assert not any((tmp_path / "model").iterdir())


def test_the_room_is_entered_without_plotting_or_templates():
    heavy = "{'matplotlib', 'jinja2', 'torch', 'arviz'}"
    code = f"import sys, bdrp.report; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
