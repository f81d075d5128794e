"""Boosting: CatBoost's trees as arrays, what is new measured by a trial, and a clear word where CatBoost is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch

from bdrp.data.screen import Screen
from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch
from bdrp.inference import boosting
from bdrp.inference.boosting import BoostingFit, BoostingMethod
from bdrp.inference.method import Runtime
from bdrp.inference.trees import oblivious
from bdrp.inference.trees.oblivious import Boosting, Rows

GROWTH = Boosting(trees=40, depth=3, rate=0.1, share=1.0, patience=10)


@pytest.fixture(scope="module")
def made(tiny_screen: Screen, make_batch: Callable[..., Batch]) -> Batch:
    return make_batch(tiny_screen, np.where(np.arange(len(tiny_screen.responses)) % 5 == 0, "test", "train"))


@pytest.fixture(scope="module")
def fitted(made: Batch) -> BoostingFit:
    return BoostingMethod(trees=60).fit(made, Runtime(seed=2))


def noisy(count: int, seed: int = 0) -> Rows:
    """A step in one feature, and noise of SD 0.2 below another's middle and 1 above."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(count, 4)).astype(np.float32)
    sd = np.where(table[:, 1] > 0, 1.0, 0.2)
    return Rows(table, 2.0 * (table[:, 0] > 0) + sd * rng.normal(size=count))


def test_the_arrays_predict_what_catboost_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole model, and the virtual ensemble of CatBoost's own."""
    kept = []
    real, pool = oblivious._catboost()

    class Kept(real):  # type: ignore[misc, valid-type]
        def fit(self, *rows: object, **watched: object) -> object:
            kept.append(super().fit(*rows, **watched))
            return kept[0]

    monkeypatch.setattr(oblivious, "_catboost", lambda: (Kept, pool))
    rows = noisy(300)
    trees = oblivious.grow(rows, GROWTH, seed=1)
    whole = trees.stages(rows.table, np.array([20, 40]))[-1]
    expected = kept[0].predict(rows.table)  # mean and variance
    np.testing.assert_allclose(whole, np.stack([expected[:, 0], np.sqrt(expected[:, 1])], axis=1), rtol=1e-9)
    # theirs, of fewer trees, also take back how far later ones shrank them: 0.3 % here
    theirs = kept[0].virtual_ensembles_predict(rows.table, prediction_type="VirtEnsembles", virtual_ensembles_count=4)
    ours = trees.stages(rows.table, np.array([25, 30, 35, 40]))
    np.testing.assert_allclose(np.moveaxis(ours, 0, 1)[..., 0], theirs[..., 0], rtol=0, atol=1e-2)


def test_mean_and_noise_of_rows_of_their_own_are_found() -> None:
    trees = oblivious.grow(noisy(4_000), GROWTH._replace(trees=150), seed=0)
    corners = np.array([[x, y, 0, 0] for x in (-1, 1) for y in (-1, 1)], dtype=np.float32)
    mean, sd = trees.stages(corners, np.array([150]))[0].T
    # some 1,000 responses a corner: standard errors of 0.03 in a mean, of 2 % in an SD; trees add as much again
    assert mean == pytest.approx([0, 0, 2, 2], abs=0.15)
    assert sd == pytest.approx([0.2, 1, 0.2, 1], rel=0.15)


def test_growth_stops_where_the_watched_rows_are_served_best() -> None:
    many = GROWTH._replace(trees=400, depth=6, rate=0.3)
    rows = noisy(100)
    assert len(oblivious.grow(rows, many, 0, noisy(200, seed=1)).feature) < 200
    assert len(oblivious.grow(rows, many, 0).feature) == 400


def test_the_second_fit_takes_over_the_number_of_trees(some_unseen: Batch) -> None:
    fitted = BoostingMethod(trees=300, rate=0.5, patience=5).fit(some_unseen, Runtime())
    count = len(fitted.state()["feature"])
    assert count < 300 and fitted.settled == {"trees": count}


def test_rows_go_through_the_trees_in_blocks(made: Batch, fitted: BoostingFit, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted.predict(made.inputs, made.test)
    monkeypatch.setattr(oblivious, "BLOCK", 7)
    assert np.array_equal(fitted.predict(made.inputs, made.test).mean, whole.mean)


def test_the_number_of_threads_does_not_change_the_trees(
    made: Batch, fitted: BoostingFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = torch.get_num_threads()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1 if asked > 1 else 2)
    again = BoostingMethod(trees=60).fit(made, Runtime(seed=2)).state()
    for name, value in fitted.state().items():
        torch.testing.assert_close(again[name], value, rtol=1e-9, atol=1e-12)


def test_what_an_unseen_drug_adds_is_what_a_trial_without_it_misses(made: Batch) -> None:
    """Responses that only the drug decides: the trial errs by the drugs' variance, and by nothing on new lines."""
    rng = np.random.default_rng(0)
    level = torch.as_tensor(rng.permutation(np.linspace(-2, 2, len(made.features.compounds))))
    drug = made.inputs.drug_effect[made.train.drug]
    table = np.concatenate([made.inputs.molecules.fingerprints[made.train.drug].numpy(), np.zeros((len(drug), 1))], 1)
    response = level[drug].numpy() + 0.1 * rng.normal(size=len(drug))
    rows, growth = Rows(table.astype(np.float32), response), GROWTH._replace(trees=200, rate=0.2)
    drugs, lines = boosting._unseen(rows, made, np.zeros(len(response)), 1.0, growth, seed=0).tolist()
    assert 0.3 * level.var() < drugs < 4 * level.var()
    assert lines < 0.05 * drugs


def test_with_too_few_drugs_or_lines_for_a_trial_nothing_is_known_of_new_ones(
    tiny_screen: Screen, make_batch: Callable[..., Batch]
) -> None:
    one = tiny_screen.responses["drug_id"] == tiny_screen.responses["drug_id"].iloc[0]
    batch = make_batch(tiny_screen, np.where(one, "train", "test"))
    assert BoostingMethod(trees=5).fit(batch, Runtime()).state()["unseen"].tolist() == [1.0, 1.0]


def test_without_catboost_it_says_what_to_install_and_predicts_all_the_same(
    made: Batch, fitted: BoostingFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "catboost", None)
    with pytest.raises(FitError, match=r"pip install 'bdrp\[boosting\]'"):
        BoostingMethod().fit(made, Runtime())
    again = BoostingMethod(trees=60).restore(made.features, fitted.state())
    assert np.array_equal(again.predict(made.inputs, made.test).mean, fitted.predict(made.inputs, made.test).mean)


@pytest.mark.parametrize(
    ("name", "value"),
    [("feature", 999), ("feature", -1), ("border", float("nan")), ("value", float("inf")), ("unseen", -1.0)],
)
def test_trees_that_cannot_be_are_refused(made: Batch, fitted: BoostingFit, name: str, value: float) -> None:
    state = {key: tensor.clone() for key, tensor in fitted.state().items()}
    state[name][0] = value
    with pytest.raises(ModelFolderError, match="are not trees"):
        BoostingMethod(trees=60).restore(made.features, state)


@pytest.mark.parametrize("option", ["trees", "depth", "rate", "patience", "components", "coordinates", "share"])
def test_options_that_cannot_be_are_refused(option: str) -> None:
    with pytest.raises(FitError, match=f"{option} is 0"):
        BoostingMethod(**{option: 0})
