from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from bdrp.data.screen import Screen
from bdrp.features.batch import Batch
from bdrp.inference.hierarchical.likelihood import ResponseMoments, standardise_responses
from bdrp.inference.initialisation import solve as starting
from bdrp.inference.initialisation.solve import LinearStart

Make = Callable[..., Any]


def solved(batch: Batch, *, jointly: bool = False, censored: bool = False, factors: int = 2) -> LinearStart:
    return starting.solve(batch, factors, jointly=jointly, censored=censored)


def residual(batch: Batch, start: LinearStart) -> torch.Tensor:
    """(N,) what a start leaves of the training responses."""
    problem = starting._Problem(batch, start.factors.loadings.shape[1])
    return standardise_responses(batch.train, batch.features).response - problem.predict(start)[0]


@pytest.mark.parametrize("jointly", [False, True])
def test_a_start_explains_the_responses_and_knows_how_well(jointly: bool, some_unseen: Batch) -> None:
    start = solved(some_unseen, jointly=jointly)
    left = residual(some_unseen, start)
    assert float(left.square().mean()) < 0.15  # of standardised responses, whose mean square is one
    assert all(torch.isfinite(part).all() for part in (*start.ridge, *start.factors))
    if jointly:
        # noise of a compound is pooled with the others': near, but not equal to, what is left
        ratio = left.square().mean().sqrt() / start.factors.noise.mean()
        assert 0.6 < float(ratio) < 1.1


def test_together_leaves_to_factors_what_apart_gives_to_slopes(some_unseen: Batch) -> None:
    separate, joint = solved(some_unseen), solved(some_unseen, jointly=True)
    slopes = [float(start.ridge.mean[:, 1:].square().sum(1).mean()) for start in (separate, joint)]
    lines = [float(start.factors.mean.square().sum(1).mean()) for start in (separate, joint)]
    assert slopes[1] < slopes[0] and lines[1] > lines[0]


def test_apart_analyses_what_lines_would_leave_had_they_not_been_fitted(some_unseen: Batch) -> None:
    start = solved(some_unseen)
    problem = starting._Problem(some_unseen, 2)
    response = standardise_responses(some_unseen.train, some_unseen.features).response
    lever = start.ridge.leverage(problem.regressors)[problem.compound, problem.row]
    assert float(lever.min()) >= 0 and 0.1 < float(lever.mean()) < 0.9
    left = (response - problem.ridge_mean(start.ridge)) / (1 - lever)
    again = problem._analysis(ResponseMoments(left, torch.zeros_like(left)), start.ridge, starting.FACTOR_STEPS, None)
    assert torch.allclose(again.factors.mean, start.factors.mean, atol=1e-5)
    # a residual over 1 - leverage is that of a fit without the line: here for the first compound, its scales kept
    rows = torch.nonzero(problem.compound == 0)[:, 0]
    x, y = problem.regressors[problem.row[rows]].double(), response[rows].double()
    scale, noise = start.ridge.scale.double(), float(start.ridge.noise[0]) ** 2
    prior = torch.cat([scale[:1], scale[1:] * start.ridge.slope_scale[0]]) ** -2
    for out in range(3):
        rest = torch.arange(len(rows)) != out
        precision = x[rest].T @ x[rest] / noise + torch.diag(prior)
        without = torch.linalg.solve(precision, x[rest].T @ y[rest] / noise)
        assert float(left[rows[out]]) == pytest.approx(float(y[out] - x[out] @ without), abs=0.03)


def test_the_model_is_put_where_the_start_is(some_unseen: Batch, make_method: Make) -> None:
    method = make_method("last_layer", lines="known")
    fitted = method._assemble(some_unseen.features, len(some_unseen.train))
    start = solved(some_unseen, jointly=True)
    start.initialise(fitted.layer)
    coefficients = fitted.layer.coefficients(some_unseen.inputs)
    known = torch.nonzero(some_unseen.inputs.line_effect >= 0)[:, 0]
    at = some_unseen.inputs.line_effect[known]
    mean, covariance = (part[known] for part in (coefficients.u, coefficients.u_covariance))
    assert torch.equal(mean, start.factors.mean[at])
    assert torch.allclose(covariance, start.factors.covariance[at], rtol=5e-3, atol=1e-6)
    drugs = some_unseen.inputs.drug_effect
    trained = drugs >= 0
    assert torch.allclose(coefficients.v_variance[trained], start.ridge.variance[drugs[trained]], rtol=1e-4)
    covariance = start.factors.loadings_covariance[drugs[trained]]
    assert torch.allclose(coefficients.loadings_covariance[trained], covariance, rtol=1e-3, atol=1e-6)
    noise = (fitted.layer.model.noise[0] + fitted.layer.model.compound_noise[:, 0]).exp()
    assert torch.allclose(noise, start.factors.noise, rtol=1e-4)


