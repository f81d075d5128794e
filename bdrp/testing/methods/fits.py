"""Checks of fitting: repeatable, on little data too, saved and restored to the bit, with nothing global changed."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pyro
import torch

from bdrp.data.screen import Screen
from bdrp.errors import ModelFolderError
from bdrp.inference.method import Fitted, Runtime
from bdrp.testing.checking import require, require_refusal
from bdrp.testing.methods.subject import Check, Subject, moments
from bdrp.testing.screens import batch_of, tiny_screen


def the_same_seed_gives_the_same_fit_and_another_seed_another(subject: Subject) -> None:
    """A method without random numbers says `stochastic = False`, and then no seed matters."""
    first, again, other = (_at_test(subject, fit) for fit in (subject.fitted, subject.refit(0), subject.refit(1)))
    require(np.array_equal(first, again), "two fits with one seed predict differently")
    same = np.array_equal(first, other)
    require(
        same != subject.method.stochastic,
        f"stochastic is {subject.method.stochastic}, and two seeds predict " + ("the same" if same else "differently"),
    )


def the_global_random_state_does_not_matter(subject: Subject) -> None:
    """The seed alone decides."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(987)
        other = _at_test(subject, subject.refit())
    require(np.array_equal(other, _at_test(subject, subject.fitted)), "it changes with torch's own random state")


def nothing_global_is_changed(subject: Subject) -> None:
    """Random states, Pyro's parameter store and settings, torch's defaults and threads stay as they are."""
    with _nothing_global_changes("fit"):
        fitted = subject.refit(seed=3)
    with _nothing_global_changes("predict"):
        fitted.predict(subject.batch.inputs, subject.batch.test).sample(2, seed=0)
    with _nothing_global_changes("restore"):
        subject.make().restore(subject.batch.features, fitted.state())


def the_batch_is_left_as_it_was(subject: Subject) -> None:
    """It is used again, for the next method."""
    batch = subject.batch
    before = [tensor.clone() for tensor in (batch.inputs.genes, batch.train.response)]
    subject.refit()
    same = [torch.equal(*pair) for pair in zip(before, (batch.inputs.genes, batch.train.response), strict=True)]
    require(all(same), "fit changes the batch that it is given; work on a copy")


def fitting_warns_of_nothing(subject: Subject) -> None:
    """A warning that everybody gets, nobody reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        subject.refit()


def a_restored_fit_predicts_the_same_to_the_bit(subject: Subject) -> None:
    """All that it predicts from is in `state`."""
    batch, fitted = subject.batch, subject.fitted
    state = {key: value.clone() for key, value in fitted.state().items()}
    restored = subject.make().restore(batch.features, state)
    for rows in (batch.test, batch.train):
        left, right = (moments(each.predict(batch.inputs, rows)) for each in (fitted, restored))
        require(np.array_equal(left, right), f"it differs by up to {np.abs(left - right).max():.3g}")


def a_fit_made_on_an_accelerator_predicts_the_same_on_a_processor(subject: Subject) -> None:
    """Its state comes back to the processor; to be checked where there is an accelerator."""
    batch = subject.batch
    there = subject.make().fit(batch, Runtime(device="cuda"))
    state = there.state()
    require({value.device.type for value in state.values()} == {"cpu"}, "state holds tensors on the accelerator")
    left, right = (_at_test(subject, each) for each in (there, subject.make().restore(batch.features, state)))
    tolerance = 0.2 if subject.method.samples_predictions else 1e-3
    close = np.allclose(left, right, rtol=tolerance, atol=tolerance)
    require(close, f"it differs by up to {np.abs(left - right).max():.3g}")


def tensors_that_do_not_fit_are_refused(subject: Subject) -> None:
    """One that is missing, one too many, one of another shape, and none at all."""
    state = dict(subject.fitted.state())
    first = sorted(state)[0]
    altered = {
        f"a state without {first}": {key: value for key, value in state.items() if key != first},
        "a state with a foreign tensor": state | {"stranger": torch.zeros(3)},
        f"a state with {first} of another shape": state | {first: torch.zeros(3, 1, 4, 1)},
        "an empty state": {},
    }
    for what, tensors in altered.items():
        restore = partial(subject.make().restore, subject.batch.features, tensors)
        require_refusal(ModelFolderError, "", restore, what)


def one_drug_or_one_line_is_enough(subject: Subject) -> None:
    """A screen may hold no more."""
    screen = tiny_screen()
    for column in ("drug_id", "cell_line_id"):
        responses = screen.responses
        kept = responses[responses[column] == responses[column].iloc[0]].reset_index(drop=True)
        _require_finite(subject, _with(screen, kept), np.where(np.arange(len(kept)) % 4 == 0, "test", "train"))


def replicates_of_one_pair_alone_can_be_fitted(subject: Subject) -> None:
    """Fifteen responses of one drug on one line."""
    row = tiny_screen().responses.iloc[[0] * 15].reset_index(drop=True)
    row["response"] = row["response"] + np.linspace(-1, 1, 15)
    _require_finite(subject, _with(tiny_screen(), row), np.array(["train"] * 15))


def no_validation_part_is_needed(subject: Subject) -> None:
    """As when a method is fitted again on all rows but the test part."""
    rows = np.arange(len(tiny_screen().responses))
    _require_finite(subject, tiny_screen(), np.where(rows % 5 == 0, "test", "train"))


def _at_test(subject: Subject, fitted: Fitted) -> Any:
    return moments(fitted.predict(subject.batch.inputs, subject.batch.test))


def _with(screen: Screen, responses: Any) -> Screen:
    return Screen("some", screen.measure, responses, screen.drugs, screen.cell_lines, screen.expression)


def _require_finite(subject: Subject, screen: Screen, parts: Any) -> None:
    batch = batch_of(screen, parts)
    rows = batch.test if len(batch.test) else batch.train
    pred = subject.refit(batch=batch).predict(batch.inputs, rows)
    require(bool(np.isfinite(moments(pred)).all()), f"{len(batch.train)} responses give moments that are not finite")


@contextmanager
def _nothing_global_changes(what: str) -> Iterator[None]:
    def state() -> dict[str, Any]:
        return {
            "torch's random state": torch.random.get_rng_state().tolist(),
            "numpy's random state": np.random.get_state()[1].tolist(),  # type: ignore[index]
            "Python's random state": random.getstate(),
            "Pyro's parameter store": sorted(pyro.get_param_store().keys()),
            "Pyro's settings": pyro.settings.get(),
            "whether torch checks distributions": torch.distributions.Distribution._validate_args,
            "torch's default dtype": torch.get_default_dtype(),
            "torch's number of threads": torch.get_num_threads(),
            "whether torch keeps gradients": torch.is_grad_enabled(),
        }

    before = state()
    yield
    changed = [name for name, value in state().items() if value != before[name]]
    require(not changed, f"{what} changes {', '.join(changed)}; see `bdrp.inference.method.isolate_random_state`")


CHECKS: tuple[Check, ...] = (
    the_same_seed_gives_the_same_fit_and_another_seed_another,
    the_global_random_state_does_not_matter,
    nothing_global_is_changed,
    the_batch_is_left_as_it_was,
    fitting_warns_of_nothing,
    a_restored_fit_predicts_the_same_to_the_bit,
    tensors_that_do_not_fit_are_refused,
    one_drug_or_one_line_is_enough,
    replicates_of_one_pair_alone_can_be_fitted,
    no_validation_part_is_needed,
)

ON_AN_ACCELERATOR: tuple[Check, ...] = (a_fit_made_on_an_accelerator_predicts_the_same_on_a_processor,)
