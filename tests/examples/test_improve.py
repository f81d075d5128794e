"""bdrp in IMPROVE: the tables of its layout, and, where improvelib is installed, its three scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources
from bdrp.data.screen import Screen
from bdrp.data.sources import csa
from examples.improve import columns, ml_data
from examples.improve.tables import write
from examples.over_files.asking import Features


@pytest.fixture(scope="session")
def benchmark(tmp_path_factory: pytest.TempPathFactory, corner: Screen) -> Path:
    """The corner as one study in the layout of csa_data; its responses, squeezed into fractions."""
    folder = tmp_path_factory.mktemp("csa")
    rows = corner.responses
    fractions = (1 / (1 + np.exp(-rows["response"]))).round(4)
    area = replace(
        corner,
        measure=sources.load("simulated", measure="auc_fraction").measure,
        responses=rows.assign(response=fractions, lower_limit=np.nan, upper_limit=np.nan, laboratory="ccle"),
    )
    write(area, folder)
    return folder


def test_what_is_written_is_read_as_the_benchmark_is(benchmark: Path, corner: Screen) -> None:
    screen, split = sources.load("csa", benchmark), csa.read_split(benchmark, "CCLE", 0)
    assert len(screen.responses) == len(corner.responses) == len(split)
    assert set(screen.expression.columns) == set(corner.expression.columns)
    assert split["part"].value_counts(normalize=True).round(2).to_dict() == {
        "train": 0.8,
        "validation": 0.1,
        "test": 0.1,
    }


def test_rows_without_expression_or_structure_are_left_out() -> None:
    features = Features(pd.DataFrame({"TP53": [1.0]}, index=["A"]), pd.Series({"d": "CCO"}))
    rows = pd.DataFrame({"sample": ["A", "B", "A"], "chem": ["d", "d", "e"], "auc": [0.1, 0.2, 0.3]})
    assert ml_data.keep_described(rows, features, ["sample", "chem"])["auc"].tolist() == [0.1]


def test_ids_that_are_numbers_are_text_for_bdrp(tmp_path: Path) -> None:
    features = Features(pd.DataFrame({"TP53": [1.0]}, index=[906800]), pd.Series({7: "CCO"}))
    rows = pd.DataFrame({"sample": [906800], "chem": [7], "auc": [0.1]})
    ml_data.write_rows(rows, tmp_path / "rows.parquet", ["sample", "chem", "auc"])
    ml_data.write_features(features, tmp_path)
    written, read = pd.read_parquet(tmp_path / "rows.parquet"), ml_data.read_features(tmp_path)
    assert written[["cell_line_id", "drug_id"]].to_numpy().tolist() == [["906800", "7"]]
    assert read.expression.index.tolist() == ["906800"] and read.smiles.to_dict() == {"7": "CCO"}


def test_tables_come_back_as_they_were_written(corner: Screen, tmp_path: Path) -> None:
    written = Features(corner.expression, corner.drugs["smiles"])
    ml_data.write_features(written, tmp_path)
    read = ml_data.read_features(tmp_path)
    pd.testing.assert_frame_equal(read.expression, written.expression, check_names=False)
    assert read.smiles.to_dict() == written.smiles.to_dict()


def test_the_three_scripts_run_one_after_the_other(benchmark: Path, tmp_path: Path) -> None:
    pytest.importorskip("improvelib", reason="improvelib is not installed")
    bdrp = f"{sys.executable} -m bdrp"
    for script, words in (
        ("preprocess", ["--input_dir", benchmark / "raw_data", "--output_dir", tmp_path / "data"]),
        ("train", ["--input_dir", tmp_path / "data", "--output_dir", tmp_path / "model", "--bdrp_method", "ridge"]),
        ("infer", ["--input_data_dir", tmp_path / "data", "--input_model_dir", tmp_path / "model"]),
    ):
        asked = [] if script == "preprocess" else ["--bdrp", bdrp]
        where = ["--output_dir", tmp_path / "infer"] if script == "infer" else []
        words = ["-m", f"examples.improve.bdrp_{script}_improve", *map(str, [*words, *where]), *asked]
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join([root, *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
        subprocess.run([sys.executable, *words], check=True, cwd=root, env=os.environ | {"PYTHONPATH": path})
    table = pd.read_csv(tmp_path / "infer/test_y_data_predicted.csv")
    scores = json.loads((tmp_path / "infer/test_scores.json").read_text())
    assert scores["rmse"] == pytest.approx(np.sqrt(((table["auc_true"] - table["auc_pred"]) ** 2).mean()), abs=1e-4)
    assert 0 <= columns.score(tmp_path / "infer")["coverage_90"] <= 1
    assert (tmp_path / "model/val_scores.json").is_file()