def test_a_start_has_no_random_numbers(some_unseen: Batch) -> None:
    first, again = solved(some_unseen), solved(some_unseen)
    assert torch.equal(first.factors.mean, again.factors.mean) and torch.equal(first.ridge.mean, again.ridge.mean)


LIMIT = 1.5


@pytest.fixture(scope="module")
def cut(tiny_screen: Screen, make_batch: Callable[..., Batch]) -> tuple[Batch, torch.Tensor]:
    """Responses of drugs of different levels with one upper limit: those beyond are reported at it; and the whole."""
    responses, draw = tiny_screen.responses, np.random.default_rng(0)
    level = dict(zip(tiny_screen.drugs.index, np.linspace(-1, 1.6, len(tiny_screen.drugs)), strict=True))
    whole = responses["drug_id"].map(level).to_numpy() + 0.7 * draw.standard_normal(len(responses))
    responses["upper_limit"], responses["lower_limit"] = LIMIT, np.nan
    responses["response"] = np.minimum(whole, LIMIT)
    tables = tiny_screen.drugs, tiny_screen.cell_lines, tiny_screen.expression
    screen = Screen("s", tiny_screen.measure, responses, *tables)
    return make_batch(screen, np.full(len(responses), "train")), torch.as_tensor(whole)


def levels(batch: Batch, start: LinearStart) -> torch.Tensor:
    """(C,) what is expected of each compound at the average line, in the measure's unit."""
    return batch.features.response_mean + batch.features.response_std * start.ridge.mean[:, 0]


def test_censored_rows_give_back_the_mean_of_the_whole(cut: tuple[Batch, torch.Tensor]) -> None:
    batch, whole = cut
    compound = batch.inputs.drug_effect[batch.train.drug]
    of = [torch.nonzero(compound == c)[:, 0] for c in range(len(batch.features.compounds))]
    true = torch.stack([whole[rows].mean() for rows in of])
    beyond = torch.stack([(batch.train.response[rows] >= LIMIT).double().mean() for rows in of])
    exact = torch.tensor([tobit(batch.train.response[rows].numpy()) for rows in of])
    plain, censored = (levels(batch, solved(batch, censored=flag)) for flag in (False, True))
    most = beyond > 0.2
    assert int(most.sum()) >= 3 and float(beyond.max()) < 0.75
    # taken for measurements, cut responses lower the mean of their compounds by a fifth; as limits, by a third of that
    assert float((plain - true)[most].mean()) < -0.2
    assert abs(float((censored - true)[most].mean())) < 0.1
    # and what is left is what the rows do not tell: the maximum of the likelihood errs alike
    assert float((censored - exact)[most].abs().max()) < 0.05


def tobit(response: np.ndarray) -> float:
    """The mean of a normal of highest likelihood where responses stop at the limit."""

    def loss(at: np.ndarray) -> float:
        normal = stats.norm(at[0], np.exp(at[1]))
        return -float(np.where(response >= LIMIT, normal.logsf(LIMIT), normal.logpdf(response)).sum())

    return float(optimize.minimize(loss, [response.mean(), np.log(response.std())]).x[0])


def test_rows_without_limits_are_solved_alike_whether_censored_or_not(cut: tuple[Batch, torch.Tensor]) -> None:
    batch = cut[0]
    nothing = torch.full_like(batch.train.response, torch.nan)
    bare = replace(batch, train=replace(batch.train, lower_limit=nothing, upper_limit=nothing))
    assert torch.equal(levels(bare, solved(bare, censored=True)), levels(bare, solved(bare)))


def test_what_an_untrained_fit_predicts_is_its_start(some_unseen: Batch, make_method: Make) -> None:
    for kind in ("known", "new"):
        method = make_method("last_layer", lines=kind)
        fitted = method._assemble(some_unseen.features, len(some_unseen.train))
        settled = method.warm_start(some_unseen, fitted.layer)
        assert settled.lines == kind
        pred = fitted.predict(some_unseen.inputs, some_unseen.train)
        start = solved(some_unseen, jointly=kind == "known")
        expected = starting._Problem(some_unseen, 2).predict(start)[0].double().numpy()
        centre, scale = some_unseen.features.response_mean, some_unseen.features.response_std
        assert (pred.mean - centre) / scale == pytest.approx(expected, abs=1e-4)
