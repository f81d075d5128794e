"""A model that was updated: against refitting, on disk, and back again."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import bdrp
from bdrp.errors import BdrpWarning, DataError, FitError, ModelFolderError
from bdrp.explain import explain_pairs
from bdrp.files import sealed_folder
from bdrp.fitted.laboratory import Laboratories
from bdrp.fitted.measurements import UPDATE, VALUES, sort_rows
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.update import undo_update, update
from bdrp.inference.hierarchical.likelihood import standardise_responses

KEYS = ["cell_line_id", "drug_id"]


@pytest.fixture(scope="module")
def model(trained):
    return trained[0]


@pytest.fixture(scope="module")
def tables(model, tiny_screen):
    """Drugs and expression of the tiny screen."""
    return {"drugs": model.drugs_of(tiny_screen), "profiles": tiny_screen.profiles}


@pytest.fixture(scope="module")
def measured(model):
    """Twenty held-out pairs, as if they were measured now."""
    return model.held_out()[[*KEYS, "response", "lower_limit", "upper_limit"]].head(20)


@pytest.fixture(scope="module")
def asked(model):
    return model.held_out()[KEYS].tail(30).reset_index(drop=True)


def moments(model, tables, pairs):
    found = model.predict(tables["drugs"], tables["profiles"], pairs).distribution
    return np.stack([found.mean, found.aleatoric_std, found.epistemic_std])


# against refitting


@pytest.fixture(scope="module")
def linear(fit, tiny_screen, tiny_split):
    """A model of constant normal noise, in which the last layer's weights alone are random, at their prior."""
    options = {"epochs": 1, "width": 16, "hidden": 16, "factors": 2, "likelihood": "normal", "noise": "constant"}
    model = fit(tiny_screen, tiny_split, options=options, recalibration="identity", refit=False)
    layer = model.fitted.layer
    with torch.no_grad():
        layer.guide.v_log_scale.fill_(-18.0)
        layer.guide.g_log_scale.fill_(-18.0)
        layer.guide.u_share.fill_(-18.0)
    return refitted(model, tiny_screen, None)


@torch.no_grad()
def refitted(model, screen, rows):
    """The model with the exact posterior of its weights given rows: the textbook formula of a linear layer."""
    fitted = deepcopy(model.fitted)
    layer, width = fitted.layer, len(fitted.layer.guide.w_mean)
    precision, right = torch.eye(width, dtype=torch.float64), torch.zeros(width, dtype=torch.float64)
    if rows is not None:
        inputs, pairs = model.prepared(model.drugs_of(screen), screen.profiles, rows)
        every = torch.arange(len(inputs.line_ids))
        features = layer.model.terms(layer.encode(inputs), inputs, every, pairs.line, pairs.drug).features.double()
        layer.guide.w_mean.zero_()
        mean, noise, _ = (part.double() for part in layer.standard_moments(layer.encode(inputs), inputs, pairs))
        left = standardise_responses(pairs, model.features).response.double() - mean
        precision, right = precision + features.T @ (features / noise[:, None]), features.T @ (left / noise)
    covariance = torch.linalg.inv(precision)
    root = torch.linalg.cholesky(covariance)
    layer.guide.w_mean.copy_(covariance @ right)
    layer.guide.w_log_scale.copy_(root.diagonal().log())
    layer.guide.w_factor.copy_(root / root.diagonal()[:, None])
    return replace(model, fitted=fitted)


def test_an_update_is_what_refitting_the_layer_on_old_and_new_rows_gives(linear, tiny_screen, tables, asked):
    rows = tiny_screen.responses.assign(lower_limit=np.nan, upper_limit=np.nan)
    old, new = rows.iloc[:150], rows.iloc[150:210]
    updated = refitted(linear, tiny_screen, old).update(new, **tables)
    found = moments(updated, tables, asked)
    expected = moments(refitted(linear, tiny_screen, rows.iloc[:210]), tables, asked)
    before = moments(refitted(linear, tiny_screen, old), tables, asked)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert np.abs(before[0] / expected[0] - 1).max() > 1e-3  # and the new rows matter
    assert (found[2] < before[2]).all()


def test_two_updates_are_one_with_all_rows_in_any_order(model, tables, measured, asked):
    once = model.update(measured.sample(frac=1, random_state=1), **tables)
    twice = model.update(measured.iloc[12:], **tables).update(measured.iloc[:12], **tables)
    np.testing.assert_array_equal(moments(once, tables, asked), moments(twice, tables, asked))


