"""Draws of the last layer's posterior against its closed-form predictions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bdrp import inference
from bdrp.errors import FitError
from bdrp.features.batch import Batch
from bdrp.inference.method import Fitted, HasWeightDraws, require_weight_draws
from bdrp.predictive import PosteriorDraws

FitOf = Callable[[str], Fitted]
DRAWS = 4000


@pytest.fixture(scope="module")
def drawn(fit_of: FitOf, some_unseen: Batch) -> PosteriorDraws:
    return fit_of("last_layer").draw_posterior(some_unseen.inputs, some_unseen.test, draws=DRAWS, seed=1)


def test_drawn_means_have_the_moments_of_the_closed_form(
    drawn: PosteriorDraws, fit_of: FitOf, some_unseen: Batch
) -> None:
    pred = fit_of("last_layer").predict(some_unseen.inputs, some_unseen.test)
    # new lines and drugs are among the rows; 5 standard errors for some 200 pairs: 1 run in 4,000 would miss by chance
    assert len(pred) < 300
    assert np.abs((drawn.mean.mean(0) - pred.mean) / (pred.epistemic_std / np.sqrt(DRAWS))).max() < 5
    assert drawn.mean.std(0, ddof=1) == pytest.approx(pred.epistemic_std, rel=5 / np.sqrt(2 * DRAWS))


def test_log_densities_are_those_of_the_drawn_mean_and_noise(drawn: PosteriorDraws, some_unseen: Batch) -> None:
    response = some_unseen.test.response.numpy()
    error = drawn.response - drawn.mean
    # averaged over draws, the density at the response is the density of a drawn response's distribution
    sd = error.std(0)
    at = np.exp(drawn.log_likelihood).mean(0)
    kernel = np.exp(-0.5 * ((response - drawn.mean) / sd) ** 2).mean(0) / (sd * np.sqrt(2 * np.pi))
    known = (some_unseen.inputs.drug_effect[some_unseen.test.drug] >= 0).numpy()
    # for known compounds the noise hardly varies between draws, so that one SD a pair says nearly all
    assert np.log(at[known]).mean() == pytest.approx(np.log(kernel[known]).mean(), abs=0.05)


def test_parameters_belong_to_the_same_draws_as_the_means(fit_of: FitOf, some_unseen: Batch) -> None:
    rows = some_unseen.train.select(torch.arange(40))
    drawn = fit_of("last_layer").draw_posterior(some_unseen.inputs, rows, draws=DRAWS, seed=2)
    intercept = drawn.parameters["compound_intercept"]
    named = intercept.labels["compound"]
    assert len(named) == intercept.values.shape[1] == len(torch.unique(rows.drug))
    column = named.index(some_unseen.inputs.drug_ids[int(rows.drug[0])])
    assert np.corrcoef(intercept.values[:, column], drawn.mean[:, 0])[0, 1] > 0.1
    assert drawn.parameters["w"].values.shape[0] == drawn.parameters["line_intercept"].values.shape[0] == DRAWS


def test_draws_follow_their_seed_and_touch_no_global_state(fit_of: FitOf, some_unseen: Batch) -> None:
    fit, rows = fit_of("last_layer"), some_unseen.test.select(torch.arange(5))
    state = torch.random.get_rng_state()
    one, again, other = (fit.draw_posterior(some_unseen.inputs, rows, draws=8, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one.response, again.response) and not np.array_equal(one.mean, other.mean)
    assert torch.equal(state, torch.random.get_rng_state())


def test_many_draws_come_in_passes(fit_of: FitOf, some_unseen: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bdrp.inference.hierarchical.weight_draws.NUMBERS_A_PASS", 1000)
    rows = some_unseen.test.select(torch.arange(30))
    drawn = fit_of("last_layer").draw_posterior(some_unseen.inputs, rows, draws=10, seed=0)
    assert drawn.mean.shape == (10, 30) and len(np.unique(drawn.mean[:, 0])) == 10


def test_what_was_not_measured_has_no_likelihood(fit_of: FitOf, some_unseen: Batch) -> None:
    rows = some_unseen.test.select(torch.arange(3))
    rows.response[1] = torch.nan
    drawn = fit_of("last_layer").draw_posterior(some_unseen.inputs, rows, draws=4, seed=0)
    assert np.isnan(drawn.log_likelihood).all(0).tolist() == [False, True, False]


@pytest.mark.parametrize("name", [name for name in inference.names() if name != "last_layer"])
def test_a_method_either_draws_or_says_that_it_cannot(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    fit, rows = fit_of(name), some_unseen.test.select(torch.arange(3))
    if isinstance(fit, HasWeightDraws):
        assert fit.draw_posterior(some_unseen.inputs, rows, draws=4, seed=0).mean.shape == (4, 3)
        return
    with pytest.raises(FitError, match="has no posterior to draw from.*such as last_layer"):
        require_weight_draws(fit)
