"""Predictions as AnnData, read back as anndata reads them."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import DataError, OutputError
from bdrp.predictive import Normal, Predictions


def without_anndata():
    try:
        import anndata  # noqa: F401 - looked for
    except ImportError:
        return True
    return False


needs_anndata = pytest.mark.skipif(without_anndata(), reason="anndata is not installed: pip install 'bdrp[anndata]'")
KEYS = pd.DataFrame({"cell_line_id": ["L1", "L1", "L2"], "drug_id": ["D1", "D2", "D1"]})


def predictions(keys=KEYS):
    n = len(keys)
    own = Normal.from_std(keys, "ln_ic50_um", np.arange(n) + 0.5, np.full(n, 0.8), np.full(n, 0.6), unit="ln(µM)")
    names = {"line_name": [f"line {one}" for one in keys["cell_line_id"]], "drug_name": keys["drug_id"].str.lower()}
    context = pd.DataFrame(
        {**names, "upper_limit": np.where(keys["drug_id"] == "D1", 2.3, np.nan), "odd": np.arange(n)}
    )
    return Predictions(own, context)


@needs_anndata
def test_lines_are_obs_and_drugs_var_with_a_layer_a_number(tmp_path):
    import anndata

    path, made = tmp_path / "p.h5ad", predictions()
    made.save(path)
    read = anndata.read_h5ad(path)
    assert list(read.obs_names) == ["L1", "L2"] and list(read.var_names) == ["D1", "D2"]
    np.testing.assert_array_equal(read.X, [[0.5, 1.5], [2.5, np.nan]])
    np.testing.assert_allclose(read.layers["std"], [[1, 1], [1, np.nan]])
    assert {"mean", "aleatoric_std", "epistemic_std", "q05", "q50", "q95", "upper_limit"} <= set(read.layers)
    for name in ("q05", "q95"):
        np.testing.assert_allclose(read.layers[name][0], made.distribution.to_frame()[name][:2])
    assert read.obs["line_name"].tolist() == ["line L1", "line L2"] and read.var["drug_name"].tolist() == ["d1", "d2"]
    assert "drug_name" not in read.obs and "odd" not in read.obs
    assert json.loads(read.uns["bdrp"])["unit"] == "ln(µM)"


@needs_anndata
def test_earlier_predictions_are_replaced_and_nothing_else(tmp_path):
    path = tmp_path / "p.h5ad"
    predictions().save(path)
    predictions().save(path)
    path.write_bytes(b"\x89HDF\r\n\x1a\n of others")
    with pytest.raises(OutputError, match="A result may replace an earlier result of its kind and nothing else"):
        predictions().save(path)


@needs_anndata
def test_a_pair_that_is_predicted_twice_has_no_place_in_a_matrix(tmp_path):
    with pytest.raises(OutputError, match=r"cannot hold 1 pairs that are predicted twice \(such as L1 with D1\)"):
        predictions(pd.concat([KEYS, KEYS[:1]], ignore_index=True)).save(tmp_path / "p.h5ad")


def test_without_anndata_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "anndata", None)
    monkeypatch.setitem(sys.modules, "anndata.io", None)
    with pytest.raises(DataError, match=r"pip install 'bdrp\[anndata\]'"):
        predictions().save(tmp_path / "p.h5ad")
    assert not list(tmp_path.iterdir())


@needs_anndata
def test_the_file_is_no_prediction_to_read_again(tmp_path):
    path = tmp_path / "p.h5ad"
    predictions().save(path)
    with pytest.raises(DataError, match=r"\.h5ad is at best a copy to look at"):
        Predictions.load(path)
