"""bdrp in DrEval: its tables, the columns beside its board, and, where drevalpy is installed, its model."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bdrp.data.screen import Screen
from bdrp.predictive import Normal
from examples.dreval.address import address
from examples.dreval.columns import tabulate
from examples.dreval.tables import write

LINES, DRUGS = ["1", "2", "3", "4"], ["a", "b", "a", "b"]
OBSERVED, MEANS = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.5, 1.0, 5.0, 3.0])


def test_the_tables_hold_the_screen_that_they_were_made_of(corner: Screen, tmp_path: Path) -> None:
    write(corner, tmp_path, "Toy")
    rows = pd.read_csv(tmp_path / "Toy/Toy.csv", dtype={"cell_line_name": str, "pubchem_id": str})
    wanted = corner.responses.rename(columns={"cell_line_id": "cell_line_name", "drug_id": "pubchem_id"})
    joined = rows.merge(wanted, on=["cell_line_name", "pubchem_id"], validate="one_to_one")
    assert len(joined) == len(wanted)
    np.testing.assert_allclose(joined["LN_IC50"], joined["response"])
    genes = pd.read_csv(tmp_path / "meta/gene_lists/landmark_genes_reduced.csv")["Symbol"]
    assert set(genes) <= set(pd.read_csv(tmp_path / "Toy/gene_expression.csv", nrows=1).columns)
    bits = pd.read_csv(tmp_path / "Toy/drug_fingerprints/pubchem_id_to_demorgan_128_map.csv")
    assert bits.shape == (128, len(corner.drugs)) and set(np.unique(bits)) == {0, 1}


def test_the_columns_beside_the_board_are_those_of_the_formulas(tmp_path: Path) -> None:
    results, kept = tmp_path / "results", tmp_path / "kept"
    kept.mkdir()
    table = pd.DataFrame({"cell_line_name": LINES, "pubchem_id": DRUGS, "response": OBSERVED, "predictions": MEANS})
    for model, means in (("Bdrp", MEANS), ("Point", MEANS + 1)):
        place = results / "LCO" / model / "predictions"
        place.mkdir(parents=True)
        table.assign(predictions=means).to_csv(place / "predictions_split_0.csv")
    keys = pd.DataFrame({"cell_line_id": LINES, "drug_id": DRUGS}).iloc[::-1].reset_index(drop=True)
    Normal(keys, "ln_ic50_um", MEANS[::-1], np.full(4, 1.0), np.zeros(4)).save(kept / f"{address(MEANS)}.parquet")
    ours, point = tabulate(results, kept).set_index("model").loc[["Bdrp", "Point"]].to_dict("records")
    z = OBSERVED - MEANS
    crps = z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi)  # Gneiting and Raftery 2007
    assert ours["crps"] == pytest.approx(crps.mean(), abs=1e-6)
    assert ours["coverage_90"] == 0.75 and ours["width_90"] == pytest.approx(2 * stats.norm.ppf(0.95), abs=1e-6)
    assert ours["rmse"] == pytest.approx(np.sqrt((0.25 + 9) / 4))
    assert point["crps"] == pytest.approx(np.abs(OBSERVED - MEANS - 1).mean()) and np.isnan(point["coverage_90"])


def test_drevalpy_trains_it_and_asks_it(corner: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("drevalpy", reason="drevalpy needs an environment of its own")
    command = os.environ.get("BDRP") or shutil.which("bdrp")
    if command is None:
        pytest.skip("no command bdrp: set BDRP")
    from drevalpy.datasets.loader import load_dataset
    from drevalpy.experiment import train_and_predict

    from examples.dreval.model import BdrpModel

    monkeypatch.setenv("BDRP", command)
    monkeypatch.setenv("BDRP_KEPT", str(tmp_path / "kept"))
    write(corner, tmp_path, "Toy")
    data = load_dataset("Toy", str(tmp_path), measure="LN_IC50")
    data.split_dataset(n_cv_splits=4, mode="LCO", split_validation=True, validation_ratio=0.2, random_state=0)
    split = data.cv_splits[0]
    asked = {"method": "ridge", "unit": "ln_ic50_um", "gene_list": None}
    done = train_and_predict(BdrpModel(), asked, str(tmp_path), split["train"], split["test"], split["early_stopping"])
    assert np.isfinite(done.predictions).all() and len(done.predictions) == len(split["test"])
    assert (tmp_path / "kept" / f"{address(done.predictions)}.parquet").is_file()
