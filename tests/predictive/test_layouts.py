"""Predictions in the layouts of DrEval and IMPROVE, read back as these read them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import OutputError
from bdrp.predictive import layouts

FRAME = pd.DataFrame(
    {
        "cell_line_id": ["A", "A", "B"],
        "drug_id": ["0012", "7", "7"],
        "mean": [0.123456, 0.5, 0.25],
        "std": 1.0,
        "tissue": ["lung", "lung", "skin"],
    }
)
RESPONSES = pd.DataFrame(
    {
        "cell_line_id": ["B", "A", "A", "C"],
        "drug_id": ["7", "0012", "0012", "7"],
        "response": [0.3, 0.1, 0.2, 0.9],
        "laboratory": ["CCLE", "CCLE", "gCSI", "CCLE"],
    }
)


def test_dreval_reads_back_what_was_written(tmp_path):
    path = tmp_path / "predictions_split_0.csv"
    assert layouts.write(FRAME, RESPONSES, "ln_ic50_um", "dreval", path) == 3
    read = pd.read_csv(path, dtype={"pubchem_id": str, "cell_line_name": str}, low_memory=False)  # as its from_csv does
    assert list(read.columns) == ["cell_line_name", "pubchem_id", "response", "predictions", "tissue"]
    assert read["pubchem_id"].tolist() == ["7", "0012", "0012"]
    assert read["response"].tolist() == [0.3, 0.1, 0.2]
    assert read["predictions"].tolist() == [0.25, 0.123456, 0.123456]


def test_improve_reads_back_what_was_written(tmp_path):
    path = tmp_path / "test_y_data_predicted.csv"
    layouts.write(FRAME, RESPONSES, "auc_fraction", "improve", path)
    read = pd.read_csv(path)
    expected = ["source", "improve_chem_id", "improve_sample_id", "study", "auc", "auc_true", "auc_pred"]
    assert list(read.columns) == expected
    assert read["source"].tolist() == ["CCLE", "CCLE", "gCSI"]
    np.testing.assert_allclose(read["auc_true"], [0.3, 0.1, 0.2])
    np.testing.assert_allclose(read["auc_pred"], [0.25, 0.1235, 0.1235], atol=1e-7)
    assert "ln_ic50_um_pred" in layouts.to_improve(FRAME, RESPONSES, "ln_ic50_um")


def test_a_table_of_its_kind_is_replaced_and_no_other(tmp_path):
    path = tmp_path / "p.csv"
    for _ in range(2):
        layouts.write(FRAME, RESPONSES, "auc_fraction", "dreval", path)
    with pytest.raises(OutputError, match="A result may replace an earlier result of its kind"):
        layouts.write(FRAME, RESPONSES, "auc_fraction", "improve", path)
    with pytest.raises(OutputError, match="is CSV, and .* is asked for"):
        layouts.check_place(tmp_path / "p.parquet", "dreval")
    with pytest.raises(OutputError, match="no layout 'csa'. Known are dreval, improve"):
        layouts.check_place(path, "csa")
