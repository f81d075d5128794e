from __future__ import annotations

from collections.abc import Callable

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
