"""Variational weights of the whole network: the warm-up, draws side by side, moments given a draw, and collapse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from bdrp.errors import FitError
from bdrp.features.batch import Batch
from bdrp.inference import variational
from bdrp.inference.hierarchical.grid import sort_by_line
from bdrp.inference.hierarchical.model import Block
from bdrp.inference.method import Fitted, Runtime
from bdrp.inference.network import draws as network_draws
from bdrp.inference.network import mixture
from bdrp.inference.network.draws import VariationalFit
from bdrp.inference.network.options import quiet_pyro
from bdrp.inference.network.weights import WholeModel, flatten_weights, lecun_scale, prior_mean, split_weights

Make = Callable[..., Any]
FitOf = Callable[[str], Fitted]


@pytest.fixture
def fit(fit_of: FitOf) -> VariationalFit:
    fitted = fit_of("variational")
    assert isinstance(fitted, VariationalFit)
    return fitted


def svi(make_method: Make, batch: Batch, **options: Any) -> Any:
    """The loop's view of a network at random."""
    method = make_method("variational", **options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return variational._VariationalTraining(method, method._assemble(batch.features, len(batch.train)), batch)


def losses(training: Any, block: Block, epoch: int) -> float:
    training.begin_epoch(epoch)
    with quiet_pyro():
        torch.manual_seed(0)
        return float(training.loss(block).detach())


def test_the_divergence_is_let_in_by_degrees_after_the_pretraining(make_method: Make) -> None:
    method = make_method("variational", epochs=12, pretrain=0.5, temperature=0.5)
    kl_weight = [method.kl_weight(epoch) for epoch in range(12)]
    assert kl_weight[:6] == [None] * 6
    assert kl_weight[6:] == pytest.approx([0.5 / 3, 1 / 3, 0.5, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("epochs", [1, 2, 3, 7])
def test_the_last_epoch_counts_the_divergence_in_full(epochs: int, make_method: Make) -> None:
    assert make_method("variational", epochs=epochs, pretrain=0.9).kl_weight(epochs - 1) == 1.0


def test_the_warmth_weighs_the_network_s_divergence_and_nothing_else(make_method: Make, some_unseen: Batch) -> None:
    training = svi(make_method, some_unseen, epochs=8, pretrain=0.0)
    training.module.eval()
    block = next(iter(training.blocks(torch.Generator().manual_seed(0))))
    quarter, full = (losses(training, block, epoch) for epoch in (0, 7))
    divergence = training.model.divergence(training.fitted.posterior_scale).sum().item() / len(some_unseen.train)
    assert full - quarter == pytest.approx(0.75 * divergence, rel=1e-3)


def test_a_spread_of_nothing_has_the_loss_of_the_deterministic_network(make_method: Make, some_unseen: Batch) -> None:
    training = svi(make_method, some_unseen, epochs=8, pretrain=0.5)
    training.module.eval()
    training.fitted.posterior_scale.log_scale.data.fill_(-20.0)
    block = next(iter(training.blocks(torch.Generator().manual_seed(0))))
    pointed, penalty = losses(training, block, 0), training.model.penalty().item()
    divergence = training.model.divergence(training.fitted.posterior_scale).sum().item()
    expected = pointed + (divergence - penalty) / len(some_unseen.train)
    # the two draw the last layer at different places of the random stream; its SDs are 0.02 and 0.04
    assert losses(training, block, 7) == pytest.approx(expected, rel=0.01)


def test_no_epoch_is_chosen_before_its_divergence_counts_in_full(fit: VariationalFit) -> None:
    scores = fit.history["scores"]
    assert scores[0] is None and scores[-1] is not None
    assert scores[fit.history["best_epoch"] - 1] is not None


def test_a_killed_fit_resumes_to_the_same_weights(
    tmp_path: Any, make_method: Make, some_unseen: Batch, fit: VariationalFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bdrp.inference.training.loop.SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    runtime, begin = Runtime(checkpoint=tmp_path / "checkpoint"), variational._VariationalTraining.begin_epoch

    def killed(training: Any, epoch: int) -> None:
        if epoch == 2:
            raise RuntimeError("killed")
        begin(training, epoch)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(variational._VariationalTraining, "begin_epoch", killed)
        make_method("variational").fit(some_unseen, runtime)
    resumed = make_method("variational").fit(some_unseen, runtime)
    assert all(torch.equal(value, fit.state()[name]) for name, value in resumed.state().items())


def test_the_views_are_the_network_s_own_weights(fit: VariationalFit) -> None:
    network = fit.layer.model.network
    views = split_weights(network, flatten_weights(network))
    assert all(torch.equal(views[f"network.{name}"], old) for name, old in network.named_parameters())


def test_gains_are_centred_at_one_and_matrices_sized_by_their_inputs(fit: VariationalFit) -> None:
    network = fit.layer.model.network
    centres, sizes = split_weights(network, prior_mean(network), ""), split_weights(network, lecun_scale(network), "")
    assert torch.all(centres["drugs.graph.norms.0.weight"] == 1) and torch.all(centres["drugs.state.weight"] == 0)
    genes = network.lines.linear.weight.shape[1]
    assert sizes["lines.linear.weight"][0, 0].item() == pytest.approx(genes**-0.5)


def test_draws_side_by_side_equal_a_loop_of_draws(
    fit: VariationalFit, some_unseen: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, rows = some_unseen.inputs, some_unseen.test
    cached = fit.layer.cache_moments(inputs, sort_by_line(rows))
    apart = [(*moments, square) for moments, square in fit.moments_by_draw(inputs, cached, 5)]
    monkeypatch.setattr(network_draws, "draws_at_once", lambda device: 2)
    together = [(*moments, square) for moments, square in fit.moments_by_draw(inputs, cached, 5)]
    assert [len(found[0]) for found in together] == [2, 2, 1] and len(apart) == 5
    for left, right in zip(zip(*together, strict=True), zip(*apart, strict=True), strict=True):
        assert torch.allclose(torch.cat(left), torch.cat(right), rtol=1e-4, atol=1e-5)


def test_draws_mix_the_moments_of_the_last_layer_given_each(fit: VariationalFit, some_unseen: Batch) -> None:
    inputs, rows = some_unseen.inputs, some_unseen.test
    with torch.no_grad():
        each = [
            fit.with_weights(one, lambda: fit.layer.standard_moments(fit.layer.encode(inputs), inputs, rows))
            for one in fit.weights(3)
        ]
    expected = mixture.mixture_moments(*(torch.stack(part).double() for part in zip(*each, strict=True)))
    for part, right in zip(fit.mixture_moments(inputs, rows, 3), expected, strict=True):
        assert torch.allclose(part, right, rtol=1e-4, atol=1e-5)


def test_the_first_of_more_draws_are_those_of_fewer(fit: VariationalFit) -> None:
    assert torch.equal(fit.weights(6)[:3], fit.weights(3))


def test_joint_draws_and_the_posterior_have_the_moments_of_the_prediction(
    fit: VariationalFit, some_unseen: Batch
) -> None:
    rows = some_unseen.test.select(torch.arange(0, len(some_unseen.test), 5))
    pred = fit.predict(some_unseen.inputs, rows)
    assert pred.joint_draws is not None
    deviations = pred.joint_draws.draw(np.random.default_rng(0), 4000)
    means = fit.draw_posterior(some_unseen.inputs, rows, draws=4000, seed=0).mean
    # 5 standard errors of a mean and of an SD of 4,000 draws: for fewer than 50 pairs 1 run in 17,000 fails by chance
    # if pairs were normal; mixtures of eight are near enough to it
    assert len(rows) < 50
    for centred in (deviations, means - pred.mean):
        assert np.abs(centred.mean(0) / pred.epistemic_std).max() < 5 / np.sqrt(4000)
        assert centred.std(0) / pred.epistemic_std == pytest.approx(1, abs=5 / np.sqrt(8000))


def test_a_fit_that_learned_is_not_refused(fit: VariationalFit, some_unseen: Batch) -> None:
    before = variational.explained_variance(fit, some_unseen, over_draws=False)
    variational.refuse_collapse(WholeModel(fit.layer.model, 1.0), fit, some_unseen, before)


def test_weights_that_fell_back_on_their_prior_are_refused(make_method: Make, some_unseen: Batch) -> None:
    options = {"init_scale": 1.0, "temperature": 1e6, "pretrain": 0.0, "learning_rate": 0.05}
    method = make_method("variational", epochs=60, patience=60, **options)
    with pytest.raises(FitError, match=r"collapsed to their prior: 0\.0% .* Lower init_scale or prior_scale"):
        method.fit(some_unseen, Runtime())


def test_means_that_drown_in_the_noise_of_the_weights_are_refused(make_method: Make, some_unseen: Batch) -> None:
    with pytest.raises(FitError, match="collapsed to a constant: they explain 0.0% .* raise pretrain"):
        make_method("variational", init_scale=10.0, epochs=3).fit(some_unseen, Runtime())


@pytest.mark.parametrize(
    ("option", "value"),
    [("prior_scale", 0.0), ("init_scale", 0.0), ("temperature", 0.0), ("pretrain", 1.0), ("draws", 0)],
)
def test_options_out_of_range_are_refused_by_name(option: str, value: float, make_method: Make) -> None:
    with pytest.raises(FitError, match=f"{option} is {value}"):
        make_method("variational", **{option: value})
