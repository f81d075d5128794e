"""What a folder tells without its weights is what the whole model says, and costs none of the libraries of a model."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bdrp.errors import ModelFolderError
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.model_record import ModelRecord


def test_the_record_is_what_the_whole_model_says(trained):
    whole, record = TrainedModel.load(trained[1]), ModelRecord.load(trained[1])
    assert record.manifest == whole.manifest and record.updates == whole.updates == ()
    assert record.recalibration.to_json() == whole.recalibration.to_json()
    assert record.held_out().equals(whole.held_out())
    for name in ("held_out_predictions", "held_out_uncalibrated"):
        one, other = (getattr(each, name)().to_frame() for each in (record, whole))
        assert one.equals(other)
    assert record.posterior_check.metrics == whole.posterior_check.metrics


def test_a_report_is_made_without_the_libraries_of_a_model(trained, tmp_path):
    heavy = ("torch", "pyro", "rdkit", "sklearn", "scipy.stats", "arviz", "netcal", "pandera", "torch_geometric")
    code = (
        "import sys; from bdrp.cli.app import app\n"
        f"app(['evaluate', {str(trained[1])!r}, '--out', {str(tmp_path / 'report')!r}], standalone_mode=False)\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr.strip().splitlines()[-1] == "[]"
    assert (tmp_path / "report/report.html").stat().st_size > 100_000


def test_what_does_not_hold_together_is_refused_by_the_name_of_the_folder(model_folder, spoil):
    spoil(model_folder, "calibration.json", lambda held: {**held, "kind": "of my own"})
    with pytest.raises(ModelFolderError, match=f"{model_folder.name} does not hold together"):
        ModelRecord.load(model_folder)
    (model_folder / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ModelFolderError, match="weights.safetensors was altered"):
        ModelRecord.load(model_folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("seed", value) for value in ("x", -1, [1], 1.5, True)),
        *(("split", value) for value in (3, "x", [], {"parts": {"train": {}}}, {"by": "pair"})),
        *((name, value) for name in ("checksums", "versions", "history") for value in (3, [], "x")),
        *(("notices", value) for value in (3, "x", [3])),
        *((name, value) for name in ("screen", "measure", "unit", "genes", "recalibrator") for value in ([], {}, True)),
        *(("updates", value) for value in (3, "x", [{}], [3], {"a": 1}, [None])),
    ],
)
def test_a_forged_manifest_is_refused_before_anything_is_scored(model_folder, spoil, name, value):
    spoil(model_folder, "manifest.json", lambda held: {**held, name: value})
    with pytest.raises(ModelFolderError, match="does not hold together"):
        ModelRecord.load(model_folder)


def test_a_model_that_is_to_predict_leaves_out_what_was_held_out(trained, tiny_screen):
    without = TrainedModel.load(trained[1], held_out=False)
    assert without.held_out_part is None and without.posterior_check is None
    drugs, profiles = tiny_screen.drugs.head(3), tiny_screen.expression.head(2)
    expected = TrainedModel.load(trained[1]).predict(drugs, profiles).distribution
    assert without.predict(drugs, profiles).distribution.to_frame().equals(expected.to_frame())
