"""Regressors of scikit-learn as methods: the checks of every method, and noises that are what they say."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bdrp import BdrpWarning, TrainedModel, fit, from_sklearn
from bdrp.errors import FitError, ModelFolderError
from bdrp.inference.method import Runtime
from bdrp.inference.scikit_learn import errors
from bdrp.inference.scikit_learn.table import Rows
from bdrp.testing import check_method, tiny_screen
from bdrp.testing.screens import some_unseen

QUANTILES = HistGradientBoostingRegressor(loss="quantile", quantile=0.5, max_iter=15)
FILE = """from sklearn.ensemble import ExtraTreesRegressor
from bdrp import from_sklearn
METHOD = from_sklearn(ExtraTreesRegressor(20, min_samples_leaf=3), name="trees")
"""


def scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


@pytest.mark.parametrize(
    ("estimator", "noise"),
    [
        (ExtraTreesRegressor(15, min_samples_leaf=3), "drug"),
        (scaled(Ridge(30.0)), "constant"),
        (scaled(Ridge(30.0)), QUANTILES),
    ],
    ids=["trees", "a pipeline", "quantiles"],
)
def test_a_regressor_passes_the_checks_of_every_method(estimator, noise) -> None:
    assert check_method(from_sklearn(estimator, noise=noise), {"folds": 3})


def rows(drug: np.ndarray, response: np.ndarray, table: np.ndarray | None = None) -> Rows:
    """Rows of one line each, and of drugs without a structure."""
    lines = torch.zeros(len(drug), 1) if table is None else torch.from_numpy(table.astype(np.float32))
    number = torch.arange(len(drug), dtype=torch.int32)
    return Rows(lines, torch.zeros(len(drug), 1), number, number, torch.from_numpy(response))


def test_the_noise_of_a_drug_is_that_of_its_own_errors_and_the_constant_one_that_of_all() -> None:
    """By formula: the pooled noise counts as ten responses."""
    left_out, drug = np.array([1.0, -1.0, 3.0, -3.0]), np.array([0, 0, 1, 1])
    by_drug = errors.noise_by_drug(left_out, drug, 2, "drug")
    assert by_drug.tolist() == pytest.approx([(2 * 1 + 10 * 5) / 12, (2 * 9 + 10 * 5) / 12])
    assert errors.noise_by_drug(left_out, drug, 2, "constant").tolist() == [5.0, 5.0]


def test_errors_are_out_of_fold() -> None:
    """A regressor that learns its rows by heart errs where it had not seen them."""
    rng = np.random.default_rng(0)
    response = rng.standard_normal(200)
    known = rows(np.arange(200), response, rng.standard_normal((200, 1)))
    by_heart = KNeighborsRegressor(1)
    assert np.mean(errors.out_of_fold(by_heart, known, 5, 0) ** 2) == pytest.approx(2.0, abs=0.5)
    mean = errors.out_of_fold(DummyRegressor(), known, 200, 0)
    assert mean == pytest.approx((response - response.mean()) * 200 / 199)  # leave one out, by formula


def test_quantile_noise_is_wide_where_responses_vary_and_narrow_where_they_do_not() -> None:
    """Simulated: an SD of 0.2 on one half of the axis and of 2 on the other, so a ratio of 10."""
    rng = np.random.default_rng(1)
    batch = some_unseen()
    kind = from_sklearn(DummyRegressor(), noise=GradientBoostingRegressor(loss="quantile", max_depth=2))
    fitted = kind().fit(batch, Runtime())
    x = rng.uniform(-1, 1, (600, fitted.mean.n_features_in_)).astype(np.float32)
    wide = x[:, 0] > 0
    error = rng.standard_normal(600) * np.where(wide, 2.0, 0.2)
    fitted.quantiles = tuple(
        GradientBoostingRegressor(loss="quantile", max_depth=2, alpha=level, random_state=0).fit(x, error)
        for level in errors.QUANTILE_LEVELS
    )
    noise = fitted._noise(x, torch.zeros(600, dtype=torch.int64))
    assert np.sqrt(np.median(noise[wide])) == pytest.approx(2.0, rel=0.2)
    assert np.sqrt(np.median(noise[~wide])) == pytest.approx(0.2, rel=0.3)


def test_what_drugs_do_by_themselves_is_not_known_of_an_unseen_one() -> None:
    """Simulated: responses are an effect of the drug with variance 4, and no more, which a tree learns by heart."""
    rng = np.random.default_rng(2)
    drug, effect = np.repeat(np.arange(30), 20), 2 * rng.standard_normal(30)
    line = torch.from_numpy(np.tile(np.arange(20), 30).astype(np.int32))
    known = Rows(
        torch.zeros(20, 1),
        torch.eye(30),
        line,
        torch.from_numpy(drug.astype(np.int32)),
        torch.from_numpy(effect[drug]),
    )
    new_drug, new_line = errors.of_the_unseen(ExtraTreesRegressor(5), known, drug.astype(str), np.zeros(600), 0)
    assert 2 < new_drug < 9
    assert new_line == errors.LEAST_UNSEEN


@pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")
def test_a_file_is_a_method_whose_model_is_fitted_again_where_it_is_loaded(tmp_path) -> None:
    (tmp_path / "trees.py").write_text(FILE, encoding="utf-8")
    model = fit(tiny_screen(), "cell_line", method=tmp_path / "trees.py", out=tmp_path / "model")
    assert model.manifest["options"]["estimator"] == "ExtraTreesRegressor(min_samples_leaf=3, n_estimators=20)"
    again = TrainedModel.load(tmp_path / "model", method=tmp_path / "trees.py")
    left, right = (each.predict(tiny_screen().drugs, tiny_screen().profiles).distribution for each in (model, again))
    assert np.array_equal(left.mean, right.mean) and np.array_equal(left.std, right.std)


def test_an_estimator_that_is_another_one_by_now_is_refused() -> None:
    batch = some_unseen()
    kind = from_sklearn(scaled(Ridge(30.0)), name="one")
    state = kind().fit(batch, Runtime()).state()
    other = from_sklearn(scaled(Ridge(3000.0)), name="one")
    with pytest.raises(ModelFolderError, match=r"Pipeline was fitted again .* predicts otherwise: by up to"):
        other().restore(batch.features, state)


def test_what_is_no_regressor_or_no_noise_is_refused_in_a_sentence() -> None:
    with pytest.raises(FitError, match="estimator is .*, a class"):
        from_sklearn(Ridge)
    with pytest.raises(FitError, match="without fit and predict"):
        from_sklearn("ridge")
    with pytest.raises(FitError, match="noise is 'wide'"):
        from_sklearn(Ridge(), noise="wide")
    with pytest.raises(FitError, match="noise is Ridge, which estimates no quantile"):
        from_sklearn(Ridge(), noise=Ridge())
    with pytest.raises(FitError, match="name is 'two words'"):
        from_sklearn(Ridge(), name="two words")
    with pytest.raises(FitError, match=r"KNeighborsRegressor fails when it is asked .* n_neighbors"):
        from_sklearn(KNeighborsRegressor(10**6))().fit(some_unseen(), Runtime())


def test_a_method_is_its_estimator_and_says_so() -> None:
    kind = from_sklearn(Ridge(30.0))
    assert (kind.name, kind().estimator, kind.__module__) == ("ridge", "Ridge(alpha=30.0)", __name__)
    with pytest.raises(FitError, match="estimator is 'other'; in ridge it is"):
        kind(estimator="other")


def test_fit_takes_the_class_with_options() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        model = fit(tiny_screen(), "pair", method=from_sklearn(Ridge(30.0), name="mine"), options={"folds": "3"})
    assert (model.manifest["method"], model.manifest["options"]["folds"]) == ("mine", 3)