# what it tells


def test_measurements_are_ordered_as_pandas_sorts_them():
    rng = np.random.default_rng(0)
    few = {name: rng.choice(["a", "B", "a1", "é"], 60) for name in KEYS}
    values = {name: rng.choice([-1.0, 0.5, np.nan], 60) for name in VALUES}
    rows = pd.DataFrame(few | values | {UPDATE: rng.integers(0, 2, 60)})
    expected = rows.sort_values([*KEYS, *VALUES, UPDATE], kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(sort_rows(rows), expected)


def test_what_was_measured_is_the_models_own(model, tables, measured):
    read = model.update(measured, **tables).measurements.profiles  # no row and no column of it is left out any more
    given = {name: table.copy() for name, table in read.items()}
    updated = model.update(measured, drugs=tables["drugs"], profiles=given)
    given["expression"].iloc[:] = 0.0
    pd.testing.assert_frame_equal(updated.measurements.profiles["expression"], read["expression"])


def test_a_measurement_moves_its_pair_towards_it_and_others_of_its_line_and_drug_become_surer(model, tables, measured):
    one = measured.iloc[[0]].assign(response=measured["response"].iloc[0] + 3.0, lower_limit=np.nan, upper_limit=np.nan)
    line, drug = one[KEYS].iloc[0]
    other = next(each for each in tables["drugs"].index if each != drug)
    pairs = pd.DataFrame({"cell_line_id": [line, line], "drug_id": [drug, other]})
    before, after = (moments(each, tables, pairs) for each in (model, model.update(one, **tables)))
    ahead = np.sign(one["response"].iloc[0] - before[0, 0])
    assert ahead * (after[0, 0] - before[0, 0]) > 0.01
    assert (after[2] < before[2]).all()
    np.testing.assert_allclose(after[1], before[1])  # the noise stays


def test_a_response_at_a_limit_is_known_to_lie_there_or_beyond(model, tables, measured):
    pair = measured.iloc[[0]][KEYS]
    before = moments(model, tables, pair)[0, 0]
    below = pair.assign(response=before - 2.0, lower_limit=np.nan, upper_limit=np.nan)
    exact = moments(model.update(below, **tables), tables, pair)[0, 0]
    capped = model.update(below.assign(upper_limit=before - 2.0), **tables)
    assert exact < before - 0.05
    assert before <= moments(capped, tables, pair)[0, 0] < before + 0.2  # above a cap that it was thought to be above
    assert capped.measurements.history[0].capped == 1


def test_joint_draws_have_the_covariance_of_the_updated_posterior(model, tables, measured, asked):
    updated = model.update(measured, **tables)
    inputs, pairs = updated.prepared(tables["drugs"], tables["profiles"], asked.head(8))
    pred, joint = updated.joint(inputs, pairs)
    covariance = joint.between(slice(None), slice(None))
    drawn = updated.predictive(inputs, pairs).joint_draws.draw(np.random.default_rng(0), 40_000)
    scale = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(scale, pred.epistemic_std, rtol=1e-4)
    # 36 entries, each with a standard error of 0.005 to 0.007: six of these
    np.testing.assert_allclose(
        np.cov(drawn.T) / np.outer(scale, scale), covariance / np.outer(scale, scale), atol=0.042
    )


def test_a_line_and_a_drug_that_nobody_knew_are_taken_and_need_no_table_again(model, tables):
    expression = tables["profiles"]["expression"]
    line = expression.iloc[:2].mean().to_frame("new line").T.astype("float32")
    smiles = "CC(=O)Nc1ccc(O)cc1"
    drug = pd.DataFrame({"smiles": [smiles], "structure_key": ["RZVAJINKPMORJF"]}, index=["new drug"])
    rows = pd.DataFrame({"cell_line_id": "new line", "drug_id": ["new drug"], "response": [4.0]})
    added = {"drugs": pd.concat([tables["drugs"], drug]), "profiles": pd.concat([expression, line])}
    updated = model.update(rows, drugs=drug, profiles=line)
    before, after = (moments(each, added, rows[KEYS]) for each in (model, updated))
    assert after[2, 0] < 0.9 * before[2, 0]
    again = updated.update(rows.assign(response=4.5))
    assert moments(again, added, rows[KEYS])[2, 0] < after[2, 0]
    asked = bdrp.predict(again, drugs=tables["drugs"], expression=expression, pairs=rows[KEYS])
    np.testing.assert_array_equal(asked.distribution.mean, moments(again, added, rows[KEYS])[0])


def test_measurements_of_another_laboratory_shift_what_is_predicted_for_it(model, tables, tiny_screen, asked):
    rows = tiny_screen.responses.iloc[::9].assign(lower_limit=np.nan, upper_limit=np.nan)
    shifted = rows.assign(response=rows["response"] + 2.0)
    updated = model.update(shifted, **tables, laboratory=Laboratories.shipped())
    moved = moments(updated, tables, asked)[0] - moments(model, tables, asked)[0]
    assert 1.0 < moved.mean() < 3.0
    assert updated.measurements.laboratory.effects.offset > 0.3
    with pytest.raises(DataError, match="predicts for that one alone"):
        updated.predict(tables["drugs"], tables["profiles"], asked, laboratory="other")
    with pytest.raises(DataError, match="A model predicts for one laboratory"):
        updated.update(rows.iloc[:3], **tables)


def test_terms_of_an_updated_prediction_sum_to_it(model, tables, measured, asked):
    updated = model.update(measured, **tables)
    found = explain_pairs(updated, tables["drugs"], tables["profiles"], asked)
    np.testing.assert_allclose(found.terms.sum(axis=1), found.pairs["prediction"], rtol=1e-5)
    np.testing.assert_allclose(found.variance.sum(axis=1), found.pairs["sd"] ** 2, rtol=1e-5)
    plain = explain_pairs(model, tables["drugs"], tables["profiles"], asked)
    moved = found.pairs["prediction"] - plain.pairs["prediction"]
    np.testing.assert_allclose(found.terms["measured"], moved, atol=1e-9)
    assert found.terms["measured"].abs().max() > 1e-3 and "measured" not in plain.terms


def test_remapped_predictions_are_updated_with_their_shape(fit, tiny_screen, tiny_split, measured, asked):
    model = fit(tiny_screen, tiny_split, recalibration="isotonic")
    tables = {"drugs": model.drugs_of(tiny_screen), "profiles": tiny_screen.profiles}
    updated = model.update(measured, **tables)
    before, after = (each.predict(*tables.values(), measured[KEYS]).distribution for each in (model, updated))
    assert type(before) is type(after) and (after.epistemic_std < before.epistemic_std).all()
    near = np.abs(measured["response"] - after.mean) < np.abs(measured["response"] - before.mean)
    assert near.mean() > 0.7
    np.testing.assert_allclose(after.joint(2_000, seed=0).mean(0), after.mean, atol=0.3)


# on disk


def test_an_updated_folder_predicts_as_the_model_in_memory(model, tables, tiny_screen, measured, asked, tmp_path):
    for laboratory in ("same", "other"):
        out = tmp_path / laboratory
        made = update(model, measured, screen=held_out_alone(tiny_screen), out=out, laboratory=laboratory)
        read = TrainedModel.load(out)
        np.testing.assert_array_equal(moments(made, tables, asked), moments(read, tables, asked))
        assert read.updates == made.updates
        assert np.abs(moments(made, tables, asked) - moments(model, tables, asked)).max() > 1e-3


def held_out_alone(screen):
    """The same screen under another name: none of its rows is known to be fitted."""
    return replace(screen, name="copy")


def test_undoing_gives_the_very_folder_of_before_and_no_folder_is_written_into(
    trained, tiny_screen, measured, tmp_path
):
    base, screen = trained[1], held_out_alone(tiny_screen)
    files = {path.name: path.read_bytes() for path in base.iterdir()}
    update(base, measured.iloc[:5], screen=screen, out=tmp_path / "one")
    update(tmp_path / "one", measured.iloc[5:9], screen=screen, out=tmp_path / "two")
    undo_update(tmp_path / "two", tmp_path / "one again")
    undo_update(tmp_path / "one again", tmp_path / "none")
    assert contents(tmp_path / "one") == contents(tmp_path / "one again")
    assert files == contents(base) == contents(tmp_path / "none")
    with pytest.raises(DataError, match="no update to undo"):
        undo_update(tmp_path / "none")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_manifest_holds_the_history(model, tiny_screen, measured, tmp_path):
    update(model, measured, screen=held_out_alone(tiny_screen), out=tmp_path / "model")
    (record,) = json.loads((tmp_path / "model" / sealed_folder.MANIFEST).read_text())["updates"]
    assert record["rows"] == 20 and record["version"] == bdrp.__version__ and len(record["sha256"]) == 64
    assert record["lines"] == measured["cell_line_id"].nunique() and record["drugs"] == measured["drug_id"].nunique()


def test_versions_that_know_nothing_of_updates_refuse_an_updated_folder(model, tiny_screen, measured, tmp_path):
    update(model, measured, screen=held_out_alone(tiny_screen), out=tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / sealed_folder.MANIFEST).read_text())
    assert manifest["format"] == 3 != sealed_folder.FORMAT


