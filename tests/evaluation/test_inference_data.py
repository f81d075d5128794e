from __future__ import annotations

import warnings

import numpy as np
import pytest

from bdrp.errors import DataError
from bdrp.evaluation import inference_data


@pytest.fixture(autouse=True)
def _quiet_arviz():
    """ArviZ announces its own future when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz  # noqa: F401


def test_draws_keys_and_responses_line_up(make_pairs):
    pred, table = make_pairs(10, 5)
    data = inference_data(pred, table, draws=500)
    assert data.posterior_predictive["response"].shape == (4, 500, 50)
    np.testing.assert_array_equal(data.observed_data["response"], table["response"])
    assert data.constant_data["drug_id"].to_numpy().tolist() == table["drug_id"].tolist()
    means = data.posterior_predictive["response"].mean(("chain", "draw")).to_numpy()
    assert np.all(np.abs(means - pred.mean) < 5 * pred.std / np.sqrt(2000))


def test_more_pairs_than_wanted_are_subsampled_and_named_by_row(make_pairs):
    pred, table = make_pairs(10, 5)
    data = inference_data(pred, table, most_pairs=7, seed=3)
    rows = data.observed_data["pair"].to_numpy()
    assert len(set(rows)) == 7
    np.testing.assert_array_equal(data.observed_data["response"], table["response"].to_numpy()[rows])


def test_arviz_can_store_it(make_pairs, tmp_path):
    import arviz

    data = inference_data(*make_pairs(4, 3), draws=5)
    data.to_netcdf(str(tmp_path / "check.nc"), engine="h5netcdf")
    again = arviz.from_netcdf(str(tmp_path / "check.nc"), engine="h5netcdf")
    np.testing.assert_array_equal(again.observed_data["response"], data.observed_data["response"])
    assert again.attrs["measure"] == "ln_ic50_um"


def test_nothing_asked_for_is_refused(make_pairs):
    with pytest.raises(DataError, match="0 draws"):
        inference_data(*make_pairs(4, 3), draws=0)
