"""One value for every weight: the maximum of the joint density, and nothing else moved."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from bdrp.errors import FitError
from bdrp.features.batch import Batch
from bdrp.inference.hierarchical.likelihood import standardise_responses
from bdrp.inference.hierarchical.model import Block
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.hierarchical.predictor import Weights
from bdrp.inference.method import Runtime, require_weight_draws
from bdrp.inference.network.point import PointFit, PointModel

Make = Callable[..., Any]


def joint_of(quality: ModuleType, parts: str = "wvu") -> tuple[Any, PointModel, Block, torch.Tensor]:
    """The small problem whose posterior is known, loadings held at 0, and its responses."""
    task = quality.problem(parts=parts)
    torch.manual_seed(3)
    response = quality.simulated(task)[1]
    point = PointEstimate(task.model)
    point.g_mean.requires_grad_(False)
    return task, PointModel(task.model, point), task.block._replace(seen=quality.measured(response)), response


def flatten_weights(point: PointEstimate) -> torch.Tensor:
    return torch.cat([part.flatten() for part in (point.w_mean, point.v_mean, point.u_mean)])


@torch.no_grad()
def place(point: PointEstimate, weights: torch.Tensor) -> None:
    start = 0
    for part in (point.w_mean, point.v_mean, point.u_mean):
        part.copy_(weights[start : start + part.numel()].reshape(part.shape))
        start += part.numel()


def test_the_gradient_is_zero_at_the_mean_of_the_exact_posterior_and_nowhere_near(quality: ModuleType) -> None:
    with quality.quickly():
        task, joint, block, response = joint_of(quality)
        mean, covariance = quality.exact(task, response)
        weights = [joint.point.w_mean, joint.point.v_mean, joint.point.u_mean]
        sizes = []
        for at in (mean, mean + 0.3 * covariance.diagonal().sqrt()):
            place(joint.point, at.float())
            gradient = torch.autograd.grad(joint(task.inputs, block), weights)
            sizes.append(float(torch.cat([part.flatten() for part in gradient]).abs().max()))
    assert sizes[0] < 1e-5 < 100 * sizes[0] < sizes[1]


def test_descent_ends_at_the_ridge_in_closed_form(quality: ModuleType) -> None:
    with quality.quickly():
        task, joint, block, response = joint_of(quality)
        mean, covariance = quality.exact(task, response)
        weights = [parameter for parameter in joint.point.parameters() if parameter.requires_grad]
        optimiser = torch.optim.LBFGS(weights, max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-7)

        def loss() -> torch.Tensor:
            optimiser.zero_grad()
            value: torch.Tensor = joint(task.inputs, block)
            value.backward()
            return value

        optimiser.step(loss)
    # single precision leaves a hundredth of a posterior SD
    assert float(((flatten_weights(joint.point).detach() - mean) / covariance.diagonal().sqrt()).abs().max()) < 0.02


def test_the_loss_is_the_pyro_models_joint_density_a_response(quality: ModuleType) -> None:
    from pyro import poutine

    with quality.quickly(), torch.no_grad():
        task, joint, block, _ = joint_of(quality)
        half = block._replace(masked=block.line % 2 == 0)
        losses = {}
        for name, one in (("seen", block), ("masked", half)):
            values = []
            for seed in (0, 1):
                torch.manual_seed(seed)
                point = joint.point
                for part in (point.w_mean, point.v_mean, point.u_mean, point.g_mean):
                    part.copy_(0.3 * torch.randn(part.shape))
                held = Weights(point.w_mean, point.v_mean, point.g_mean, point.u_mean)
                model = poutine.condition(task.model, held._asdict())
                density = poutine.trace(model).get_trace(task.inputs, one).log_prob_sum()
                values.append(float(joint(task.inputs, one) + density / task.model.responses))
            losses[name] = values
    # apart from the constants of the prior densities, which no weight moves
    for values in losses.values():
        assert values[0] == pytest.approx(values[1], abs=1e-4)


def test_what_is_masked_of_a_line_moves_none_of_its_own_weights(quality: ModuleType) -> None:
    with quality.quickly():
        task, joint, block, response = joint_of(quality)
        place(joint.point, 0.1 * torch.ones(len(task.scale)))
        half = block._replace(masked=block.line % 2 == 0)
        joint(task.inputs, half).backward()
    assert joint.point.u_mean.grad is not None
    moved = joint.point.u_mean.grad.abs().sum(1) > 0
    assert moved.tolist() == [line % 2 == 1 for line in range(task.model.lines)]


def test_rows_of_a_masked_line_are_scored_by_the_marginal_over_its_deviation(quality: ModuleType) -> None:
    with quality.quickly(), torch.no_grad():
        task, joint, block, response = joint_of(quality)
        place(joint.point, 0.1 * torch.randn(len(task.scale)))
        point, model = joint.point, task.model
        weights = Weights(point.w_mean, point.v_mean, point.g_mean, point.u_mean)
        rows = model.row_moments(task.inputs, block, weights)
        found = model.log_likelihood(block._replace(masked=torch.ones_like(block.masked)), rows)
        # the same by Monte Carlo over u from its prior
        many = 4000
        u = torch.randn(many, *point.u_mean.shape) * model.log_line_scale.exp()
        by_line = task.terms.by_line[block.drug]
        shared = (u[:, block.line] * by_line).sum(-1)
        sd = task.terms.log_noise(task.terms.own, task.terms.own).exp()
        densities = torch.distributions.Normal(rows.new_mean + shared, sd).log_prob(response).exp()
    error = densities.std(0) / many**0.5
    # five standard errors of 60 densities: 1 run in 30,000 would miss by chance
    assert float(((densities.mean(0) - found.exp()) / error).abs().max()) < 5


@pytest.mark.parametrize("lines", ["known", "new"])
def test_prior_scales_and_effects_of_new_lines_stay_where_the_start_put_them(
    lines: str, make_method: Make, some_unseen: Batch
) -> None:
    method = make_method("deterministic", lines=lines, epochs=4)
    started = method._assemble(some_unseen.features, len(some_unseen.train))
    with torch.random.fork_rng(devices=[]):
        method.warm_start(some_unseen, started.layer)
    fitted = method.fit(some_unseen, Runtime())
    for before, after in zip(started.layer.model.prior_scales(), fitted.layer.model.prior_scales(), strict=True):
        assert torch.equal(before, after)
    moved = [
        name
        for name in ("w_mean", "u_mean", "g_mean")
        if getattr(fitted.layer.guide, name).ne(getattr(started.layer.guide, name)).any()
    ]
    assert moved == (["w_mean"] if lines == "new" else ["w_mean", "u_mean", "g_mean"])


def test_a_point_doubts_only_what_it_was_not_trained_on(make_method: Make, some_unseen: Batch) -> None:
    fit, inputs = make_method("deterministic").fit(some_unseen, Runtime()), some_unseen.inputs
    assert isinstance(fit, PointFit)
    assert not fit.predict(inputs, some_unseen.train).epistemic.any()
    rows = some_unseen.test
    new = ((inputs.drug_effect[rows.drug] < 0) | (inputs.line_effect[rows.line] < 0)).numpy()
    epistemic = fit.predict(inputs, rows).epistemic
    assert (epistemic[new] > 0).all() and not epistemic[~new].any()


def test_training_lowers_the_loss_of_the_start(make_method: Make, some_unseen: Batch) -> None:
    fit = make_method("deterministic", lines="known", epochs=12).fit(some_unseen, Runtime())
    losses = fit.history["losses"]
    assert np.mean(losses[-2:]) < np.mean(losses[:2])


def test_a_point_has_no_posterior_to_draw_from(make_method: Make, some_unseen: Batch) -> None:
    fit = make_method("deterministic").fit(some_unseen, Runtime())
    with pytest.raises(FitError, match="has no posterior to draw from"):
        require_weight_draws(fit)


def test_many_points_have_the_losses_that_each_has_alone(make_method: Make, some_unseen: Batch) -> None:
    method, train = make_method("deterministic", likelihood="censored"), some_unseen.train
    models = []
    for seed in range(3):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            fitted = method._assemble(some_unseen.features, len(train))
            method.warm_start(some_unseen, fitted.layer)
        models.append(PointModel(fitted.layer.model, fitted.layer.guide).eval())
    lines, line = torch.unique(train.line, return_inverse=True)
    block = Block(lines, line, train.drug, standardise_responses(train, some_unseen.features), line % 2 == 0)
    parameters, buffers = stack_module_state(models)  # type: ignore[no-untyped-call]

    def loss(state: Any, fixed: Any) -> torch.Tensor:
        value: torch.Tensor = functional_call(models[0], (state, fixed), (some_unseen.inputs, block))
        return value

    with torch.no_grad():
        together = vmap(loss)(parameters, buffers)
        alone = [float(model(some_unseen.inputs, block)) for model in models]
    assert together.tolist() == pytest.approx(alone, rel=1e-4)
