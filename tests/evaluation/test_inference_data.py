from __future__ import annotations

import warnings

import numpy as np
import pytest

from bdrp.errors import DataError
from bdrp.evaluation import inference_data, posterior_data
from bdrp.predictive import Parameter, PosteriorDraws


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


@pytest.fixture
def make_drawn(make_pairs):
    """Predictions, table, and draws that know the pairs."""

    def make(draws=40):
        pred, table = make_pairs(4, 3)
        rng = np.random.default_rng(0)
        mean = pred.mean + pred.epistemic_std * rng.standard_normal((draws, len(pred)))
        response = mean + pred.aleatoric_std * rng.standard_normal(mean.shape)
        density = -0.5 * ((table["response"].to_numpy() - mean) / pred.aleatoric_std) ** 2 - np.log(pred.aleatoric_std)
        parameters = {
            "w": Parameter(rng.standard_normal((draws, 5)), ("feature",)),
            "intercept": Parameter(rng.standard_normal((draws, 3)), ("compound",), {"compound": ("a", "b", "c")}),
        }
        estimates = {"scale": Parameter(np.array([0.5, 0.1]), ("term",))}
        return PosteriorDraws(mean, response, density, parameters, estimates), pred, table

    return make


def test_posterior_draws_fill_every_group(make_drawn):
    drawn, pred, table = make_drawn()
    data = posterior_data(drawn, pred, table.set_index(np.arange(7, 19)))
    assert set(data.groups()) == {
        *("posterior", "posterior_predictive", "log_likelihood", "observed_data", "constant_data")
    }
    assert data.posterior["w"].shape == (4, 10, 5)
    assert data.posterior["compound"].to_numpy().tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(data.posterior["w"].to_numpy().reshape(40, 5), drawn.parameters["w"].values)
    np.testing.assert_array_equal(data.log_likelihood["response"][1, 2], drawn.log_likelihood[12])
    assert data.constant_data["scale"].to_numpy().tolist() == [0.5, 0.1]
    assert data.observed_data["pair"].to_numpy().tolist() == list(range(7, 19))


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_arviz_stores_posterior_draws_and_reads_them_for_leave_one_out(make_drawn, tmp_path):
    import arviz

    data = posterior_data(*make_drawn(400))
    data.to_netcdf(str(tmp_path / "posterior.nc"), engine="h5netcdf")
    again = arviz.from_netcdf(str(tmp_path / "posterior.nc"), engine="h5netcdf")
    for group in data.groups():
        assert set(again[group].data_vars) == set(data[group].data_vars)
    np.testing.assert_array_equal(again.posterior["intercept"], data.posterior["intercept"])
    assert again.constant_data["drug_id"].to_numpy().tolist() == data.constant_data["drug_id"].to_numpy().tolist()
    one, two = (arviz.loo(which, pointwise=True) for which in (data, again))
    assert one.elpd_loo == two.elpd_loo and len(one.loo_i) == 12


@pytest.mark.parametrize("draws", [41, 2])
def test_draws_that_four_chains_cannot_share_are_refused(make_drawn, draws):
    with pytest.raises(DataError, match=f"{draws} draws know 12 pairs.*multiple of 4"):
        posterior_data(*make_drawn(draws))


def test_draws_of_other_pairs_are_refused(make_drawn):
    drawn, pred, table = make_drawn()
    with pytest.raises(DataError, match="40 draws know 12 pairs, of which 11 are predicted"):
        posterior_data(drawn, pred[1:], table.iloc[1:])
