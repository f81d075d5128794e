"""What trees see of a drug id: its shift from the other ids of its compound, and nothing of an id that is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from bdrp.data.screen import Screen
from bdrp.features.batch import Batch
from bdrp.features.drugs import TrainingDrugs
from bdrp.inference.boosting import BoostingMethod
from bdrp.inference.conformal_forest import ConformalForestMethod
from bdrp.inference.factor_analysis import FactorAnalysisMethod
from bdrp.inference.method import Method, Runtime
from bdrp.inference.trees.regressors import Regressors


@pytest.fixture(scope="module")
def two_assays(tiny_screen: Screen, make_batch: Callable[..., Batch]) -> Batch:
    """The first drug again under the second one's id, whose responses are 5 higher; every fifth row is held out."""
    drugs, responses = tiny_screen.drugs.copy(), tiny_screen.responses
    first, second = drugs.index[:2]
    for column in ("smiles", "structure_key"):
        if column in drugs:
            drugs.loc[second, column] = drugs.loc[first, column]
    again = responses[responses["drug_id"] == first].assign(drug_id=second, response=lambda rows: rows["response"] + 5)
    rest = responses[responses["drug_id"] != second]

    both = pd.concat([rest, again], ignore_index=True)
    both[["lower_limit", "upper_limit"]] = np.nan
    screen = Screen("two", tiny_screen.measure, both, drugs, tiny_screen.cell_lines, tiny_screen.expression)
    return make_batch(screen, np.where(np.arange(len(both)) % 5 == 0, "test", "train"))


def test_a_shift_is_how_far_an_id_lies_from_the_mean_of_its_compounds_ids() -> None:
    drugs = TrainingDrugs(("A", "A", "B"), ("1", "2", "3"))
    assert drugs.deviations(torch.tensor([2.0, 8.0, 5.0])).tolist() == [-3.0, 3.0, 0.0]
    assert drugs.repeats == 1


def test_the_shift_is_taken_off_responses_and_a_new_id_has_none(two_assays: Batch) -> None:
    batch, features = two_assays, two_assays.features
    columns = Regressors.of(batch, 8, 4)
    drug = batch.inputs.drug_effect[batch.train.drug].numpy()
    left = columns.response(batch.inputs, batch.train, features)
    ids = [drug == position for position in range(len(features.compounds)) if float(columns.shift[position]) != 0]
    assert len(ids) == 2
    assert left[ids[0]].mean() == pytest.approx(left[ids[1]].mean(), abs=1e-6)
    nobody = replace(batch.inputs, drug_effect=torch.full_like(batch.inputs.drug_effect, -1))
    assert not columns.shift_of(nobody, batch.train).any()


@pytest.mark.parametrize(
    "method",
    [BoostingMethod(trees=60), ConformalForestMethod(), FactorAnalysisMethod()],
    ids=lambda method: method.name,
)
def test_two_ids_of_one_compound_are_predicted_apart(two_assays: Batch, method: Method) -> None:
    batch = two_assays
    pred = method.fit(batch, Runtime()).predict(batch.inputs, batch.test)
    compound = np.asarray(batch.features.compounds)
    twice = [position for position, key in enumerate(compound) if (compound == key).sum() == 2]
    drug, response = batch.inputs.drug_effect[batch.test.drug].numpy(), batch.test.response.numpy()
    apart = [(pred.mean - response)[drug == position].mean() for position in twice]
    # some seven held-out responses of each, whose noise has an SD of about 1; one effect for both would be 2.5 off
    assert np.abs(apart).max() < 1.5