def test_a_history_that_contradicts_the_rows_is_refused(model, tiny_screen, measured, tmp_path, spoil):
    update(model, measured, screen=held_out_alone(tiny_screen), out=tmp_path / "model")
    spoil(tmp_path / "model", sealed_folder.MANIFEST, lambda manifest: manifest["updates"][0].update(rows=3))
    with pytest.raises(ModelFolderError, match="does not hold together"):
        TrainedModel.load(tmp_path / "model")


# the door


def test_methods_without_a_joint_posterior_say_so(fit, tiny_screen, tiny_split, tables, measured):
    ridge = fit(tiny_screen, tiny_split, method="ridge", options={})
    with pytest.raises(FitError, match="A model of ridge cannot be updated"):
        ridge.update(measured, **tables)


def test_rows_that_the_model_was_fitted_on_are_refused_and_replicates_are_not(model, tiny_screen, measured):
    held_out = pd.MultiIndex.from_frame(model.held_out()[KEYS])
    fitted = tiny_screen.responses[~pd.MultiIndex.from_frame(tiny_screen.responses[KEYS]).isin(held_out)]
    fitted = fitted[fitted["response"] < fitted["upper_limit"]].head(3)
    with pytest.raises(DataError, match=r"3 of 3 measurements stand in the screen .* \(row 1, 2, 3"):
        update(model, fitted, screen=tiny_screen)
    replicates = fitted.assign(response=fitted["response"] + 0.1)
    assert len(update(model, pd.concat([replicates, measured]), screen=tiny_screen).measurements.rows) == 23


