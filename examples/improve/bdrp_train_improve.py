"""IMPROVE's second script: bdrp is fitted on the rows of train, and scored on those of val.

`python -m examples.improve.bdrp_train_improve --input_dir ml_data --output_dir model`
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from improvelib import utils
from improvelib.applications.drug_response_prediction.config import DRPTrainConfig

from examples.improve import ml_data
from examples.improve.model_params import ask_bdrp, read_params, train_params


def run(params: dict[str, Any]) -> dict[str, float]:
    """Fit, and predict val; its scores."""
    data, out = Path(params["input_dir"]), utils.create_outdir(params["output_dir"])
    features, bdrp = ml_data.read_features(data), ask_bdrp(params)
    rows = {
        stage: pd.read_parquet(data / utils.build_ml_data_file_name(params["data_format"], stage)).assign(part=part)
        for stage, part in ml_data.PARTS.items()
    }
    bdrp.fit(out, pd.concat(rows.values()), features)
    predicted = bdrp.predict(out / "model", out, rows["val"], features)["mean"].to_numpy()
    return score(params, rows["val"]["response"].to_numpy(), predicted, "val", data)


def score(params: dict[str, Any], observed: Any, predicted: Any, stage: str, data: Path) -> dict[str, float]:
    """Write a stage's predictions and scores, as IMPROVE does, and hand back the scores."""
    about = {"stage": stage, "output_dir": params["output_dir"]}
    utils.store_predictions_df(
        y_true=observed, y_pred=predicted, y_col_name=params["y_col_name"], input_dir=str(data), **about
    )
    scores = utils.compute_performance_scores(
        y_true=observed, y_pred=predicted, metric_type=params["metric_type"], **about
    )
    return dict(scores)


if __name__ == "__main__":
    run(read_params(DRPTrainConfig(), train_params))
