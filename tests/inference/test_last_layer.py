"""The Bayesian last layer against Monte Carlo, against conjugate regression, and against what it must not find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import TraceMeanField_ELBO

from bdrp.data.screen import Screen
from bdrp.errors import FitError
from bdrp.features import molecules
from bdrp.features.batch import Batch, Inputs, Pairs
from bdrp.features.drugs import DrugRelations
from bdrp.inference.hierarchical.grid import select_drugs
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.likelihood import Likelihood, Responses
from bdrp.inference.hierarchical.model import Block, LastLayer, Rows
from bdrp.inference.hierarchical.predictor import Weights
from bdrp.inference.hierarchical.similarity import KERNELS
from bdrp.inference.last_layer import LastLayerFit
from bdrp.inference.method import Runtime
from bdrp.inference.network import training_module
from bdrp.model.architecture import Architecture
from bdrp.model.network import Network
from bdrp.predictive import Normal

COVARIANCES = ("full", "low_rank", "diagonal")

Make = Callable[..., Any]


@pytest.fixture(scope="session")
def fits(some_unseen: Batch, make_method: Make) -> dict[str, LastLayerFit]:
    """A fit a covariance, for known lines, and one whose every weight is large and uncertain."""
    fitted = {
        kind: make_method("last_layer", covariance=kind, lines="known").fit(some_unseen, Runtime())
        for kind in COVARIANCES
    }
    loosened = make_method("last_layer", covariance="full", lines="known").fit(some_unseen, Runtime())
    return fitted | {"loosened": loosen(loosened)}


@torch.no_grad()
def loosen(fit: LastLayerFit) -> LastLayerFit:
    """Line factors and loadings far from 0, with wide and correlated posteriors, so that their products count."""
    draw, guide, model = torch.Generator().manual_seed(3), fit.layer.guide, fit.layer.model
    model.log_line_scale.fill_(0.0)
    for mean in (guide.u_mean, guide.g_mean, fit.layer.kriging.weights):
        mean.copy_(0.7 * torch.randn(mean.shape, generator=draw))
    u, g = (torch.randn(len(part), part.shape[1], 9, generator=draw) for part in (guide.u_mean, guide.g_mean))
    guide.set_scales(guide.v_variance(), *(part @ part.transpose(1, 2) / 20 for part in (u, g)))
    fit.layer.kriging.shares.copy_(0.5 * torch.eye(len(KERNELS))[KERNELS.index("structure")])
    fit.layer.kriging.variance.fill_(0.6)
    return fit


@contextmanager
def quickly() -> Iterator[None]:
    """Pyro as the method runs it: local parameters, no validation, its own random numbers."""
    local = pyro.settings.context(module_local_params=True)
    with torch.random.fork_rng(devices=[]), local, pyro.validation_enabled(False):
        yield


def block_of(rows: Pairs, masked: torch.Tensor | None = None) -> Block:
    """All rows as one block; responses are drawn, without limits."""
    lines, line = torch.unique(rows.line, return_inverse=True)
    response = torch.randn(len(rows), generator=torch.Generator().manual_seed(8))
    never = torch.zeros(len(rows), dtype=torch.bool)
    mask = never if masked is None else masked[line]
    return Block(lines, line, rows.drug, Responses(response, never, never, response), mask)


def error_of_sd(draws: np.ndarray) -> np.ndarray:
    """(N,) relative standard errors of the SDs of (S, N) draws: products of normals have heavier noise_dof than one."""
    kurtosis = (((draws - draws.mean(0)) / draws.std(0)) ** 4).mean(0)
    return np.asarray(np.sqrt((kurtosis - 1) / (4 * len(draws))))


def drawn_means(
    fit: LastLayerFit, inputs: Inputs, rows: Pairs, draws: int, monkeypatch: pytest.MonkeyPatch
) -> np.ndarray:
    """(S, N) means of trained pairs in the measure's unit, by running the Pyro model on draws of the guide."""
    block = block_of(rows)
    means: list[np.ndarray] = []
    expected = fit.layer.model.log_likelihood

    def keep(block: Block, seen: Rows) -> torch.Tensor:
        means.append(seen.mean.numpy())
        return expected(block, seen)

    with quickly(), torch.no_grad():
        torch.manual_seed(0)
        encoded = fit.layer.model.network.encode(inputs, block.lines)
        monkeypatch.setattr(fit.layer.model.network, "encode", lambda inputs, lines=None: encoded)
        monkeypatch.setattr(fit.layer.model, "log_likelihood", keep)
        for _ in range(draws):
            guide = poutine.trace(fit.layer.guide).get_trace(inputs, block)
            poutine.replay(fit.layer.model, guide)(inputs, block)
    return fit.features.response_mean + fit.features.response_std * np.stack(means)


