from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdrp.data.measures import MEASURES
from bdrp.fitted.model import TrainedModel
from bdrp.predictive import Normal, Predictions
from bdrp.report.answers import Answer, ask_model, ask_predictions

MEANS = {"Sure": -2.0, "Open": 2.0, "Beyond": 9.0, "Edge": math.log(10.0)}


def predicted(measure: str = "ln_ic50_um", lines: int = 1, **context: Any) -> Predictions:
    """Lines with four drugs, of which the highest dose is 10 µM and the lowest 0.01 µM."""
    ids = [f"L{i + 1}" for i in range(lines)]
    keys = pd.DataFrame({"cell_line_id": np.repeat(ids, 4), "drug_id": [f"D{i}" for i in range(4)] * lines})
    small = 1.0 if measure == "ln_ic50_um" else 0.1
    means = list(MEANS.values()) if measure == "ln_ic50_um" else [0.2, 0.6, 0.8, 0.5]
    tiled = np.tile(means, lines) + 0.02 * small * np.repeat(np.arange(lines), 4)
    deviations = [[deviation * small] * len(keys) for deviation in (0.4, 0.03)]
    pred = Normal.from_std(keys, measure, tiled, *deviations, unit=MEASURES[measure].unit)
    held = {
        "drug_name": list(MEANS) * lines, "tissue": "Lung", "drug_similarity": 1.0, "line_distance_percentile": 0.2,
        "nearest_drugs": [f"{name} (1.00); Other; one (0.62)" for name in MEANS] * lines,
        "line_name": [line.replace("L", "LINE-") for line in keys["cell_line_id"]],
        "lower_limit": math.log(0.01), "upper_limit": math.log(10.0),
    }  # fmt: skip
    return Predictions(pred, pd.DataFrame(held | context, index=range(len(keys))))


@pytest.fixture(scope="session")
def make_predictions() -> Callable[..., Predictions]:
    """`make_predictions(measure, lines, **context)`: four drugs on each line."""
    return predicted


@pytest.fixture(scope="session")
def few() -> Answer:
    """Four drugs ranked for one line."""
    return ask_predictions(predicted(), line="line1")


@pytest.fixture(scope="session")
def of_line(trained: tuple[TrainedModel, Any], tiny_screen: Any) -> Answer:
    """The tiny screen's drugs ranked for its first line."""
    return ask_model(trained[0], tiny_screen, line=str(tiny_screen.cell_lines["name"].iloc[0]))


@pytest.fixture(scope="session")
def of_drug(trained: tuple[TrainedModel, Any], tiny_screen: Any) -> Answer:
    """The tiny screen's lines ranked for one of its drugs."""
    return ask_model(trained[0], tiny_screen, drug=str(tiny_screen.drugs["name"].iloc[4]))