def test_what_was_added_before_is_refused(model, tables, measured):
    updated = model.update(measured, **tables)
    with pytest.raises(DataError, match="added already"):
        updated.update(measured.sample(frac=1, random_state=0), **tables)
    inside = measured[measured["response"] < measured["upper_limit"]]
    with pytest.raises(DataError, match="stand in an earlier update with the same value"):
        updated.update(inside.head(4), **tables)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.assign(drug_id="nobody's", cell_line_id="nowhere"), "nobody's.*nowhere"),
        (lambda rows: rows.assign(response=np.nan), "20 measurements have no id or no finite response"),
        (lambda rows: rows.assign(drug_id=""), "20 measurements have no id"),
        (lambda rows: rows.drop(columns="response"), "lack the column response"),
        (lambda rows: rows.head(0), "no row"),
        (lambda rows: pd.concat([rows] * 151), "At most 3,000"),
    ],
)
def test_rows_that_cannot_be_used_are_refused(model, tables, measured, change, said):
    with pytest.raises(DataError, match=said):
        model.update(change(measured), **tables)


def test_another_unit_is_warned_of(model, tables, measured):
    in_nanomolar = measured.assign(response=measured["response"] + np.log(1000), lower_limit=np.nan, upper_limit=np.nan)
    with pytest.warns(BdrpWarning, match="Check the unit"):
        model.update(in_nanomolar, **tables)


def test_what_asks_for_the_weights_alone_refuses_an_updated_model(model, tables, measured):
    with pytest.raises(FitError, match="as it was fitted; this one was updated 1 times"):
        model.update(measured, **tables).to_arviz(tables["drugs"], tables["profiles"])


def test_predictions_say_that_their_model_was_updated(model, tables, measured, asked, tmp_path):
    found = model.update(measured, **tables).predict(tables["drugs"], tables["profiles"], asked)
    found.save(tmp_path / "predictions.parquet")
    assert type(found).load(tmp_path / "predictions.parquet").updates == found.updates
    assert found.updates[0].startswith("20 measurements")
