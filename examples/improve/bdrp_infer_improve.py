"""IMPROVE's third script: the rows of test are predicted, of the study that was trained on or of another.

`python -m examples.improve.bdrp_infer_improve --input_data_dir ml_data --input_model_dir model --output_dir infer`
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from improvelib import utils
from improvelib.applications.drug_response_prediction.config import DRPInferConfig

from examples.improve import ml_data
from examples.improve.bdrp_train_improve import score
from examples.improve.model_params import ask_bdrp, infer_params, read_params


def run(params: dict[str, Any]) -> dict[str, float]:
    """Predict test; its scores. The distributions are in predictions.parquet, for `columns.py`."""
    data, out = Path(params["input_data_dir"]), utils.create_outdir(params["output_dir"])
    rows = pd.read_parquet(data / utils.build_ml_data_file_name(params["data_format"], "test"))
    model = Path(params["input_model_dir"]) / "model"
    predicted = ask_bdrp(params).predict(model, out, rows, ml_data.read_features(data))["mean"].to_numpy()
    return score(params, rows["response"].to_numpy(), predicted, "test", data)


if __name__ == "__main__":
    run(read_params(DRPInferConfig(), infer_params))
