"""The Gaussian process against its dense closed form, on a screen small enough to write out every pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from bdrp.data.screen import Screen
from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch, Inputs, Pairs
from bdrp.features.molecules import tanimoto
from bdrp.inference import gaussian_process
from bdrp.inference.gaussian_process import GaussianProcessFit, GaussianProcessMethod
from bdrp.inference.kronecker import kernels as kronecker
from bdrp.inference.kronecker.kernels import Grid, average_replicates, covariance, solve
from bdrp.inference.kronecker.preconditioning import build_preconditioner
from bdrp.inference.method import Runtime

Fit = tuple[Batch, GaussianProcessFit]


@pytest.fixture(scope="module")
def small(tiny_screen: Screen, make_batch: Callable[..., Batch]) -> Fit:
    """Some drugs and lines unseen, a fifth of the pairs missing, some measured two or three times; many draws."""
    responses = tiny_screen.responses
    again = pd.concat([responses, responses.iloc[::7].assign(response=lambda rows: rows["response"] + 0.5)])
    again = pd.concat([again, responses.iloc[::35]], ignore_index=True)
    screen = Screen("s", tiny_screen.measure, again, tiny_screen.drugs, tiny_screen.cell_lines, tiny_screen.expression)
    new = again["cell_line_id"].isin(tiny_screen.expression.index[::4]) | again["drug_id"].isin(["D003", "D007"])
    batch = make_batch(screen, np.where(new | (np.arange(len(again)) % 5 == 0), "test", "train"))
    return batch, GaussianProcessMethod(draws=2_000, steps=8, tolerance=1e-5).fit(batch, Runtime(seed=2))


class Dense(NamedTuple):
    """Posterior of the test pairs' g, written out."""

    mean: np.ndarray
    covariance: np.ndarray
    noise: np.ndarray


def kernel(inputs: Inputs, scales: np.ndarray, left: Pairs, right: Pairs) -> np.ndarray:
    """The formula of the docstring, pair by pair."""
    a1, a2, a3, b1, b2, b3, c1, c2, c3, r = scales
    bits, genes = inputs.molecules.fingerprints.double(), inputs.genes.double().numpy()
    alike = tanimoto(bits, bits).numpy()[np.ix_(left.drug, right.drug)]
    same_drug = np.equal.outer(left.drug.numpy(), right.drug.numpy())
    same_line = np.equal.outer(left.line.numpy(), right.line.numpy())
    linear = (genes @ genes.T / genes.shape[1])[np.ix_(left.line, right.line)]
    distance = ((genes[:, None] - genes[None]) ** 2).mean(2)[np.ix_(left.line, right.line)]
    line = c1 * linear + c2 * np.exp(-distance / (4 * r**2)) + c3 * same_line
    return a1 * alike + a2 * same_drug + a3 * same_line + (b1 + b2 * alike + b3 * same_drug) * line


@pytest.fixture(scope="module")
def dense(small: Fit) -> Dense:
    batch, fitted = small
    scales, noise = fitted.state()["scales"].numpy(), fitted.state()["noise"].numpy()
    rows, test = batch.train, batch.test
    own = noise[batch.inputs.drug_effect[rows.drug].numpy()]
    among = kernel(batch.inputs, scales, rows, rows) + np.diag(own)
    cross = kernel(batch.inputs, scales, test, rows)
    response = ((rows.response - batch.features.response_mean) / batch.features.response_std).numpy()
    mean = cross @ np.linalg.solve(among, response)
    left = kernel(batch.inputs, scales, test, test) - cross @ np.linalg.solve(among, cross.T)
    return Dense(mean, left, noise)


def test_the_mean_is_the_dense_one_with_every_replicate_a_row(small: Fit, dense: Dense) -> None:
    batch, fitted = small
    pred = fitted.predict(batch.inputs, batch.test)
    assert pred.mean == pytest.approx(batch.features.response_mean + batch.features.response_std * dense.mean, abs=1e-3)


