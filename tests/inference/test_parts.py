"""Methods that train the network, with a part replaced or left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bdrp import inference
from bdrp.errors import FitError
from bdrp.features.batch import Batch
from bdrp.inference.hierarchical.layer import NOTHING
from bdrp.inference.initialisation import solve as starting
from bdrp.inference.method import Runtime

VARIANTS: list[dict[str, str]] = [
    {"drug_encoder": "fingerprint"},
    {"drug_encoder": "one_hot"},
    {"pairing": "concatenation"},
    {"pairing": "attention"},
    {"expression": "ignored"},
    {"linear_path": "ignored"},
    {"hierarchical_effects": "ignored"},
]
EVERYTHING = {name: value for variant in VARIANTS for name, value in variant.items()}
NETWORKS = ["deep_ensemble", "deterministic", "last_layer", "mc_dropout", "variational"]

Make = Callable[..., Any]


def moments(fitted: Any, batch: Batch, rows: Any = None) -> np.ndarray:
    pred = fitted.predict(batch.inputs, batch.test if rows is None else rows)
    return np.stack([pred.mean, pred.aleatoric, pred.epistemic])


def check(method: Any, batch: Batch) -> Any:
    fitted = method.fit(batch, Runtime())
    found = moments(fitted, batch)
    assert np.isfinite(found).all()
    restored = method.restore(batch.features, {name: value.clone() for name, value in fitted.state().items()})
    assert np.array_equal(found, moments(restored, batch))
    return fitted


@pytest.mark.parametrize("parts", VARIANTS, ids=str)
def test_a_last_layer_without_a_part_fits_predicts_and_is_restored(
    parts: dict[str, str], make_method: Make, some_unseen: Batch
) -> None:
    check(make_method("last_layer", **parts), some_unseen)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_does_without_all_of_its_parts(name: str, make_method: Make, some_unseen: Batch) -> None:
    check(make_method(name, **EVERYTHING), some_unseen)


@pytest.mark.parametrize("parts", [{"linear_path": "ignored"}, {"hierarchical_effects": "ignored"}], ids=str)
def test_a_bootstrap_of_lines_does_without_parts(parts: dict[str, str], make_method: Make, some_unseen: Batch) -> None:
    fitted = check(make_method("deep_ensemble", bootstrap="yes", **parts), some_unseen)
    assert (fitted.times == 0).any()


def test_without_expression_a_prediction_does_not_depend_on_it(make_method: Make, some_unseen: Batch) -> None:
    fitted, inputs = make_method("last_layer", expression="ignored").fit(some_unseen, Runtime()), some_unseen.inputs
    blind = replace(inputs, lines={"expression": -inputs.genes}, components=-inputs.components)
    assert np.array_equal(moments(fitted, some_unseen), moments(fitted, replace(some_unseen, inputs=blind)))


def test_without_a_linear_path_there_are_no_slopes(make_method: Make, some_unseen: Batch) -> None:
    fitted, inputs = make_method("last_layer", linear_path="ignored").fit(some_unseen, Runtime()), some_unseen.inputs
    other = replace(inputs, components=5 - inputs.components)
    assert np.array_equal(moments(fitted, some_unseen), moments(fitted, replace(some_unseen, inputs=other)))
    regressors = fitted.layer.model.regressors(inputs.components)
    assert (regressors[:, 0] == 1).all()
    assert not regressors[:, 1:].any()


def test_without_a_linear_path_the_start_has_no_slope_and_a_line_no_pull_of_its_own(
    make_method: Make, some_unseen: Batch
) -> None:
    batch = make_method("last_layer", linear_path="ignored").drop_ignored_components(some_unseen)
    for jointly in (False, True):
        start = starting.solve(batch, 2, jointly=jointly, censored=False)
        assert not start.ridge.mean[:, 1:].any()
        leverage = start.ridge.leverage(start.regressors)
        assert torch.equal(leverage, leverage[:, :1].expand_as(leverage))
        assert torch.isfinite(start.ridge.variance).all()
        assert ((leverage > 0) & (leverage < 0.5)).all()


@pytest.mark.parametrize("parts", [*VARIANTS, EVERYTHING], ids=str)
def test_deviations_that_pairs_share_add_up_to_their_variance(
    parts: dict[str, str], make_method: Make, some_unseen: Batch
) -> None:
    fitted, rows = make_method("last_layer", **parts).fit(some_unseen, Runtime()), some_unseen.test
    epistemic = fitted.predict(some_unseen.inputs, rows).epistemic
    posterior = fitted.posterior_of(some_unseen.inputs, rows)
    assert np.diag(posterior.covariance(posterior)) == pytest.approx(epistemic, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", ["last_layer", "deterministic"])
def test_without_hierarchical_effects_no_compound_and_no_line_has_one(
    name: str, make_method: Make, some_unseen: Batch
) -> None:
    fitted = make_method(name, hierarchical_effects="ignored").fit(some_unseen, Runtime())
    guide = fitted.layer.guide
    for effect in (guide.v_mean, guide.u_mean, guide.g_mean):
        assert not effect.any()
    scales = [fitted.layer.model.log_compound_scale.exp(), fitted.layer.model.log_line_scale.exp()]
    assert torch.cat(scales).max() <= 1.001 * NOTHING
    nameless = replace(some_unseen.inputs, line_effect=torch.full_like(some_unseen.inputs.line_effect, -1))
    known, new = (
        moments(fitted, replace(some_unseen, inputs=i), some_unseen.train) for i in (nameless, some_unseen.inputs)
    )
    assert known == pytest.approx(new, abs=1e-5)


def test_options_are_silent_about_parts_in_their_place() -> None:
    whole = inference.make("last_layer")
    assert set(whole.options()) & set(EVERYTHING) == {"pairing"}  # its default has changed
    assert inference.make("last_layer", whole.options()) == whole
    without = inference.make("last_layer", {"drug_encoder": "one_hot"})
    assert without.options() == whole.options() | {"drug_encoder": "one_hot"}


def test_a_record_that_names_no_pairing_is_of_a_model_with_attention() -> None:
    whole = inference.make("last_layer")
    record = {"method": "last_layer", "options": {k: v for k, v in whole.options().items() if k != "pairing"}}
    assert inference.make_recorded(record) == replace(whole, pairing="attention")
    assert inference.make_recorded({"method": "last_layer", "options": whole.options()}) == whole
    assert whole.pairing == "product"


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_part_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(FitError, match=rf"{name} is 'magic'.*(graph|attention|used)"):
        inference.make("last_layer", {name: "magic"})
