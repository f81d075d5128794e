"""bdrp as an estimator of scikit-learn: its own checks, frames of pairs, plain arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator, parametrize_with_checks

from bdrp import BdrpError, BdrpRegressor, TrainedModel, from_sklearn
from bdrp.testing import tiny_screen

OF_THE_METHOD = {
    "check_dict_unchanged",
    "check_estimators_pickle",
    "check_fit2d_1feature",
    "check_fit_idempotent",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_regressors_train",
}

pytestmark = pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")


@parametrize_with_checks([BdrpRegressor("ridge")])
@pytest.mark.filterwarnings("ignore")
def test_it_is_an_estimator(estimator, check) -> None:
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_default_method_passes_what_a_method_may_fail() -> None:
    """The checks of a fit and its predictions; the others are of the adapter, whatever its method."""
    small = {"epochs": 1, "width": 16, "hidden": 16, "factors": 2}
    estimator = BdrpRegressor("last_layer", small, recalibration="identity")
    run = set()
    for one, check in estimator_checks_generator(estimator):
        name = getattr(check, "func", check).__name__
        if name in OF_THE_METHOD:
            check(one)
            run.add(name)
    assert run == OF_THE_METHOD


def test_of_all_checks_one_asks_for_more_than_a_method_that_reads_no_line_can_give() -> None:
    """It wants a fit that explains half of what it saw; rows of one drug differ by their lines alone."""
    found = check_estimator(BdrpRegressor("mean_effects", recalibration="identity"), on_fail=None, on_skip=None)
    failed = {one["check_name"] for one in found if one["status"] == "failed"}
    assert failed == {"check_regressors_train"}


@pytest.fixture(scope="module")
def pairs() -> tuple[pd.DataFrame, pd.Series]:
    """The tiny screen, a row a pair."""
    screen = tiny_screen()
    rows = screen.responses.merge(screen.drugs["smiles"], on="drug_id").merge(screen.expression, on="cell_line_id")
    return rows[["drug_id", "smiles", "cell_line_id", *screen.expression.columns]], rows["response"]


@pytest.fixture(scope="module")
def fitted(pairs) -> BdrpRegressor:
    return BdrpRegressor("ridge", measure="ln_ic50_um").fit(*pairs)


def test_a_frame_of_pairs_is_a_screen(fitted, pairs) -> None:
    screen = tiny_screen()
    assert fitted.model_.manifest["measure"] == "ln_ic50_um"
    assert set(fitted.drugs_.index) == set(screen.responses["drug_id"])
    assert fitted.feature_names_in_.tolist() == list(screen.expression.columns)
    ours = fitted.predict_distribution(pairs[0][:20])
    theirs = fitted.model_.predict(screen.drugs, screen.expression, pairs[0][["cell_line_id", "drug_id"]][:20])
    assert np.allclose(ours.distribution.mean, theirs.distribution.mean)


def test_sds_and_intervals_are_of_the_same_distribution(fitted, pairs) -> None:
    mean, std = fitted.predict(pairs[0], return_std=True)
    low, high = fitted.predict_interval(pairs[0], 0.9).T
    assert np.array_equal(mean, fitted.predict(pairs[0]))
    assert (low < mean).all() and (mean < high).all() and (std > 0).all()
    narrow = fitted.predict_interval(pairs[0], 0.5)
    assert (narrow[:, 0] > low).all() and (narrow[:, 1] < high).all()


def test_intervals_hold_what_they_say_on_lines_that_were_not_fitted(pairs) -> None:
    """Simulated responses: 90 % of them, give or take what 9 lines leave to chance."""
    table, response = pairs
    new = table["cell_line_id"].isin(table["cell_line_id"].unique()[::4])
    model = BdrpRegressor("ridge").fit(table[~new], response[~new])
    low, high = model.predict_interval(table[new]).T
    assert 0.75 <= np.mean((low <= response[new]) & (response[new] <= high)) <= 1.0
    assert model.score(table[new], response[new]) > 0.3


def test_fitted_drugs_need_no_structure_and_new_ones_do(fitted, pairs) -> None:
    bare = pairs[0].drop(columns="smiles")
    assert np.array_equal(fitted.predict(bare[:5]), fitted.predict(pairs[0][:5]))
    with pytest.raises(BdrpError, match="1 drugs without a structure \\(new\\).* Add a column smiles"):
        fitted.predict(bare[:5].assign(drug_id="new"))
    one = pairs[0][:5].assign(smiles="CCO")
    known, new = (fitted.predict(each, return_std=True)[1] for each in (bare[:5], one.assign(drug_id="ethanol")))
    assert new.mean() > 1.3 * known.mean()
    smiles_alone = pairs[0].drop(columns="drug_id")
    model = BdrpRegressor("mean_effects", recalibration="identity").fit(smiles_alone, pairs[1])
    assert set(model.drugs_.index) == set(model.drugs_["smiles"])


def test_it_is_saved_as_a_model_folder(fitted, pairs, tmp_path) -> None:
    fitted.save(tmp_path / "model")
    asked = pairs[0][["cell_line_id", "drug_id"]][:4]
    again = TrainedModel.load(tmp_path / "model").predict(tiny_screen().drugs, tiny_screen().expression, asked)
    assert np.array_equal(again.distribution.mean, fitted.predict(pairs[0][:4]))


def test_rows_without_ids_are_lines_of_their_own_under_one_drug() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 5))
    y = x @ [1.0, -1.0, 0.5, 0.0, 0.0] + 0.1 * rng.standard_normal(80)
    model = BdrpRegressor("ridge").fit(x[:60], y[:60])
    assert model.score(x[60:], y[60:]) > 0.9
    assert model.model_.features.drugs.ids == ("drug",)
    assert len(model.model_.features.lines) == 60


def test_what_a_frame_of_pairs_may_not_be_is_refused_in_a_sentence(pairs) -> None:
    table, response = pairs
    estimator = BdrpRegressor("mean_effects")
    with pytest.raises(BdrpError, match="1 cell lines in more than one way"):
        estimator.fit(table.assign(**{table.columns[4]: [1e3, *table.iloc[1:, 4]]}), response)
    with pytest.raises(BdrpError, match="1 rows without drug_id \\(row 1\\)"):
        estimator.fit(table.assign(drug_id=[None, *table["drug_id"][1:]]), response)
    with pytest.raises(BdrpError, match="Each drug that was not fitted needs"):
        estimator.fit(table.drop(columns="smiles"), response)
    with pytest.raises(BdrpError, match="hold_out is 'cell_lin'. Did you mean 'cell_line'"):
        clone(estimator).set_params(hold_out="cell_lin").fit(table, response)
    with pytest.raises(BdrpError, match="measure is 'ln_ic50'. Did you mean 'ln_ic50_um'"):
        clone(estimator).set_params(measure="ln_ic50").fit(table, response)
    one = table[table["drug_id"] == table["drug_id"].iloc[0]]
    with pytest.raises(BdrpError, match="of 1 groups by drug; 5 are needed"):
        clone(estimator).set_params(hold_out="drug").fit(one, response[one.index])


def test_searches_and_cross_validation_by_line_work(pairs) -> None:
    table, response = pairs
    wrapped = BdrpRegressor(from_sklearn(Ridge(30.0)), {"folds": 2}, recalibration="identity")
    scores = cross_val_score(wrapped, table, response, groups=table["cell_line_id"], cv=GroupKFold(2))
    assert scores.shape == (2,) and np.isfinite(scores).all()
    grid = {"method": ["ridge", "mean_effects"]}
    search = GridSearchCV(BdrpRegressor("ridge", recalibration="identity"), grid, cv=2).fit(table, response)
    assert search.best_params_["method"] in grid["method"]