def test_the_epistemic_variance_is_the_dense_one_within_the_error_of_its_draws(small: Fit, dense: Dense) -> None:
    batch, fitted = small
    ratio = (
        fitted.predict(batch.inputs, batch.test).epistemic
        / batch.features.response_std**2
        / dense.covariance.diagonal()
    )
    error = np.sqrt(2 / 2_000)
    assert np.abs(ratio - 1).max() < 5 * error  # a few hundred correlated ratios: beyond five errors once in 10,000
    assert ratio.mean() == pytest.approx(1, abs=3 * error)


def test_a_new_drug_on_a_new_line_needs_no_draws_for_the_residual_prior(small: Fit, dense: Dense) -> None:
    batch, fitted = small
    new = (batch.inputs.drug_effect[batch.test.drug] < 0) & (batch.inputs.line_effect[batch.test.line] < 0)
    ratio = fitted.predict(batch.inputs, batch.test.select(new)).epistemic / batch.features.response_std**2
    assert ratio == pytest.approx(dense.covariance.diagonal()[new.numpy()], rel=0.1)


def test_joint_draws_have_the_dense_covariance(small: Fit, dense: Dense) -> None:
    batch, fitted = small
    order = torch.randperm(len(batch.test), generator=torch.Generator().manual_seed(1))[:40]
    pred = fitted.predict(batch.inputs, batch.test)[order.numpy()]
    draws = (pred.joint(3_000, seed=5) - pred.mean) / batch.features.response_std
    noise = np.diag(pred.aleatoric) / batch.features.response_std**2
    expected = dense.covariance[np.ix_(order, order)] + noise
    scale = np.sqrt(np.outer(expected.diagonal(), expected.diagonal()))
    assert np.abs((np.cov(draws.T) - expected) / scale).max() < 0.2


def test_noise_is_the_drugs_own_and_the_mean_for_a_new_drug(small: Fit, dense: Dense) -> None:
    batch, fitted = small
    pred, compound = fitted.predict(batch.inputs, batch.test), batch.inputs.drug_effect[batch.test.drug].numpy()
    expected = np.where(compound >= 0, dense.noise[compound], dense.noise.mean())
    assert pred.aleatoric == pytest.approx(batch.features.response_std**2 * expected)


def test_the_gradient_of_the_evidence_is_the_dense_one(monkeypatch: pytest.MonkeyPatch) -> None:
    grid, table, noise = toy()
    scale = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    log_noise = noise.log().requires_grad_()
    probes = torch.eye(20, dtype=torch.float64).reshape(20, 4, 5)[table.measured.reshape(-1) > 0]
    right = torch.cat([table.mean[None], probes * len(probes) ** 0.5])  # every unit vector: the trace is exact

    def closely(*arguments: object, **options: object) -> torch.Tensor:
        return solve(*arguments, **(options | {"tolerance": 1e-10, "steps": 500}))  # type: ignore[arg-type]

    monkeypatch.setattr(gaussian_process, "solve", closely)
    scaled = Grid(*(scale * part for part in grid[:2]), scale * grid.drug, grid.line)
    near = build_preconditioner(grid, table.replicates, noise, 20)
    loss, _ = gaussian_process._negative_evidence(scaled, log_noise.exp(), table, right, torch.zeros_like(right), near)
    gradient = torch.autograd.grad(loss, [scale, log_noise], retain_graph=True)
    exact = torch.autograd.grad(evidence(scaled, log_noise.exp(), table), [scale, log_noise], retain_graph=True)
    assert torch.allclose(gradient[0], -exact[0], rtol=1e-6)
    assert torch.allclose(gradient[1], -exact[1], rtol=1e-6)


