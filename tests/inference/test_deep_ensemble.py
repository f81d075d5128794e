"""The ensemble: its mixture, its members, and two ways to compute one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bdrp.errors import BdrpWarning, FitError
from bdrp.features.batch import Batch
from bdrp.inference import deep_ensemble
from bdrp.inference.deep_ensemble import EnsembleFit, draw_bootstrap, repeat_rows
from bdrp.inference.hierarchical import likelihood
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.method import Fitted, Runtime
from bdrp.inference.network import mixture
from bdrp.inference.network.point import PointFit
from bdrp.inference.training import loop as training
from bdrp.model.dropout import Dropout
from bdrp.predictive import StudentT

Make = Callable[..., Any]


@pytest.fixture
def without_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dropout, "forward", lambda self, values: values)


def ensemble(fit_of: Callable[[str], Fitted]) -> EnsembleFit:
    fitted = fit_of("deep_ensemble")
    assert isinstance(fitted, EnsembleFit)
    return fitted


def test_moments_follow_the_law_of_total_variance() -> None:
    means = np.array([[1.0, 0.0], [3.0, 0.0], [5.0, 3.0]])
    aleatoric = np.array([[1.0, 2.0], [1.0, 2.0], [4.0, 2.0]])
    epistemic = np.array([[0.0, 0.5], [0.0, 0.5], [0.3, 0.5]])
    mean, noise, doubt = mixture.mixture_moments(means, aleatoric, epistemic)
    assert mean == pytest.approx([3.0, 1.0]) and noise == pytest.approx([2.0, 2.0])
    assert doubt == pytest.approx([8 / 3 + 0.1, 2.0 + 0.5])


def test_components_that_are_not_kept_give_the_same_moments() -> None:
    # an SD of 0.01 about a mean of 1,000: squares of single-precision means themselves would lose it
    generator = torch.Generator().manual_seed(0)
    means = 1000 + 0.01 * torch.randn(7, 20, generator=generator)
    aleatoric, epistemic = torch.rand(2, 7, 20, generator=generator)
    running = mixture.RunningMixture()
    for rows in (slice(0, 1), slice(1, 4), slice(4, 7)):
        running.add(means[rows], aleatoric[rows], 0.0 * epistemic[rows])
    whole = mixture.mixture_moments(means.double(), aleatoric.double(), 0.0 * epistemic.double())
    for found, expected in zip(running.moments(), whole, strict=True):
        assert torch.allclose(found, expected, rtol=1e-6)


def member_mean(member: Layer[PointEstimate], batch: Batch) -> np.ndarray:
    return member.posterior_of(batch.inputs, batch.test).mean


def test_a_prediction_is_the_mixture_of_its_members(fit_of: Callable[[str], Fitted], some_unseen: Batch) -> None:
    fitted, rows = ensemble(fit_of), some_unseen.test
    whole, own = (
        fitted.predict(some_unseen.inputs, rows),
        [PointFit(member).predict(some_unseen.inputs, rows) for member in fitted.members],
    )
    means = np.stack([pred.mean for pred in own])
    assert whole.mean == pytest.approx(means.mean(0))
    assert whole.aleatoric == pytest.approx(np.mean([pred.aleatoric for pred in own], axis=0))
    inside = np.mean([pred.epistemic for pred in own], axis=0)
    assert whole.epistemic == pytest.approx(means.var(0) + inside)


def test_members_differ(fit_of: Callable[[str], Fitted], some_unseen: Batch) -> None:
    left, right = (member_mean(m, some_unseen) for m in ensemble(fit_of).members)
    assert np.abs(left - right).max() > 0.01


@pytest.mark.usefixtures("without_dropout")
def test_members_trained_together_are_those_trained_in_turn(make_method: Make, some_unseen: Batch) -> None:
    together, in_turn = (
        make_method("deep_ensemble", together=how, likelihood="censored").fit(some_unseen, Runtime()).state()
        for how in ("yes", "no")
    )
    for name, value in together.items():
        if "kinship" not in name:  # a correlation chosen from a grid may jump
            assert torch.allclose(value, in_turn[name], atol=2e-3), name


@pytest.mark.usefixtures("without_dropout")
@pytest.mark.parametrize("family", ["normal", "student_t", "censored"])
def test_gradients_together_are_those_in_turn(family: str, make_method: Make, some_unseen: Batch) -> None:
    method = make_method("deep_ensemble", likelihood=family, bootstrap="yes", lines="new")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fitted = method._assemble(some_unseen.features, len(some_unseen.train))
    members = deep_ensemble._EnsembleTraining(method._warm_start(some_unseen, fitted), fitted, some_unseen)
    block = next(iter(members.blocks(torch.Generator().manual_seed(0))))
    found: list[list[Tensor]] = []
    for members.batched in (True, False):
        members.module.zero_grad()
        members.loss(block).backward()
        members.clip(0.05)
        found.append([value.grad.clone() for value in members.module if value.grad is not None])
    assert len(found[0]) > 20
    for left, right in zip(*found, strict=True):
        assert torch.allclose(left, right, atol=1e-6)
    norms = torch.stack([(g**2).view(2, -1).sum(1) for g in found[0]]).sum(0).sqrt()
    assert norms == pytest.approx(torch.full((2,), 0.05), rel=1e-3)


def test_dropout_differs_between_members_that_train_together(make_method: Make, some_unseen: Batch) -> None:
    method = make_method("deep_ensemble", together="yes", lines="new")
    fitted = method._assemble(some_unseen.features, len(some_unseen.train))
    left, right = fitted.members
    right.modules.load_state_dict(left.modules.state_dict())
    members = deep_ensemble._EnsembleTraining(method, fitted, some_unseen)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        members.loss(next(iter(members.blocks(torch.Generator().manual_seed(0))))).backward()
    gradient = dict(zip(members.names, members.module, strict=True))["point.w_mean"].grad
    weights = dict(zip(members.names, members.module, strict=True))["model.network.drugs.state.weight"].grad
    assert gradient is not None and torch.isfinite(gradient).all()
    assert weights is None or weights.abs().sum() == 0 or not torch.equal(weights[0], weights[1])


def test_a_bootstrap_draws_whole_lines(some_unseen: Batch) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        times = draw_bootstrap(len(some_unseen.features.lines))
    assert times.sum() == len(some_unseen.features.lines) and (times == 0).any() and times.max() > 1
    rows, line = repeat_rows(some_unseen, times), some_unseen.inputs.line_effect[some_unseen.train.line]
    for position in range(len(times)):
        own = torch.nonzero(line == position)[:, 0]
        assert (torch.bincount(rows, minlength=len(line))[own] == times[position]).all()


def test_a_line_that_a_bootstrap_left_out_is_new_to_the_member(make_method: Make, some_unseen: Batch) -> None:
    fitted = make_method("deep_ensemble", bootstrap="yes").fit(some_unseen, Runtime())
    missed = fitted.times[0] == 0
    effect = some_unseen.inputs.line_effect
    own = fitted._as_seen(0, some_unseen.inputs).line_effect
    assert missed.any() and (own[(effect >= 0) & missed[effect.clamp(min=0)]] == -1).all()
    assert not torch.equal(fitted.times[0], fitted.times[1])
    untouched = fitted.members[0].guide.u_mean[missed]
    assert untouched.abs().max() < 0.05 * fitted.members[0].guide.u_mean.abs().max() + 0.02
    pred = fitted.predict(some_unseen.inputs, some_unseen.train)
    line = effect[some_unseen.train.line]
    known = (fitted.times > 0).all(0)[line].numpy()
    assert pred.epistemic[~known].mean() > pred.epistemic[known].mean()


def test_joint_draws_share_a_member_and_have_the_moments(fit_of: Callable[[str], Fitted], some_unseen: Batch) -> None:
    # 4000 draws: a variance is off by 2.2 % (one SD); 12 % at 20 pairs fails fewer than once in 10^5 runs of the seed.
    rows = some_unseen.test.select(torch.arange(0, len(some_unseen.test), max(1, len(some_unseen.test) // 20)))
    pred = ensemble(fit_of).predict(some_unseen.inputs, rows)
    drawn = pred.joint(4000, seed=1)
    assert drawn.mean(0) == pytest.approx(pred.mean, abs=float(5 * (pred.variance / 4000).max() ** 0.5))
    assert drawn.var(0) == pytest.approx(pred.variance, rel=0.12)
    assert pred[[2]].joint(3, seed=0).shape == (3, 1)


def test_a_student_t_ensemble_has_the_average_of_its_members_degrees(make_method: Make, some_unseen: Batch) -> None:
    fitted = make_method("deep_ensemble", likelihood="student_t").fit(some_unseen, Runtime())
    pred = fitted.predict(some_unseen.inputs, some_unseen.test)
    assert isinstance(pred, StudentT)
    assert pred.dof == pytest.approx(np.mean([member.model.noise_distribution.noise_dof for member in fitted.members]))
    assert mixture.average_dof([None, None]) is None


def test_the_log_of_the_normal_cdf_is_torchs_own() -> None:
    x = torch.tensor([-50.0, -5.0, -1.0, 0.0, 1.0, 6.0, 30.0], requires_grad=True)
    found = [(f(x), torch.autograd.grad(f(x).sum(), x)[0]) for f in (likelihood._log_ndtr, torch.special.log_ndtr)]
    for left, right in zip(*found, strict=True):
        assert torch.allclose(left, right, rtol=1e-4)


@pytest.mark.parametrize(
    "options", [{"members": 0}, {"together": "perhaps"}, {"bootstrap": "rows"}], ids=lambda options: next(iter(options))
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], make_method: Make) -> None:
    with pytest.raises(FitError, match=next(iter(options))):
        make_method("deep_ensemble", **options)


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Interrupts the fit before its step number `[0]`, once."""
    left, loss = [10**9], deep_ensemble._EnsembleTraining.loss

    def interrupted(self: Any, block: Any) -> Tensor:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return loss(self, block)

    monkeypatch.setattr(deep_ensemble._EnsembleTraining, "loss", interrupted)
    yield left


def test_an_interrupted_ensemble_keeps_all_members_and_resumes_to_the_bit(
    make_method: Make, some_unseen: Batch, tmp_path: Path, stopping: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    method, runtime = make_method("deep_ensemble", lines_a_block=9), Runtime(checkpoint=tmp_path / "c.safetensors")
    whole = method.fit(some_unseen, Runtime()).state()
    stopping[0] = 5
    with pytest.warns(BdrpWarning, match="Interrupted in epoch 2"):
        early = method.fit(some_unseen, runtime)
    assert early.interrupted and early.history["epoch"] == 1
    left, right = (member_mean(member, some_unseen) for member in early.members)
    assert np.isfinite(left).all() and np.isfinite(right).all()
    resumed = method.fit(some_unseen, runtime).state()
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_a_second_fit_takes_as_many_epochs_as_the_first_and_serves_the_same_lines(
    fit_of: Callable[[str], Fitted], make_method: Make
) -> None:
    fitted = ensemble(fit_of)
    again = make_method("deep_ensemble").refit_options(fitted)
    assert again.epochs == fitted.history["epoch"] and again.lines == fitted.history["lines"]
