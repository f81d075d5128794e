"""A model folder says which model it is, and what it was trained on, without its tensors."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bdrp.errors import ModelFolderError
from bdrp.files import sealed_json
from bdrp.fitted.identity import digest_of, read_identity
from bdrp.fitted.model import TrainedModel


def test_the_identity_is_the_manifest_s_digest_with_the_lines_and_drugs_of_training(trained, tiny_screen):
    model, folder = trained
    identity = read_identity(folder)
    assert (
        identity.digest
        == TrainedModel.load(folder).digest
        == json.loads((folder / "manifest.json").read_text())["digest"]
    )
    assert identity.lines == set(model.features.lines) <= set(tiny_screen.expression.index)
    assert identity.drugs == set(model.applicability_domain.drug_ids)
    assert identity.measure == model.features.measure


def test_predictions_name_the_model_that_was_read_and_none_that_was_only_fitted(trained, tiny_screen, tmp_path):
    from bdrp import predict
    from bdrp.predictive import Predictions

    fitted, folder = trained
    assert predict(fitted, screen=tiny_screen).model == ""
    predictions = predict(folder, screen=tiny_screen)
    assert predictions.model == read_identity(folder).digest
    predictions.save(tmp_path / "p.parquet")
    assert Predictions.load(tmp_path / "p.parquet").model == predictions.model


def test_a_folder_of_a_version_without_digests_has_the_one_it_would_have():
    manifest = {"format": 1, "files": {}, "measure": "ln_ic50_um"}
    assert digest_of(manifest) == sealed_json.with_digest(manifest)["digest"]
    assert digest_of({**manifest, "digest": "a"}) == "a"


def test_reading_it_loads_no_torch(trained):
    code = (
        "import sys; from bdrp.fitted.identity import read_identity; read_identity(sys.argv[1]);"
        "print([name for name in ('torch', 'pyro', 'sklearn') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(trained[1])], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_an_altered_or_incomplete_folder_is_refused(model_folder, spoil):
    spoil(model_folder, "keys.json", lambda keys: {name: value for name, value in keys.items() if name != "drug_ids"})
    with pytest.raises(ModelFolderError, match="does not say what it was trained on: 'drug_ids'"):
        read_identity(model_folder)
    (model_folder / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ModelFolderError, match="weights.safetensors was altered"):
        read_identity(model_folder)
