"""Predictions as a table to read, and as a frame to compute with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.predictive import Normal, Predictions

KEYS = pd.DataFrame({"cell_line_id": ["L1", "L1", "L2"], "drug_id": ["D1", "D2", "D1"]})


@pytest.fixture
def predictions():
    pred = Normal.from_std(KEYS, "ln_ic50_um", [1.0, -2.0, 0.0], [0.5] * 3, [0.1] * 3, unit="ln(µM)")
    context = {"drug_name": ["Alpha", "", "Alpha"], "line_name": ["One", "One", ""], "upper_limit": np.log([10, 5, 10])}
    return Predictions(pred, pd.DataFrame(context))


def test_a_frame_has_everything_in_the_measures_unit(predictions):
    frame = predictions.to_frame()
    assert frame[["mean", "drug_name", "upper_limit"]].equals(
        pd.concat([predictions.distribution.to_frame(), predictions.context], axis=1)[
            ["mean", "drug_name", "upper_limit"]
        ]
    )
    assert len(frame) == 3 and frame["q50"].tolist() == pytest.approx([1.0, -2.0, 0.0])


def test_a_table_shows_the_most_sensitive_first_by_name_in_micromolar(predictions):
    table = predictions.table(top=2)
    assert table[["line", "drug"]].to_numpy().tolist() == [["One", "D2"], ["L2", "Alpha"]]
    assert table["predicted, µM"].tolist() == [0.135, 1.0]
    assert table["highest_dose, µM"].tolist() == [5.0, 10.0] and "lowest_dose, µM" not in table
    assert len(predictions.table(top=None)) == 3


def test_other_responses_keep_their_unit(predictions):
    pred = Normal.from_std(
        KEYS, "auc_fraction", [0.5, 0.9, 0.25], [0.1] * 3, [0.1] * 3, unit="fraction of full viability"
    )
    table = Predictions(pred, predictions.context).table()
    assert table["predicted, fraction of full viability"].tolist() == [0.25, 0.5, 0.9]
    assert not [column for column in table if "dose" in column]