@pytest.mark.parametrize("kind", [*COVARIANCES, "loosened"])
def test_closed_form_moments_agree_with_draws_through_the_pyro_model(
    kind: str, fits: dict[str, LastLayerFit], some_unseen: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = some_unseen.train.select(torch.arange(0, len(some_unseen.train), 4))
    pred = fits[kind].predict(some_unseen.inputs, rows)
    drawn = drawn_means(fits[kind], some_unseen.inputs, rows, 400, monkeypatch)
    # 5 standard errors: for fewer than 100 pairs and both moments, 1 run in 8,000 would miss by chance
    assert len(rows) < 100
    z = (drawn.mean(0) - pred.mean) / (pred.epistemic_std / np.sqrt(400))
    assert np.abs(z).max() < 5
    assert np.abs((drawn.std(0, ddof=1) / pred.epistemic_std - 1) / error_of_sd(drawn)).max() < 5


@pytest.mark.parametrize("kind", [*COVARIANCES, "loosened"])
def test_joint_draws_have_the_moments_of_the_closed_form(
    kind: str, fits: dict[str, LastLayerFit], some_unseen: Batch
) -> None:
    rows = some_unseen.test.select(torch.arange(0, len(some_unseen.test), 3))
    pred = fits[kind].predict(some_unseen.inputs, rows)
    draws = pred.joint(4000, seed=1)
    assert draws.shape == (4000, len(rows))
    # new lines and new drugs are among the rows; 5 standard errors as above
    assert np.abs((draws.std(0, ddof=1) / pred.std - 1) / error_of_sd(draws)).max() < 5
    assert np.abs((draws.mean(0) - pred.mean) / (draws.std(0) / np.sqrt(4000))).max() < 5


def test_weight_draws_have_the_moments_of_the_closed_form_where_loadings_are_uncertain(
    fits: dict[str, LastLayerFit], some_unseen: Batch
) -> None:
    rows = some_unseen.test.select(torch.arange(0, len(some_unseen.test), 3))
    pred = fits["loosened"].predict(some_unseen.inputs, rows)
    drawn = fits["loosened"].draw_posterior(some_unseen.inputs, rows, draws=4000, seed=1).mean
    assert np.abs((drawn.std(0, ddof=1) / pred.epistemic_std - 1) / error_of_sd(drawn)).max() < 5
    assert np.abs((drawn.mean(0) - pred.mean) / (drawn.std(0) / np.sqrt(4000))).max() < 5


def test_loadings_matter_to_the_moments_that_are_checked(fits: dict[str, LastLayerFit], some_unseen: Batch) -> None:
    fitted, inputs = fits["loosened"], some_unseen.inputs
    whole = fitted.predict(inputs, some_unseen.test).epistemic
    root, fitted.layer.guide.g_root = fitted.layer.guide.g_root, torch.zeros_like(fitted.layer.guide.g_root)
    without = fitted.predict(inputs, some_unseen.test).epistemic
    fitted.layer.guide.g_root = root
    known = (inputs.drug_effect[some_unseen.test.drug] >= 0).numpy()
    assert without[known].mean() < 0.8 * whole[known].mean()
    assert np.array_equal(without[~known], whole[~known])


def test_every_row_of_a_block_weighs_the_same_whether_its_line_is_masked_or_not(
    fits: dict[str, LastLayerFit], some_unseen: Batch
) -> None:
    model, rows = fits["full"].layer.model, some_unseen.train.select(torch.arange(0, len(some_unseen.train), 4))
    for share in (0, 2, 1):
        lines = torch.arange(len(torch.unique(rows.line)))
        block = block_of(rows, lines % share == 0 if share else lines < 0)
        with quickly(), torch.no_grad():
            guide = poutine.trace(fits["full"].layer.guide).get_trace(some_unseen.inputs, block)
            trace = poutine.trace(poutine.replay(model, guide)).get_trace(some_unseen.inputs, block)
            weights = Weights(*(guide.nodes[name]["value"] for name in ("w", "v", "loadings", "u")))
            each = model.log_likelihood(block, model.row_moments(some_unseen.inputs, block, weights))
        found = float(trace.log_prob_sum(lambda name, site: name == "response"))
        assert found == pytest.approx(model.responses * float(each.mean()), rel=1e-4)


def test_a_masked_line_does_not_inform_its_own_deviation_and_is_as_uncertain_as_a_new_line(
    fits: dict[str, LastLayerFit], some_unseen: Batch
) -> None:
    fitted, inputs, rows = fits["loosened"], some_unseen.inputs, some_unseen.train
    lines = torch.unique(rows.line)
    block = block_of(rows, torch.arange(len(lines)) % 2 == 0)
    assert block.unmasked.tolist() == [position % 2 == 1 for position in range(len(lines))]
    fitted.modules.zero_grad(set_to_none=True)
    with quickly():
        TraceMeanField_ELBO()(fitted.layer.model, fitted.layer.guide)(inputs, block).backward()
    for parameter in (fitted.layer.guide.u_mean, fitted.layer.guide.u_share):
        assert parameter.grad is not None
        moved = parameter.grad[inputs.line_effect[block.lines]].abs().sum(1) > 0
        assert moved.tolist() == block.unmasked.tolist()
    fitted.modules.zero_grad(set_to_none=True)
    guide = fitted.layer.guide
    weights = Weights(guide.w_mean, guide.v_mean, guide.g_mean, guide.u_mean[inputs.line_effect[block.lines]])
    nameless = replace(inputs, line_effect=torch.full_like(inputs.line_effect, -1))
    pred = fitted.predict(nameless, rows)
    with torch.no_grad():
        seen = fitted.layer.model.row_moments(inputs, block, weights)
        terms = fitted.layer.model.terms(
            fitted.layer.encode(inputs), inputs, torch.arange(len(inputs.line_ids)), rows.line, rows.drug
        )
        by_line = terms.by_line + torch.nn.functional.pad(fitted.layer.coefficients(inputs).loadings, (1, 0))
        line_variance = (by_line**2 @ (2 * fitted.layer.model.log_line_scale).exp())[rows.drug]
    centre, scale = some_unseen.features.response_mean, some_unseen.features.response_std
    assert centre + scale * seen.new_mean.numpy() == pytest.approx(pred.mean, abs=1e-4)
    expected = pred.aleatoric / scale**2 + line_variance.numpy()
    assert (2 * seen.new_log_sd).exp().numpy() == pytest.approx(expected, rel=1e-4)


def test_a_masked_row_is_scored_by_the_prediction_from_the_others(make_method: Make, some_unseen: Batch) -> None:
    """Conjugate regression with each row left out in turn, against one fit of all rows and its leverages."""
    draw = torch.Generator().manual_seed(3)
    x, s, line_sd = torch.randn(12, 4, generator=draw, dtype=torch.float64), 0.7, 0.3
    y = x @ torch.tensor([0.5, -1.0, 0.2, 0.0], dtype=torch.float64) + torch.randn(12, generator=draw).double()
    variance = s**2 + line_sd**2

    def posterior(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        covariance = torch.linalg.inv(x[rows].T @ x[rows] / variance + torch.eye(4).double())
        return covariance @ x[rows].T @ y[rows] / variance, covariance

    every = torch.arange(12)
    mean, covariance = posterior(every)
    leverage = ((x @ covariance) * x).sum(1) / variance
    no = torch.zeros(12, dtype=torch.bool)
    seen = Responses(y, no, no, y)
    block = Block(every, every, every, seen, ~no, leverage, x @ mean)
    model = make_method("last_layer", likelihood="normal").model(some_unseen.features, 12)
    log_noise, line_variance = torch.full((12,), s).log().double(), torch.full((12,), line_sd**2).double()
    found, log_sd = model._leave_out(block, x @ mean, log_noise, line_variance)
    for row in range(12):
        others, rest = posterior(every[every != row])
        assert float(found[row]) == pytest.approx(float(x[row] @ others), abs=1e-6)
        assert float(log_sd[row].exp()) ** 2 == pytest.approx(float(variance + x[row] @ rest @ x[row]), rel=1e-6)
    # a point has no variance of its own: its noise must hold the whole error
    assert torch.allclose(
        model._leave_out(block._replace(linear=None), x @ mean, log_noise, line_variance)[1].exp() ** 2,
        torch.full((12,), variance).double(),
    )


def test_what_is_measured_of_a_line_never_widens_its_deviation(
    fits: dict[str, LastLayerFit], make_method: Make, some_unseen: Batch
) -> None:
    short = make_method("last_layer", epochs=8, lines="new").fit(some_unseen, Runtime())
    for fitted in (short, *fits.values()):
        covariance = fitted.layer.coefficients(some_unseen.inputs).u_covariance.diagonal(dim1=1, dim2=2)
        known = some_unseen.inputs.line_effect >= 0
        assert bool((covariance[known] < covariance[~known][0]).all())


def test_lines_are_served_as_asked_and_a_refit_serves_the_same(make_method: Make, some_unseen: Batch) -> None:
    for asked in ("known", "new"):
        method = make_method("last_layer", lines=asked, epochs=2)
        assert method.fit(some_unseen, Runtime()).history["lines"] == asked
    method = make_method("last_layer", epochs=2)
    fitted = method.fit(some_unseen, Runtime())
    settled = fitted.history["lines"]
    assert settled in ("known", "new") and method.refit_options(fitted).lines == settled
    bare = replace(some_unseen, validation=some_unseen.validation.select(torch.arange(0)))
    assert method.fit(bare, Runtime()).history["lines"] == "new"


def test_a_second_fit_is_not_cut_short_where_an_early_epoch_was_best_by_chance(
    make_method: Make, some_unseen: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, worse = make_method("last_layer", epochs=5, lines="new"), iter(range(5))
    monkeypatch.setattr(training_module, "validation_score", lambda fitted, batch: float(next(worse)))
    fitted = method.fit(some_unseen, Runtime())
    assert fitted.history["best_epoch"] == 1 and method.refit_options(fitted).epochs == 5


def deviations(pred: Normal, draws: int, seed: int) -> np.ndarray:
    assert pred.joint_draws is not None
    return pred.joint_draws.draw(np.random.default_rng(seed), draws)


def test_pairs_of_one_new_drug_move_together_and_pairs_of_unrelated_ones_do_not(
    fits: dict[str, LastLayerFit], some_unseen: Batch
) -> None:
    inputs, rows = some_unseen.inputs, some_unseen.test
    new = torch.nonzero(inputs.drug_effect[rows.drug] < 0)[:, 0]
    chosen = rows.select(new)
    correlation = np.corrcoef(deviations(fits["full"].predict(inputs, chosen), 4000, 2).T)
    same = (chosen.drug[:, None] == chosen.drug[None]).numpy() & ~np.eye(len(new), dtype=bool)
    other = (chosen.drug[:, None] != chosen.drug[None]).numpy() & (chosen.line[:, None] != chosen.line[None]).numpy()
    assert correlation[same].mean() > 0.4 and abs(correlation[other].mean()) < 0.1


def test_a_subset_of_joint_draws_is_distributed_as_the_joint_draw_of_the_subset(
    fits: dict[str, LastLayerFit], some_unseen: Batch
) -> None:
    inputs, rows = some_unseen.inputs, some_unseen.test.select(torch.arange(12))
    whole = fits["full"].predict(inputs, rows)
    index = np.array([7, 2, 3, 11])
    expected = np.cov(deviations(whole, 20_000, 0)[:, index].T)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    mask = np.isin(np.arange(12), index)
    for subset, order in ((whole[index], index), (whole[mask], np.sort(index)), (whole[2:4], np.array([2, 3]))):
        own = np.cov(deviations(subset, 20_000, 1).T)
        positions = [list(index).index(i) for i in order]
        # covariances of unit variables from 20,000 draws differ by less than 5 sqrt(2 * 2 / 20,000) = 0.07
        difference = (own - expected[np.ix_(positions, positions)]) / scale[np.ix_(positions, positions)]
        assert np.abs(difference).max() < 0.07


def test_joint_draws_follow_their_seed_and_touch_no_global_state(
    fits: dict[str, LastLayerFit], some_unseen: Batch
) -> None:
    pred = fits["full"].predict(some_unseen.inputs, some_unseen.test)
    state = torch.random.get_rng_state()
    one, again, other = (pred.joint(3, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("draws", [1, 2])
def test_few_draws_of_few_pairs_keep_their_shape(draws: int, fits: dict[str, LastLayerFit], some_unseen: Batch) -> None:
    for count in (0, 1):
        pred = fits["full"].predict(some_unseen.inputs, some_unseen.test.select(torch.arange(count)))
        assert deviations(pred, draws, 0).shape == (draws, count)


def test_many_pairs_are_predicted_in_passes(
    fits: dict[str, LastLayerFit], some_unseen: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fits["full"].predict(some_unseen.inputs, some_unseen.test)
    monkeypatch.setattr("bdrp.inference.hierarchical.layer.PAIRS_A_PASS", 7)
    parts = fits["full"].predict(some_unseen.inputs, some_unseen.test)
    assert parts.mean == pytest.approx(whole.mean, abs=1e-4)
    assert parts.epistemic == pytest.approx(whole.epistemic, rel=1e-3)


def test_encoders_run_once_a_prediction(
    fits: dict[str, LastLayerFit], some_unseen: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    network = fits["full"].layer.model.network
    hooks = [
        getattr(network, name).register_forward_hook(lambda module, args, out, name=name: calls.append(name))
        for name in ("drugs", "lines")
    ]
    monkeypatch.setattr("bdrp.inference.hierarchical.layer.PAIRS_A_PASS", 7)
    fits["full"].predict(some_unseen.inputs, some_unseen.test)
    for hook in hooks:
        hook.remove()
    assert calls in (["drugs", "lines"], ["lines"])  # drugs that were encoded before are remembered


def test_weights_are_single_precision_and_nothing_waits_for_a_gradient(
    fits: dict[str, LastLayerFit], some_unseen: Batch
) -> None:
    for kind in COVARIANCES:
        state = fits[kind].state()
        assert {value.dtype for value in state.values()} == {torch.float32}
        assert not any(value.requires_grad for value in state.values())
        assert all(torch.isfinite(value).all() for value in state.values())


@pytest.mark.parametrize("covariance", ["", "Full", "blocks"])
def test_an_unknown_covariance_is_refused(covariance: str, make_method: Make) -> None:
    with pytest.raises(FitError, match="Choose full, low_rank or diagonal"):
        make_method("last_layer", covariance=covariance)


def test_a_fit_with_one_covariance_is_not_read_as_another(
    fits: dict[str, LastLayerFit], some_unseen: Batch, make_method: Make
) -> None:
    from bdrp.errors import ModelFolderError

    with pytest.raises(ModelFolderError, match="The weights do not fit the method's options"):
        make_method("last_layer", covariance="diagonal").restore(some_unseen.features, fits["full"].state())


def test_the_history_tells_every_epoch(fits: dict[str, LastLayerFit]) -> None:
    history = fits["full"].history
    assert history["epoch"] == len(history["losses"]) == len(history["scores"]) == 3
    assert all(np.isfinite(history["losses"])) and 1 <= history["best_epoch"] <= 3


def noisy_labels(screen: Screen) -> Screen:
    """Responses dealt out anew among the lines of each drug: nothing but the drug's mean can be learned."""
    responses, rng = screen.responses, np.random.default_rng(0)
    responses["response"] = responses.groupby("drug_id")["response"].transform(rng.permutation)
    responses[["lower_limit", "upper_limit"]] = np.nan
    return Screen("s", screen.measure, responses, screen.drugs, screen.cell_lines, screen.expression)


def test_shuffled_labels_do_not_beat_the_drug_mean(
    tiny_screen: Screen, make_batch: Callable[..., Batch], make_method: Make
) -> None:
    screen = noisy_labels(tiny_screen)
    responses = screen.responses
    held_out = responses["cell_line_id"].isin(screen.expression.index[::3]).to_numpy()
    made = make_batch(screen, np.where(held_out, "test", "train"))
    pred = make_method("last_layer", epochs=5).fit(made, Runtime()).predict(made.inputs, made.test)
    means = responses[~held_out].groupby("drug_id")["response"].mean()
    observed = made.test.response.numpy()

    def error(mean: np.ndarray) -> float:
        return float(np.sqrt(np.mean((mean - observed) ** 2)))

    assert error(pred.mean) > 0.97 * error(responses["drug_id"][held_out].map(means).to_numpy())


def conjugate_problem() -> tuple[LastLayer, Inputs, Block]:
    """20 lines x 3 drugs, network and noise fixed, v and u switched off: only w is unknown."""
    size = Architecture(20, 4, 1, 4, 3, 1, 2, 2, gene_dropout=0, drug_dropout=0)
    network = Network(size)
    network.lines.perceptron[2].p = 0
    model = LastLayer(network, Likelihood(), (3, 20, 2), 60)
    draw = torch.Generator().manual_seed(6)
    inputs = Inputs(
        ("a", "b", "c"),
        tuple(map(str, range(20))),
        molecules.graphs(["CCO", "c1ccccc1C", "CC(=O)NC"]),
        {"expression": torch.randn(20, 20, generator=draw)},
        torch.zeros(20, 2),
        torch.arange(3),
        torch.arange(20),
        torch.full((3,), torch.nan),
        DrugRelations.unrelated(3, 3),
    )
    line, drug = torch.cartesian_prod(torch.arange(20), torch.arange(3)).unbind(1)
    response, never = torch.randn(60, generator=draw), torch.zeros(60, dtype=torch.bool)
    seen = Responses(response, never, never, response)
    return model.requires_grad_(False), inputs, Block(torch.arange(20), line, drug, seen, never)


def test_the_guide_finds_the_conjugate_posterior_where_features_and_noise_are_fixed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with quickly():
        torch.manual_seed(0)
        model, inputs, block = conjugate_problem()
        with torch.no_grad():
            model.log_compound_scale.fill_(-12.0)
            model.log_line_scale.fill_(-12.0)
        guide = Guide(model, "full")
        for name, parameter in guide.named_parameters():
            if not name.startswith("w_"):
                parameter.requires_grad_(False).fill_(-12.0 if "scale" in name or "share" in name else 0.0)
        encoded = model.network.encode(inputs)
        monkeypatch.setattr(model.network, "encode", lambda inputs, lines=None: encoded)
        elbo = TraceMeanField_ELBO(num_particles=4)(model, guide)
        weights = [parameter for parameter in guide.parameters() if parameter.requires_grad]
        optimiser = torch.optim.Adam(weights, lr=0.1)
        fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 150)
        for _ in range(150):
            optimiser.zero_grad()
            elbo(inputs, block).backward()
            optimiser.step()
            fall.step()
        terms = model.terms(encoded, inputs, block.lines, block.line, block.drug)
        nothing = Weights(guide.w_mean, guide.v_mean, guide.g_mean, guide.u_mean)
        noise = model.row_moments(inputs, block, nothing).log_sd.exp().detach()
    features, precision = terms.features.double(), noise.double() ** -2
    exact = torch.linalg.inv(torch.eye(features.shape[1]).double() + features.T @ (precision[:, None] * features))
    mean = exact @ features.T @ (precision * (block.seen.response - terms.offset).double())
    sd = exact.diagonal().sqrt()
    found = guide.w()
    # the stochastic gradient leaves the means within 0.15 posterior SDs and the SDs within 10 %
    assert ((found.mean.double() - mean) / sd).abs().max() < 0.15
    assert (found.covariance_matrix.diagonal().double().sqrt() / sd).tolist() == pytest.approx([1] * len(sd), rel=0.1)
    predicted, wanted = (
        (features @ covariance @ features.T).diagonal() for covariance in (found.covariance_matrix.double(), exact)
    )
    assert (predicted / wanted).sqrt().tolist() == pytest.approx([1] * 60, rel=0.1)


@pytest.mark.parametrize("both_trained", [True, False])
def test_two_ids_have_draws_of_their_own_unless_they_are_one_trained_drug(
    both_trained: bool, some_unseen: Batch, fits: dict[str, LastLayerFit]
) -> None:
    """One trained drug they are in a model that was fitted without ids."""
    fitted, inputs = fits["full"], some_unseen.inputs
    first = int(inputs.drug_effect.ge(0).nonzero()[0])
    twin = replace(
        select_drugs(inputs, torch.tensor([first, first])),
        drug_ids=(inputs.drug_ids[first], "twin"),
        drug_effect=torch.tensor(
            [int(inputs.drug_effect[first]), int(inputs.drug_effect[first]) if both_trained else -1]
        ),
    )
    nothing = torch.full((2,), torch.nan, dtype=torch.float64)
    pair = Pairs(torch.zeros(2, dtype=torch.int64), torch.arange(2), *[nothing] * 4)
    pred = fitted.predict(twin, pair)
    assert pred.joint_draws is not None
    draws = pred.joint_draws.draw(np.random.default_rng(0), 200)
    if both_trained:
        np.testing.assert_allclose(draws[:, 0], draws[:, 1], rtol=1e-4, atol=1e-5)
    else:
        assert np.corrcoef(draws.T)[0, 1] < 0.9 and pred.epistemic[1] > 1.2 * pred.epistemic[0]
