"""What every method must do; a new file in `bdrp.inference` is tested here without a line more."""

from __future__ import annotations

import random
import warnings
from abc import ABC
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import FrozenInstanceError, fields, replace
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import pyro
import pytest
import torch

from bdrp import inference
from bdrp.data.screen import MEASURES, Screen
from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch
from bdrp.inference.method import Fitted, Method, Runtime
from bdrp.predictive import Normal

NAMES = inference.names()
WITHOUT_DRAWS = {"mean_effects", "ridge"}  # no random number is drawn
# A new line is as certain as a known one: ridge has no line effects, and the spread of dropout follows the size of what
# enters, which is less in the new lines of the tiny screen.
WITHOUT_LINES = {"mc_dropout", "ridge"}

FitOf = Callable[[str], Fitted]
Make = Callable[..., Any]

pytestmark = pytest.mark.parametrize("name", NAMES)


def moments(pred: Normal) -> np.ndarray:
    return np.stack([pred.mean, pred.aleatoric, pred.epistemic])


@contextmanager
def nothing_global_changes() -> Iterator[None]:
    """Random states, Pyro's parameter store and settings, torch's defaults and threads: as before."""

    def seen() -> list[Any]:
        return [
            torch.random.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),  # type: ignore[index]
            random.getstate(),
            sorted(pyro.get_param_store().keys()),
            pyro.settings.get(),
            torch.distributions.Distribution._validate_args,
            torch.get_default_dtype(),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
        ]

    before = seen()
    yield
    assert seen() == before


def test_the_method_bears_the_name_of_its_file(name: str, make_method: Make) -> None:
    method = make_method(name)
    assert isinstance(method, Method) and method.name == name
    bases = type(method).__mro__[1:]  # abstract ones alone, at most two levels of them
    assert Method in bases[:2] and all(ABC in base.__mro__ for base in bases[: bases.index(Method) + 1])


def test_options_are_frozen(name: str) -> None:
    method = inference.make(name)
    with pytest.raises(FrozenInstanceError):
        setattr(method, fields(method)[0].name, 1)


def test_an_unknown_option_is_refused_with_those_there_are(name: str) -> None:
    first = fields(import_module(f"bdrp.inference.{name}").METHOD)[0].name
    with pytest.raises(FitError, match=f"{name} has no option colour. It has: {first}"):
        inference.make(name, {"colour": "red"})


def test_options_of_the_wrong_kind_are_refused_by_name(name: str) -> None:
    for field in fields(inference.make(name)):
        open_ = field.default is None  # a count that may be left open
        wrong: list[Any] = [[1], {}, True] + ([2.5] if open_ or type(field.default) is int else [])
        wrong += [] if open_ else [None]
        wrong += [] if isinstance(field.default, str) else ["many", float("nan"), float("inf"), "nan"]
        for value in wrong:
            with pytest.raises(FitError, match=f"An option of {name} has the wrong kind|{field.name} is"):
                inference.make(name, {field.name: value})


def test_numbers_below_what_is_possible_are_refused_by_name(name: str) -> None:
    for field in fields(inference.make(name)):
        if not isinstance(field.default, str):
            with pytest.raises(FitError, match=field.name):
                inference.make(name, {field.name: -1})


def test_options_given_as_text_are_read_as_their_kind(name: str) -> None:
    defaults = inference.make(name)
    spoken = {field.name: str(getattr(defaults, field.name)) for field in fields(defaults)}
    assert inference.make(name, spoken) == defaults


