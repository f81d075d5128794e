"""The conformal forest against scikit-learn's trees, and its intervals against their nominal levels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from bdrp.data import sources
from bdrp.data.screen import Screen
from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch
from bdrp.inference.conformal_forest import ConformalForestFit, ConformalForestMethod
from bdrp.inference.method import Runtime
from bdrp.inference.trees.regressors import regressors
from bdrp.predictive import Shaped
from bdrp.predictive.shaped import standard_shape


@pytest.fixture(scope="module")
def made(tiny_screen: Screen, make_batch: Callable[..., Batch]) -> Batch:
    return make_batch(tiny_screen, np.where(np.arange(len(tiny_screen.responses)) % 5 == 0, "test", "train"))


@pytest.fixture(scope="module")
def fitted(made: Batch) -> ConformalForestFit:
    return ConformalForestMethod().fit(made, Runtime(seed=4))


@pytest.fixture(scope="module")
def theirs(made: Batch, fitted: ConformalForestFit) -> RandomForestRegressor:
    """The same forest, grown by scikit-learn alone."""
    forest = RandomForestRegressor(50, min_samples_leaf=5, max_features=0.33, random_state=4, oob_score=True)
    return forest.fit(table(made, fitted, made.train), response(made))


def table(made: Batch, fitted: ConformalForestFit, rows: object) -> np.ndarray:
    return regressors(made.inputs, rows, fitted.state()["loadings"], 8)  # type: ignore[arg-type]


def response(made: Batch) -> np.ndarray:
    features = made.features
    return ((made.train.response - features.response_mean) / features.response_std).float().double().numpy()


def test_its_variances_add_up_to_that_of_the_responses_that_a_quantile_forest_weighs(
    made: Batch, fitted: ConformalForestFit, theirs: RandomForestRegressor
) -> None:
    """Each training response has the weight that it has in the leaves of the row, averaged over trees."""
    x, y, rows = table(made, fitted, made.train), response(made), table(made, fitted, made.test)
    weight = np.zeros((len(rows), len(y)))
    for tree, drawn in zip(theirs.estimators_, theirs.estimators_samples_, strict=True):
        times = np.bincount(drawn, minlength=len(y))
        same = (tree.apply(rows)[:, None] == tree.apply(x)) * times
        weight += same / same.sum(1, keepdims=True) / len(theirs.estimators_)
    mean, state = weight @ y, fitted.state()
    smoothing = 0.1 * np.mean((y - theirs.oob_prediction_) ** 2)
    variance = weight @ y**2 - mean**2 + smoothing
    factor = (made.features.response_std * float(state["scale"]) * standard_shape(fitted.shape).std[0]) ** 2
    pred = fitted.predict(made.inputs, made.test)
    assert pred.variance == pytest.approx(factor * variance, rel=1e-6)


def test_a_tenth_of_its_out_of_bag_scores_lie_outside_its_central_levels(
    made: Batch, fitted: ConformalForestFit, theirs: RandomForestRegressor
) -> None:
    """The knots are order statistics of the scores: as many lie below each as its level says."""
    state, y = fitted.state(), response(made)
    votes = np.full((50, len(y)), np.nan), np.full((50, len(y)), np.nan)
    for which, (tree, drawn) in enumerate(zip(theirs.estimators_, theirs.estimators_samples_, strict=True)):
        unseen = np.setdiff1d(np.arange(len(y)), drawn)
        leaf = tree.apply(table(made, fitted, made.train)[unseen])
        votes[0][which, unseen], votes[1][which, unseen] = tree.tree_.value[leaf, 0, 0], tree.tree_.impurity[leaf]
    mean = np.nanmean(votes[0], 0)
    smoothing = 0.1 * np.mean((y - mean) ** 2)
    scores = (y - mean) / np.sqrt(np.nanmean(votes[1], 0) + smoothing + np.nanvar(votes[0], 0))
    assert float(state["scale"]) == pytest.approx(np.sqrt(np.mean(scores**2)), rel=1e-6)
    below = [np.mean(scores / float(state["scale"]) <= knot) for knot in fitted.shape.knots]
    assert below == pytest.approx(fitted.shape.remapped, abs=2 / len(y))


def test_intervals_hold_what_they_promise_on_new_pairs_of_known_lines_and_drugs(
    make_batch: Callable[..., Batch],
) -> None:
    """Of some 2,000 pairs with skewed noise: a standard error of 0.7 points at 90 %, of 0.5 at either end."""
    whole = sources.load("simulated")
    responses = whole.responses
    rng = np.random.default_rng(0)
    responses["response"] += rng.gamma(1.0, 1.5, len(responses))
    responses[["lower_limit", "upper_limit"]] = np.nan
    screen = Screen("skewed", whole.measure, responses, whole.drugs, whole.cell_lines, whole.expression)
    batch = make_batch(screen, np.where(rng.random(len(responses)) < 0.2, "test", "train"), components=20)
    pred = ConformalForestMethod(trees=30).fit(batch, Runtime()).predict(batch.inputs, batch.test)
    assert isinstance(pred, Shaped)
    y, (low, high) = batch.test.response.numpy(), pred.interval(0.9).T
    assert len(y) > 1500
    assert 0.87 < np.mean((y >= low) & (y <= high)) < 0.93
    assert np.mean(y < low) == pytest.approx(0.05, abs=0.02) and np.mean(y > high) == pytest.approx(0.05, abs=0.02)
    assert (high - pred.mean > 1.2 * (pred.mean - low)).all()  # a normal's interval is symmetric


def test_too_few_rows_to_tell_a_shape_leave_a_normal(
    tiny_screen: Screen, make_batch: Callable[..., Batch], made: Batch
) -> None:
    batch = make_batch(tiny_screen, np.where(np.arange(len(tiny_screen.responses)) < 15, "train", "test"))
    shape = ConformalForestMethod().fit(batch, Runtime()).shape
    assert shape.levels == shape.remapped == (0.25, 0.75)


@pytest.mark.parametrize(
    ("name", "value"),
    [("left", 0), ("feature", 999), ("roots", -1), ("variance", 0.0), ("levels", 0.999), ("remapped", 1.5)],
)
def test_tensors_that_cannot_be_are_refused(made: Batch, fitted: ConformalForestFit, name: str, value: float) -> None:
    state = {key: tensor.clone() for key, tensor in fitted.state().items()}
    state[name][0] = value
    with pytest.raises(ModelFolderError, match="The tensors of conformal_forest are not one"):
        ConformalForestMethod().restore(made.features, state)


@pytest.mark.parametrize("option", ["trees", "leaf", "components", "coordinates", "share"])
def test_options_that_cannot_be_are_refused(option: str) -> None:
    with pytest.raises(FitError, match=f"{option} is 0"):
        ConformalForestMethod(**{option: 0})
