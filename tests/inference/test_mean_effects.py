from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bdrp.data.screen import Screen
from bdrp.features.batch import Batch
from bdrp.inference.mean_effects import MeanEffectsMethod
from bdrp.inference.method import Runtime


@pytest.fixture
def additive(tiny_screen: Screen) -> Screen:
    """Every line with every drug: a drug effect plus a line effect, no noise."""
    keys = pd.MultiIndex.from_product([tiny_screen.expression.index, tiny_screen.drugs.index]).to_frame(index=False)
    keys.columns = pd.Index(["cell_line_id", "drug_id"])
    line, drug = (keys[name].astype("category").cat.codes for name in keys)
    responses = keys.assign(response=0.5 * drug - 0.1 * line, lower_limit=np.nan, upper_limit=np.nan, laboratory="")
    return Screen(
        "a", tiny_screen.measure, responses, tiny_screen.drugs, tiny_screen.cell_lines, tiny_screen.expression
    )


def test_additive_effects_are_found_exactly(additive: Screen, make_batch: Callable[..., Batch]) -> None:
    rows = np.arange(len(additive.responses))
    made = make_batch(additive, np.where(rows % 7 == 0, "test", "train"))
    pred = MeanEffectsMethod(shrinkage=0, sweeps=50).fit(made, Runtime()).predict(made.inputs, made.test)
    assert pred.mean == pytest.approx(made.test.response.numpy(), abs=1e-4)
    assert not pred.epistemic.any()


def test_effects_are_shrunken_by_the_count_of_their_responses(
    small_screen: Screen, make_batch: Callable[..., Batch]
) -> None:
    made = make_batch(small_screen, np.array(["train"] * 6))
    features = made.features
    one = MeanEffectsMethod(shrinkage=2, sweeps=1).fit(made, Runtime())
    standardised = (np.array([-1.0, 0.5, 2.0, 3.0, 4.0, 3.5]) - features.response_mean) / features.response_std
    expected = [standardised[:3].sum() / (3 + 2), standardised[3:].sum() / (3 + 2)]
    order = [features.compounds.index(key) for key in small_screen.drugs["structure_key"]]
    assert one.state()["drugs"].numpy()[order] == pytest.approx(expected)


def test_a_new_drug_and_a_new_line_add_the_variance_between_them(
    additive: Screen, make_batch: Callable[..., Batch]
) -> None:
    first_drug = (additive.responses["drug_id"] == "D001").to_numpy()
    first_line = (additive.responses["cell_line_id"] == "SIM0001").to_numpy()
    made = make_batch(additive, np.where(first_drug | first_line, "test", "train"))
    fitted = MeanEffectsMethod().fit(made, Runtime())
    _, between_drugs, between_lines = (float(v) * made.features.response_std**2 for v in fitted.state()["spread"])
    epistemic = fitted.predict(made.inputs, made.test).epistemic
    rows = made.test
    new_drug, new_line = made.inputs.drug_effect[rows.drug] < 0, made.inputs.line_effect[rows.line] < 0
    expected = between_drugs * new_drug.double() + between_lines * new_line.double()
    assert epistemic == pytest.approx(expected.numpy())


def test_an_unseen_id_borrows_from_the_ids_of_its_compound(twins: Batch) -> None:
    fitted, inputs, features = MeanEffectsMethod().fit(twins, Runtime()), twins.inputs, twins.features
    pred, third = fitted.predict(inputs, twins.test), np.asarray(inputs.drug_ids)[twins.test.drug.numpy()] == "third"
    effects, lines = fitted.state()["drugs"].numpy(), fitted.state()["lines"].numpy()
    own = effects[[features.drugs.ids.index(drug) for drug in (inputs.drug_ids[0], "twin")]]
    assert abs(np.diff(own)[0]) * features.response_std == pytest.approx(2, rel=0.05)
    between = float(fitted.state()["spread"][1])
    # of the two ids alone is known how far ids differ, beside what counts as one compound more
    share = 1 - (((own - own.mean()) ** 2).sum() / effects.var() + 0.15) / 2
    told = share / (share + (1 - share) / 2)
    expected = told * own.mean() + lines[inputs.line_effect[twins.test.line].numpy()]
    mean = features.response_mean + features.response_std * expected
    assert pred.mean[third] == pytest.approx(mean[third])
    left = 1 - share * told
    assert pred.epistemic[third] == pytest.approx(features.response_std**2 * between * left)
    assert pred.epistemic[~third] == pytest.approx(features.response_std**2 * between)


def test_responses_that_were_measured_badly_count_less_and_leave_the_noise_alone(
    tiny_screen: Screen, make_batch: Callable[..., Batch]
) -> None:
    rng, rows = np.random.default_rng(0), tiny_screen.responses
    sd = rng.choice([0.1, 3.0], len(rows))
    measured = rows.assign(response=rows["response"] + sd * rng.standard_normal(len(rows)), response_sd=sd)
    measured = measured.assign(lower_limit=np.nan, upper_limit=np.nan)
    found = {}
    for name, responses in (("clean", rows), ("told", measured), ("untold", measured.drop(columns="response_sd"))):
        made = make_batch(replace(tiny_screen, responses=responses), np.repeat("train", len(rows)))
        pred = MeanEffectsMethod().fit(made, Runtime()).predict(made.inputs, made.train)
        found[name] = pred.mean, pred.aleatoric_std.mean()
    mean, noise = found["clean"]
    assert found["untold"][1] > 1.5 * noise
    assert found["told"][1] == pytest.approx(noise, rel=0.15)
    error = {name: float(np.square(each[0] - mean).mean()) for name, each in found.items()}
    assert error["told"] < 0.5 * error["untold"]