def test_conjugate_gradients_solve_what_the_dense_matrix_says() -> None:
    grid, table, noise = toy()
    variance, measured = table.variance(noise) * table.measured, table.measured
    right = measured * torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    near = build_preconditioner(grid, table.replicates, noise, 8)
    solved = solve(covariance(grid, measured, variance), right, preconditioner=near, tolerance=1e-10, steps=200)
    known = measured.reshape(-1) > 0
    matrix = (written_out(grid) + table.variance(noise).reshape(-1).diag())[known][:, known]
    expected = torch.linalg.solve(matrix, right.reshape(3, 20)[:, known].T).T
    assert torch.allclose(solved.reshape(3, 20)[:, known], expected, atol=1e-8)
    assert bool((solved.reshape(3, 20)[:, ~known] == 0).all())


def test_a_nearly_noiseless_screen_is_still_solved(tiny_screen: Screen, make_batch: Callable[..., Batch]) -> None:
    lines = tiny_screen.responses["cell_line_id"].map({line: i for i, line in enumerate(tiny_screen.expression.index)})
    drugs = tiny_screen.responses["drug_id"].rank(method="dense")
    exact = tiny_screen.responses.assign(
        response=np.sin(drugs) + 0.1 * drugs * tiny_screen.expression.iloc[lines, 0].values
    )
    screen = Screen("s", tiny_screen.measure, exact, tiny_screen.drugs, tiny_screen.cell_lines, tiny_screen.expression)
    batch = make_batch(screen, np.where(np.arange(len(exact)) % 5 == 0, "test", "train"))
    pred = GaussianProcessMethod().fit(batch, Runtime()).predict(batch.inputs, batch.test)
    assert np.square(pred.mean - batch.test.response.numpy()).mean() < 0.1 * batch.test.response.numpy().var()


def test_too_few_steps_are_refused() -> None:
    grid, table, noise = toy()
    near = build_preconditioner(grid, table.replicates, noise, 1)
    multiply = covariance(grid, table.measured, table.variance(noise))
    with pytest.raises(FitError, match="was not solved to 1e-10 in 1 steps"):
        solve(multiply, table.mean[None], preconditioner=near, tolerance=1e-10, steps=1)


def test_replicates_are_averaged_and_their_spread_is_kept() -> None:
    drug, line = torch.tensor([0, 0, 1]), torch.tensor([1, 1, 0])
    response = torch.tensor([1.0, 3.0, 5.0], dtype=torch.float64)
    table = average_replicates(drug, line, response, 0 * response, torch.ones_like(response), (2, 2))
    assert table.mean.tolist() == [[0, 2], [5, 0]] and table.replicates.tolist() == [[0, 2], [1, 0]]
    assert table.within.tolist() == [2, 0] and table.surplus.tolist() == [1, 0]


def test_replicates_of_known_variances_are_averaged_by_them() -> None:
    """Simulated: means vary as said, and so do squares about them beyond the known errors."""
    noise, known, count = 0.5, torch.tensor([0.0, 1.0, 4.0], dtype=torch.float64), 20_000
    generator = torch.Generator().manual_seed(0)
    sd = (noise + known).sqrt().repeat(count)
    response = sd * torch.randn(len(sd), generator=generator, dtype=torch.float64)
    line = torch.arange(count).repeat_interleave(3)
    weight = noise / (noise + known)
    many = known.repeat(count), weight.repeat(count)
    table = average_replicates(torch.zeros_like(line), line, response, *many, (1, count))
    expected = 1 / (1 / (noise + known)).sum()  # what the best weights leave
    at_noise = torch.tensor([noise], dtype=torch.float64)
    assert table.variance(at_noise)[0, 0] == pytest.approx(float(expected))
    assert noise / table.counts(at_noise)[0, 0] == pytest.approx(float(expected))
    assert table.mean.var() == pytest.approx(float(expected), rel=0.03)
    assert table.within / table.surplus == pytest.approx(noise, rel=0.03)


