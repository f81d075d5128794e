from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestRegressor

from bdrp.data.screen import Screen
from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch
from bdrp.inference.method import Runtime
from bdrp.inference.random_forest import RandomForestFit, RandomForestMethod
from bdrp.inference.trees import forest
from bdrp.inference.trees.regressors import regressors


@pytest.fixture(scope="module")
def made(tiny_screen: Screen, make_batch: Callable[..., Batch]) -> Batch:
    unseen = tiny_screen.responses["cell_line_id"].isin(tiny_screen.expression.index[::4])
    return make_batch(tiny_screen, np.where(unseen, "test", "train"))


@pytest.fixture(scope="module")
def fitted(made: Batch) -> RandomForestFit:
    return RandomForestMethod().fit(made, Runtime(seed=4))


@pytest.fixture(scope="module")
def theirs(made: Batch, fitted: RandomForestFit) -> RandomForestRegressor:
    """The same forest, grown by scikit-learn alone."""
    response = (
        ((made.train.response - made.features.response_mean) / made.features.response_std).float().double().numpy()
    )
    forest = RandomForestRegressor(50, min_samples_leaf=5, max_features=0.33, random_state=4, oob_score=True)
    return forest.fit(table(made, fitted, made.train), response)


def table(made: Batch, fitted: RandomForestFit, rows: object) -> np.ndarray:
    return regressors(made.inputs, rows, fitted.state()["loadings"], 8)  # type: ignore[arg-type]


def test_every_tree_agrees_with_scikit_learn_to_the_bit(
    made: Batch, fitted: RandomForestFit, theirs: RandomForestRegressor
) -> None:
    for rows in (made.train, made.test):
        expected = np.stack([tree.predict(table(made, fitted, rows)) for tree in theirs.estimators_])
        assert np.array_equal(fitted.predict_trees(made.inputs, rows), expected)


def test_mean_and_epistemic_variance_are_those_of_the_trees(
    made: Batch, fitted: RandomForestFit, theirs: RandomForestRegressor
) -> None:
    pred, features = fitted.predict(made.inputs, made.test), made.features
    each = np.stack([tree.predict(table(made, fitted, made.test)) for tree in theirs.estimators_])
    assert pred.mean == pytest.approx(features.response_mean + features.response_std * each.mean(0))
    assert pred.epistemic == pytest.approx(features.response_std**2 * each.var(0))


def test_noise_is_the_out_of_bag_error_a_drug(
    made: Batch, fitted: RandomForestFit, theirs: RandomForestRegressor
) -> None:
    rows, features = made.train, made.features
    square = (((rows.response - features.response_mean) / features.response_std).numpy() - theirs.oob_prediction_) ** 2
    compound = made.inputs.drug_effect[rows.drug].numpy()
    for c in range(len(features.compounds)):
        own = square[compound == c]
        expected = (own.sum() + 10 * square.mean()) / (len(own) + 10)
        assert float(fitted.state()["noise"][c]) == pytest.approx(expected, rel=1e-5)


def test_the_number_of_threads_does_not_change_the_forest(
    made: Batch, fitted: RandomForestFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = torch.get_num_threads()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1 if asked > 1 else 3)
    again = RandomForestMethod().fit(made, Runtime(seed=4)).state()
    assert all(torch.equal(again[name], value) for name, value in fitted.state().items())


def test_rows_go_down_the_trees_in_blocks(
    made: Batch, fitted: RandomForestFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted.predict_trees(made.inputs, made.test)
    monkeypatch.setattr(forest, "BLOCK", 7)
    assert np.array_equal(fitted.predict_trees(made.inputs, made.test), whole)


def test_new_lines_are_predicted_better_than_by_the_mean(made: Batch, fitted: RandomForestFit) -> None:
    response = made.test.response.numpy()
    assert np.square(fitted.predict(made.inputs, made.test).mean - response).mean() < 0.8 * response.var()


@pytest.mark.parametrize(
    ("name", "value"), [("left", 0), ("right", 10**6), ("feature", 999), ("roots", -1), ("noise", -1.0)]
)
def test_a_tree_that_leads_nowhere_is_refused(made: Batch, fitted: RandomForestFit, name: str, value: float) -> None:
    state = {key: tensor.clone() for key, tensor in fitted.state().items()}
    state[name][0] = value
    with pytest.raises(ModelFolderError, match="not a forest"):
        RandomForestMethod().restore(made.features, state)


def test_a_tensor_of_another_kind_is_refused(made: Batch, fitted: RandomForestFit) -> None:
    state = dict(fitted.state())
    state["value"] = state["value"].to(torch.complex64)
    with pytest.raises(ModelFolderError, match="value hold what cannot be"):
        RandomForestMethod().restore(made.features, state)


@pytest.mark.parametrize("option", ["trees", "leaf", "components", "coordinates", "share"])
def test_options_that_cannot_be_are_refused(option: str) -> None:
    with pytest.raises(FitError, match=f"{option} is 0"):
        RandomForestMethod(**{option: 0})


def test_two_ids_of_one_compound_differ_by_their_shifts(twins: Batch) -> None:
    fitted, inputs, features = RandomForestMethod().fit(twins, Runtime()), twins.inputs, twins.features
    shift, first = fitted.state()["shift"].numpy(), inputs.drug_ids[0]
    own = [features.drugs.ids.index(drug) for drug in (first, "twin")]
    # the twin stands 2 above the first on every line, so that each lies 1 from their mean
    assert shift[own] * features.response_std == pytest.approx([-1, 1])
    assert not np.delete(shift, own).any()
    drugs = np.asarray(inputs.drug_ids)[twins.train.drug.numpy()]
    mean = fitted.predict(inputs, twins.train).mean
    assert mean[drugs == "twin"] - mean[drugs == first] == pytest.approx(2)


def test_the_shift_of_an_unseen_id_is_not_known(twins: Batch) -> None:
    fitted, inputs, features = RandomForestMethod().fit(twins, Runtime()), twins.inputs, twins.features
    pred, third = fitted.predict(inputs, twins.test), np.asarray(inputs.drug_ids)[twins.test.drug.numpy()] == "third"
    trees = fitted.predict_trees(inputs, twins.test)
    assert pred.mean == pytest.approx(features.response_mean + features.response_std * trees.mean(0))
    # by hand: two shifts of 1 about their mean have variance 2; and that mean, of two ids, half of it
    added = pred.epistemic - features.response_std**2 * trees.var(0)
    assert added[third] == pytest.approx(3) and added[~third] == pytest.approx(2)


def test_a_forest_of_before_ids_had_shifts_has_none(made: Batch, fitted: RandomForestFit) -> None:
    state = {name: part for name, part in fitted.state().items() if name != "shift"}
    again = RandomForestMethod().restore(made.features, state)
    assert not again.state()["shift"].any()
    assert np.array_equal(again.predict(made.inputs, made.test).mean, fitted.predict(made.inputs, made.test).mean)
