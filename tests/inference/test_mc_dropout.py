"""Monte Carlo dropout: its masks, its passes, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from bdrp.errors import FitError
from bdrp.features.batch import Batch
from bdrp.inference import mc_dropout
from bdrp.inference.hierarchical.likelihood import standardise_responses
from bdrp.inference.hierarchical.model import Block
from bdrp.inference.hierarchical.predictor import Weights
from bdrp.inference.mc_dropout import DropoutFit, drop_slopes, drop_weights
from bdrp.inference.method import Fitted, Runtime, isolate_random_state
from bdrp.inference.network.dropout import _FeatureDropout, keep_dropout_on
from bdrp.inference.network.point import PointFit, PointModel
from bdrp.predictive import StudentT

Make = Callable[..., Any]
FitOf = Callable[[str], Fitted]


def dropout_fit(fit_of: FitOf) -> DropoutFit:
    fitted = fit_of("mc_dropout")
    assert isinstance(fitted, DropoutFit)
    return fitted


def passes(fitted: DropoutFit, batch: Batch, rows: Any) -> torch.Tensor:
    return torch.cat([means for means, _ in fitted.run_passes(batch.inputs, rows)])


def test_slopes_are_dropped_and_scaled_and_intercepts_are_kept() -> None:
    # 20000 entries at 0.1: the share is off by 0.0021 (one SD); 0.012 fails for fewer than one seed in 10^7.
    with isolate_random_state():
        torch.manual_seed(0)
        found = drop_slopes(torch.ones(100, 201), 0.1)
    assert (found[:, 0] == 1).all()
    assert found[:, 1:].unique().tolist() == pytest.approx([0.0, 1 / 0.9])
    assert float((found[:, 1:] == 0).float().mean()) == pytest.approx(0.1, abs=0.012)


def test_a_step_drops_weights_and_the_prior_judges_the_whole_ones(fit_of: FitOf, some_unseen: Batch) -> None:
    fitted = dropout_fit(fit_of)
    model, seen = fitted.layer.model, []
    joint = PointModel(model, fitted.layer.guide, lambda weights: seen.append(weights) or drop_weights(weights, 0.5))
    weights = Weights(torch.ones(40), torch.ones(3, 9), torch.ones(3, 2), torch.ones(4, 3))
    rows = some_unseen.train.select(torch.arange(9))
    lines, line = torch.unique(rows.line, return_inverse=True)
    block = Block(
        lines, line, rows.drug, standardise_responses(rows, some_unseen.features), torch.zeros(9, dtype=torch.bool)
    )
    for training in (False, True):
        joint.train(training)
        with isolate_random_state(), torch.no_grad():
            joint(some_unseen.inputs, block)
        assert len(seen) == training  # nothing is dropped where training does not go on
    joint.eval()
    with isolate_random_state():
        torch.manual_seed(0)
        used = drop_weights(weights, 0.5)
    assert (used.w == 0).any() and (used.v[:, 1:] == 0).any() and torch.equal(used.loadings, weights.loadings)
    assert (used.v[:, 0] == 1).all() and (used.u[:, 0] == 1).all()


def test_without_any_dropout_every_pass_is_the_deterministic_network(make_method: Make, some_unseen: Batch) -> None:
    method = make_method("mc_dropout", rate=0.0, gene_dropout=0.0, drug_dropout=0.0)
    fitted = method.fit(some_unseen, Runtime())
    fitted.layer.model.network.lines.perceptron[2].p = 0.0
    rows = some_unseen.test
    plain = PointFit(fitted.layer).predict(some_unseen.inputs, rows)
    pred = fitted.predict(some_unseen.inputs, rows)
    assert pred.mean == pytest.approx(plain.mean, abs=1e-4)
    assert pred.aleatoric == pytest.approx(plain.aleatoric, rel=1e-4)
    assert pred.epistemic == pytest.approx(plain.epistemic, rel=1e-4, abs=1e-8)


def test_passes_differ_and_a_pass_hides_the_same_from_all_pairs(fit_of: FitOf, some_unseen: Batch) -> None:
    fitted, rows = dropout_fit(fit_of), some_unseen.train
    whole = passes(fitted, some_unseen, rows)
    assert whole.shape == (20, len(rows)) and (whole.std(0) > 0).all()
    few = torch.tensor([3, 50, 7])
    assert torch.allclose(passes(fitted, some_unseen, rows.select(few)), whole[:, few], atol=1e-5)


def test_blocks_of_pairs_do_not_matter(fit_of: FitOf, some_unseen: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, rows = dropout_fit(fit_of), some_unseen.train
    whole = passes(fitted, some_unseen, rows)
    monkeypatch.setattr(mc_dropout, "PAIRS_A_PASS", 17)
    assert torch.allclose(passes(fitted, some_unseen, rows), whole, atol=1e-5)


def test_a_prediction_is_the_passes_moments(fit_of: FitOf, some_unseen: Batch) -> None:
    fitted, rows, response_std = dropout_fit(fit_of), some_unseen.train, some_unseen.features.response_std
    whole = passes(fitted, some_unseen, rows).numpy()
    noise = torch.cat([variance for _, variance in fitted.run_passes(some_unseen.inputs, rows)]).numpy()
    pred = fitted.predict(some_unseen.inputs, rows)
    assert pred.mean == pytest.approx(some_unseen.features.response_mean + response_std * whole.mean(0), abs=1e-5)
    assert pred.epistemic == pytest.approx(
        response_std**2 * whole.var(0), rel=1e-3
    )  # trained pairs have no prior variance
    assert pred.aleatoric == pytest.approx(response_std**2 * noise.mean(0), rel=1e-5)


def test_the_copied_network_says_what_the_network_says(fit_of: FitOf, some_unseen: Batch) -> None:
    network, inputs = dropout_fit(fit_of).network, some_unseen.inputs
    copied = keep_dropout_on(network, at_once=2)
    for module in copied.modules():
        if isinstance(module, _FeatureDropout):
            module.rate = 0.0
    with torch.no_grad():
        plain, other = (n.encode(inputs) for n in (network, copied))
    for left, right in zip((*plain.drugs, *plain.lines), (*other.drugs, *other.lines), strict=True):
        assert torch.allclose(left, right, atol=1e-5)


def test_a_higher_rate_spreads_wider(fit_of: FitOf, some_unseen: Batch) -> None:
    fitted = dropout_fit(fit_of)
    found = []
    for rate in (0.05, 0.4):
        other = DropoutFit(fitted.layer, rate, 20)
        found.append(other.predict(some_unseen.inputs, some_unseen.train).epistemic.mean())
    assert found[1] > 3 * found[0]


def test_joint_draws_take_the_passes(fit_of: FitOf, some_unseen: Batch) -> None:
    fitted = dropout_fit(fit_of)
    rows = some_unseen.train.select(torch.arange(0, 60, 6))
    joint = fitted.predict(some_unseen.inputs, rows).joint_draws
    drawn = joint.draw(np.random.default_rng(0), 50)
    means = some_unseen.features.response_std * passes(fitted, some_unseen, rows).numpy()
    apart = np.abs(drawn[:, None] - (means - means.mean(0))[None]).max(2)  # draw by pass
    assert (apart.min(1) < 1e-4).all()
    assert joint[np.array([2, 5])].draw(np.random.default_rng(0), 50) == pytest.approx(drawn[:, [2, 5]], abs=1e-4)


def test_joint_draws_have_the_predictive_moments(fit_of: FitOf, some_unseen: Batch) -> None:
    # 4000 draws: a variance is off by 2.2 % (one SD); 12 % at 20 pairs fails fewer than once in 10^5 runs of the seed.
    pred = dropout_fit(fit_of).predict(some_unseen.inputs, some_unseen.test.select(torch.arange(20)))
    drawn = pred.joint(4000, seed=1)
    assert drawn.mean(0) == pytest.approx(pred.mean, abs=float(5 * (pred.variance / 4000).max() ** 0.5))
    assert drawn.var(0) == pytest.approx(pred.variance, rel=0.12)


def test_heavy_tails_are_kept(make_method: Make, some_unseen: Batch) -> None:
    fitted = make_method("mc_dropout", likelihood="student_t").fit(some_unseen, Runtime())
    assert isinstance(fitted.predict(some_unseen.inputs, some_unseen.test), StudentT)


def test_intervals_without_the_noise_term_are_too_narrow(fit_of: FitOf, some_unseen: Batch) -> None:
    rows = some_unseen.validation
    pred = dropout_fit(fit_of).predict(some_unseen.inputs, rows)
    error = np.abs(pred.mean - rows.response.numpy())
    assert np.mean(error < 1.645 * pred.std) > np.mean(error < 1.645 * np.sqrt(pred.epistemic)) + 0.1


@pytest.mark.parametrize(("option", "value"), [("rate", 1.0), ("rate", -0.1), ("passes", 1)])
def test_options_that_cannot_be_are_refused(option: str, value: float, make_method: Make) -> None:
    with pytest.raises(FitError, match=option):
        make_method("mc_dropout", **{option: value})