def test_the_mean_is_the_dense_one_where_variances_are_known(
    tiny_screen: Screen, make_batch: Callable[..., Batch]
) -> None:
    rng, rows = (
        np.random.default_rng(1),
        tiny_screen.responses.drop_duplicates(["cell_line_id", "drug_id"], ignore_index=True),
    )
    screen = replace(tiny_screen, responses=rows.assign(response_sd=rng.choice([0.1, 3.0, np.nan], len(rows))))
    batch = make_batch(screen, np.where(np.arange(len(rows)) % 4 == 0, "test", "train"))
    fitted = GaussianProcessMethod(draws=4, steps=4, tolerance=1e-5).fit(batch, Runtime())
    scales, noise = (fitted.state()[name].numpy() for name in ("scales", "noise"))
    own = noise[batch.inputs.drug_effect[batch.train.drug].numpy()] + batch.features.known_variance(batch.train).numpy()
    among = kernel(batch.inputs, scales, batch.train, batch.train) + np.diag(own)
    response = ((batch.train.response - batch.features.response_mean) / batch.features.response_std).numpy()
    mean = kernel(batch.inputs, scales, batch.test, batch.train) @ np.linalg.solve(among, response)
    expected = batch.features.response_mean + batch.features.response_std * mean
    assert fitted.predict(batch.inputs, batch.test).mean == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", ["scales", "noise", "weights"])
def test_a_tensor_that_cannot_be_is_refused(small: Fit, name: str) -> None:
    batch, fitted = small
    state = {key: value.clone() for key, value in fitted.state().items()}
    state[name].reshape(-1)[0] = -1 if name != "weights" else torch.nan
    with pytest.raises(ModelFolderError, match="tensors of gaussian_process"):
        GaussianProcessMethod(draws=2_000).restore(batch.features, state)


@pytest.mark.parametrize("option", ["lines", "draws", "tolerance"])
def test_options_that_cannot_be_are_refused(option: str) -> None:
    with pytest.raises(FitError, match=f"{option} is 0"):
        GaussianProcessMethod(**{option: 0})


def toy() -> tuple[Grid, kronecker.ResponseTable, torch.Tensor]:
    """Four drugs and five lines, a few grid entries missing, one measured three times."""
    generator = torch.Generator().manual_seed(0)

    def positive(size: int) -> torch.Tensor:
        root = torch.randn(size, size, generator=generator, dtype=torch.float64)
        return root @ root.T / size + 0.1 * torch.eye(size)

    grid = Grid(positive(4), 0.2 * torch.eye(5, dtype=torch.float64), positive(4), positive(5))
    at = torch.tensor([0, 1, 2, 4, 6, 7, 7, 7, 8, 9, 11, 12, 13, 15, 17, 18])
    response = torch.randn(len(at), generator=generator, dtype=torch.float64)
    return (
        grid,
        average_replicates(at // 5, at % 5, response, 0 * response, torch.ones_like(response), (4, 5)),
        torch.tensor([0.2, 0.4, 0.1, 0.3], dtype=torch.float64),
    )


def written_out(grid: Grid) -> torch.Tensor:
    ones = torch.ones(5, 5, dtype=torch.float64), torch.ones(4, 4, dtype=torch.float64)
    effects = torch.kron(grid.drug_effect, ones[0]) + torch.kron(ones[1], grid.line_effect)
    return effects + torch.kron(grid.drug, grid.line)


def evidence(grid: Grid, noise: torch.Tensor, table: kronecker.ResponseTable) -> torch.Tensor:
    """The log marginal likelihood of entry means and of replicates about them, up to a constant."""
    known = table.measured.reshape(-1) > 0
    matrix = (written_out(grid) + table.variance(noise).reshape(-1).diag())[known][:, known]
    normal = torch.distributions.MultivariateNormal(torch.zeros(int(known.sum())).double(), matrix)
    within = (table.surplus * noise.log() + table.within / noise).sum()
    return normal.log_prob(table.mean.reshape(-1)[known]) - 0.5 * within