def test_predictions_are_finite_and_in_the_order_of_the_pairs(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    pred = fit_of(name).predict(some_unseen.inputs, some_unseen.test)
    assert len(pred) == len(some_unseen.test)
    assert np.isfinite(moments(pred)).all() and (pred.aleatoric > 0).all() and (pred.epistemic >= 0).all()
    assert pred.keys["drug_id"].tolist() == [some_unseen.inputs.drug_ids[i] for i in some_unseen.test.drug.tolist()]
    assert pred.measure == "ln_ic50_um" and pred.unit == MEASURES["ln_ic50_um"].unit


def test_permuting_pairs_permutes_predictions(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    rows, order = some_unseen.test, torch.randperm(len(some_unseen.test), generator=torch.Generator().manual_seed(0))
    whole = moments(fit_of(name).predict(some_unseen.inputs, rows))
    assert moments(fit_of(name).predict(some_unseen.inputs, rows.at(order))) == pytest.approx(whole[:, order], rel=1e-4)


def test_pairs_predicted_apart_agree_with_pairs_predicted_together(
    name: str, fit_of: FitOf, some_unseen: Batch
) -> None:
    rows = some_unseen.test
    whole = moments(fit_of(name).predict(some_unseen.inputs, rows))
    for row in (0, 7, len(rows) - 1):
        alone = moments(fit_of(name).predict(some_unseen.inputs, rows.at(torch.tensor([row]))))
        assert alone[:, 0] == pytest.approx(whole[:, row], rel=1e-3, abs=1e-5)


def test_no_pairs_have_no_predictions(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    assert len(fit_of(name).predict(some_unseen.inputs, some_unseen.calibration)) == 0


def test_a_prediction_does_not_depend_on_the_response(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    from dataclasses import replace

    rows = some_unseen.test
    blind = replace(rows, response=torch.full_like(rows.response, torch.nan))
    left, right = (moments(fit_of(name).predict(some_unseen.inputs, which)) for which in (rows, blind))
    assert np.array_equal(left, right)


def test_what_was_not_trained_on_is_less_certain(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    inputs, rows = some_unseen.inputs, some_unseen.test
    epistemic = fit_of(name).predict(inputs, rows).epistemic
    new_drug, new_line = (inputs.drug_effect[rows.drug] < 0).numpy(), (inputs.line_effect[rows.line] < 0).numpy()
    known = fit_of(name).predict(inputs, some_unseen.train).epistemic.mean()
    assert epistemic[new_drug & ~new_line].mean() > 1.3**2 * known
    # Where a method knows lines by name, the same expression under no name is the fair stranger: that of other lines
    # may lie nearer to the middle of what was trained on.
    nameless = replace(inputs, line_effect=torch.full_like(inputs.line_effect, -1))
    stranger = fit_of(name).predict(nameless, some_unseen.train).epistemic.mean()
    if name not in WITHOUT_LINES:
        assert (stranger if stranger != known else epistemic[new_line & ~new_drug].mean()) > known
    assert epistemic[new_line & new_drug].mean() > epistemic[new_line & ~new_drug].mean()


def test_the_same_seed_gives_the_same_prediction_and_another_seed_another(
    name: str, make_method: Make, fit_of: FitOf, some_unseen: Batch
) -> None:
    first = moments(fit_of(name).predict(some_unseen.inputs, some_unseen.test))
    again, other = (
        moments(make_method(name).fit(some_unseen, Runtime(seed=seed)).predict(some_unseen.inputs, some_unseen.test))
        for seed in (0, 1)
    )
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (name in WITHOUT_DRAWS)


def test_a_restored_fit_predicts_the_same_to_the_bit(
    name: str, make_method: Make, fit_of: FitOf, some_unseen: Batch
) -> None:
    fitted = fit_of(name)
    state = {key: value.clone() for key, value in fitted.state().items()}
    restored = make_method(name).restore(some_unseen.features, state)
    for rows in (some_unseen.test, some_unseen.train):
        left, right = (moments(f.predict(some_unseen.inputs, rows)) for f in (fitted, restored))
        assert np.array_equal(left, right)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
def test_a_fit_made_on_an_accelerator_is_saved_and_predicts_the_same_on_a_processor(
    name: str, make_method: Make, some_unseen: Batch
) -> None:
    there = make_method(name).fit(some_unseen, Runtime(device="cuda"))
    state = there.state()
    assert {value.device.type for value in state.values()} == {"cpu"}
    here = make_method(name).restore(some_unseen.features, state)
    left, right = (moments(fitted.predict(some_unseen.inputs, some_unseen.test)) for fitted in (there, here))
    # Dropout masks come from the device's own generator: moments of 100 passes then agree to their standard error.
    tolerance = 0.2 if name == "mc_dropout" else 1e-3
    np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("how", ["missing", "foreign", "wrong shape", "empty"])
def test_tensors_that_do_not_fit_are_refused(
    name: str, how: str, make_method: Make, fit_of: FitOf, some_unseen: Batch
) -> None:
    state = dict(fit_of(name).state())
    first = sorted(state)[0]
    if how == "missing":
        del state[first]
    elif how == "foreign":
        state["stranger"] = torch.zeros(3)
    elif how == "wrong shape":
        state[first] = torch.zeros(3, 1, 4, 1)
    else:
        state = {}
    with pytest.raises(ModelFolderError):
        make_method(name).restore(some_unseen.features, state)


def test_nothing_global_is_changed(name: str, make_method: Make, some_unseen: Batch) -> None:
    method = make_method(name)
    with nothing_global_changes():
        fitted = method.fit(some_unseen, Runtime(seed=3))
    with nothing_global_changes():
        pred = fitted.predict(some_unseen.inputs, some_unseen.test)
        pred.sample(2, seed=0)
    with nothing_global_changes():
        method.restore(some_unseen.features, fitted.state())


def test_the_global_random_state_does_not_matter(
    name: str, make_method: Make, fit_of: FitOf, some_unseen: Batch
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(987)
        fitted = make_method(name).fit(some_unseen, Runtime())
    expected = moments(fit_of(name).predict(some_unseen.inputs, some_unseen.test))
    assert np.array_equal(moments(fitted.predict(some_unseen.inputs, some_unseen.test)), expected)


def test_the_batch_is_left_as_it_was(name: str, make_method: Make, some_unseen: Batch) -> None:
    before = [tensor.clone() for tensor in (some_unseen.inputs.genes, some_unseen.train.response)]
    make_method(name).fit(some_unseen, Runtime())
    assert all(
        torch.equal(left, right)
        for left, right in zip(before, (some_unseen.inputs.genes, some_unseen.train.response), strict=True)
    )


def only(screen: Screen, column: str, value: str) -> Screen:
    responses = screen.responses
    return Screen(
        "one",
        screen.measure,
        responses[responses[column] == value].reset_index(drop=True),
        screen.drugs,
        screen.cell_lines,
        screen.expression,
    )


@pytest.mark.parametrize("column", ["drug_id", "cell_line_id"])
def test_one_drug_or_one_line_is_enough(
    name: str, column: str, tiny_screen: Screen, make_method: Make, make_batch: Callable[..., Batch]
) -> None:
    screen = only(tiny_screen, column, tiny_screen.responses[column].iloc[0])
    rows = np.arange(len(screen.responses))
    made = make_batch(screen, np.where(rows % 4 == 0, "test", "train"))
    fitted = make_method(name).fit(made, Runtime())
    assert np.isfinite(moments(fitted.predict(made.inputs, made.test))).all()


def test_replicates_of_one_line_alone_can_be_fitted(
    name: str, tiny_screen: Screen, make_method: Make, make_batch: Callable[..., Batch]
) -> None:
    row = tiny_screen.responses.iloc[[0] * 15].reset_index(drop=True)
    row["response"] = row["response"] + np.linspace(-1, 1, 15)
    screen = Screen("r", tiny_screen.measure, row, tiny_screen.drugs, tiny_screen.cell_lines, tiny_screen.expression)
    made = make_batch(screen, np.array(["train"] * 15))
    pred = make_method(name).fit(made, Runtime()).predict(made.inputs, made.train)
    assert np.isfinite(moments(pred)).all()


def test_no_validation_part_is_needed(
    name: str, tiny_screen: Screen, make_method: Make, make_batch: Callable[..., Batch]
) -> None:
    made = make_batch(tiny_screen, np.where(np.arange(len(tiny_screen.responses)) % 5 == 0, "test", "train"))
    fitted = make_method(name).fit(made, Runtime())
    assert np.isfinite(moments(fitted.predict(made.inputs, made.test))).all()


def test_the_area_under_the_curve_is_a_measure_too(
    name: str, tiny_screen: Screen, make_method: Make, make_batch: Callable[..., Batch]
) -> None:
    responses = tiny_screen.responses
    responses["response"] = 1 / (1 + np.exp(-responses["response"]))
    responses[["lower_limit", "upper_limit"]] = np.nan
    screen = Screen(
        "auc", MEASURES["auc_fraction"], responses, tiny_screen.drugs, tiny_screen.cell_lines, tiny_screen.expression
    )
    made = make_batch(screen, np.where(np.arange(len(responses)) % 5 == 0, "test", "train"))
    pred = make_method(name).fit(made, Runtime()).predict(made.inputs, made.test)
    assert pred.measure == "auc_fraction" and pred.unit == MEASURES["auc_fraction"].unit
    error = pred.mean - made.test.response.numpy()
    assert np.sqrt(np.mean(error**2)) < made.test.response.numpy().std()


def test_predictions_follow_the_unit_of_the_responses(
    name: str, tiny_screen: Screen, make_method: Make, make_batch: Callable[..., Batch]
) -> None:
    parts = np.where(np.arange(len(tiny_screen.responses)) % 5 == 0, "test", "train")
    responses = tiny_screen.responses
    responses["response"] = responses["response"] * 0.5 + 1
    responses[["lower_limit", "upper_limit"]] = np.nan
    halved = Screen(
        "h", tiny_screen.measure, responses, tiny_screen.drugs, tiny_screen.cell_lines, tiny_screen.expression
    )
    whole, half = (
        make_method(name).fit(made, Runtime()).predict(made.inputs, made.test)
        for made in (make_batch(tiny_screen, parts), make_batch(halved, parts))
    )
    assert half.mean == pytest.approx(0.5 * whole.mean + 1, abs=0.02)
    assert half.std == pytest.approx(0.5 * whole.std, rel=0.02)


def test_fitting_warns_of_nothing(name: str, make_method: Make, some_unseen: Batch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_method(name).fit(some_unseen, Runtime())


def test_beats_a_single_normal_for_all_pairs(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    rows = some_unseen.validation
    pred = fit_of(name).predict(some_unseen.inputs, rows)
    constant = Normal(
        pred.keys,
        pred.measure,
        np.full(len(rows), some_unseen.features.centre),
        np.full(len(rows), some_unseen.features.spread**2),
        np.zeros(len(rows)),
    )
    response = rows.response.numpy()
    assert pred.crps(response).mean() < constant.crps(response).mean()


def test_keys_are_text(name: str, fit_of: FitOf, some_unseen: Batch) -> None:
    keys = fit_of(name).predict(some_unseen.inputs, some_unseen.test).keys
    assert list(keys.columns) == ["cell_line_id", "drug_id"]
    assert all(isinstance(value, str) for value in keys.to_numpy().ravel())
    assert keys.index.equals(pd.RangeIndex(len(keys)))
