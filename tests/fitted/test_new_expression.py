"""New expression at a model's door: what it is held against, and what becomes of a cohort on another scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bdrp.data import splits
from bdrp.data.expression import tell_scale
from bdrp.data.screen import Screen
from bdrp.errors import BdrpWarning, DataError
from bdrp.explain import explain
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.predict import predict
from bdrp.fitted.update import update
from bdrp.report.answers import ask_model
from bdrp.testing.screens import cut_simulated


@pytest.fixture(scope="module")
def screen() -> Screen:
    """60 lines x 12 drugs x 80 genes of the simulated screen."""
    return cut_simulated("some", 60, 12, 80, step=2)


@pytest.fixture(scope="module")
def model(screen: Screen, fit: Callable[..., TrainedModel]) -> TrainedModel:
    return fit(screen, splits.make(screen, "cell_line"))


@pytest.fixture
def cohort(screen: Screen) -> pd.DataFrame:
    """The last 24 lines under ids that the model does not know."""
    table = screen.expression.iloc[-24:]
    return table.set_axis(pd.Index([f"NEW{at}" for at in range(24)], name="cell_line_id"), axis=0)


def in_tpm(table: pd.DataFrame) -> pd.DataFrame:
    return np.exp2(table)


def test_a_model_records_the_scale_and_an_older_folder_tells_it_by_its_scaler(
    model: TrainedModel, screen: Screen
) -> None:
    told = tell_scale(screen.expression.to_numpy())
    assert model.manifest["expression_scale"] == told.name == model.training_expression.scale.name
    manifest = {key: value for key, value in model.manifest.items() if key != "expression_scale"}
    assert replace(model, manifest=manifest).training_expression.scale.is_raw == told.is_raw


def test_a_cohort_like_the_training_lines_is_predicted_as_it_is(
    model: TrainedModel, screen: Screen, cohort: pd.DataFrame
) -> None:
    own = model.predict(screen.drugs, cohort)
    stated = model.predict(screen.drugs, cohort, match="none")
    assert np.array_equal(own.distribution.mean, stated.distribution.mean)


def test_no_door_takes_tpm_for_logarithms(model: TrainedModel, screen: Screen, cohort: pd.DataFrame) -> None:
    tpm, pairs = in_tpm(cohort), pd.DataFrame({"cell_line_id": ["NEW0"], "drug_id": [screen.drugs.index[0]]})
    for enter in (
        lambda: model.predict(screen.drugs, tpm),
        lambda: predict(model, drugs=screen.drugs, expression=tpm),
        lambda: model.prepared(screen.drugs, tpm, pairs),
        lambda: model.to_arviz(screen.drugs, tpm, pairs.assign(response=0.0)),
        lambda: explain(model, screen, drugs=[screen.drugs.index[0]], new_lines=tpm),
    ):
        with pytest.raises(
            DataError, match="looks like .*before a logarithm.*the model was trained on log2 intensities"
        ):
            enter()


def test_every_door_names_copied_and_negated_lines_and_refuses_those_of_one_value(
    model: TrainedModel, screen: Screen, cohort: pd.DataFrame
) -> None:
    measured = [("NEW0", screen.drugs.index[0], 0.5)]

    def doors(table: pd.DataFrame) -> list[Callable[[], object]]:
        return [
            lambda: predict(model, drugs=screen.drugs, expression=table),
            lambda: predict(model, drugs=screen.drugs, expression=table.T.rename_axis("gene")),
            lambda: update(model, rows, screen=screen, expression=table),
            lambda: ask_model(model, screen, new_samples=table, drug=str(screen.drugs.index[0])),
        ]

    rows = pd.DataFrame(measured, columns=["cell_line_id", "drug_id", "response"])
    copied, flat = cohort.copy(), cohort.copy()
    copied.iloc[3], flat.iloc[5] = cohort.iloc[2].to_numpy(), np.float32(0)
    for enter in doors(copied):
        with pytest.warns(BdrpWarning, match="1 pairs of lines have one expression under two ids .NEW3 is NEW2"):
            enter()
    for enter in doors(flat):
        with pytest.raises(DataError, match="1 of 24 lines whose genes are all one value .NEW5: 0"):
            enter()


def test_the_whole_cohort_is_looked_at_and_matched_whatever_pairs_are_asked_for(
    model: TrainedModel, screen: Screen, cohort: pd.DataFrame
) -> None:
    other = (0.6 * cohort - 2).astype(np.float32)
    pairs = pd.DataFrame({"cell_line_id": ["NEW3"] * 2, "drug_id": screen.drugs.index[:2]})
    every = model.predict(screen.drugs, other, match="gene")
    some = model.predict(screen.drugs, other, pairs, match="gene")
    chosen = every.distribution.keys.merge(pairs.reset_index(), how="left")["index"].notna().to_numpy()
    np.testing.assert_allclose(some.distribution.mean, every.distribution.mean[chosen], rtol=1e-5)


def test_matching_by_gene_predicts_another_platform_as_the_models_own(
    model: TrainedModel, screen: Screen, cohort: pd.DataFrame
) -> None:
    """A platform that shifts and scales each gene changes no prediction once it is matched by gene."""
    rng = np.random.default_rng(0)
    other = (cohort * rng.uniform(0.4, 1.5, cohort.shape[1]) + rng.normal(0, 3, cohort.shape[1])).astype(np.float32)
    own = model.predict(screen.drugs, cohort, match="gene").distribution.mean
    with pytest.warns(BdrpWarning):
        as_it_is = model.predict(screen.drugs, other, match="none").distribution.mean
    matched = model.predict(screen.drugs, other, match="gene").distribution.mean
    np.testing.assert_allclose(matched, own, atol=1e-2)
    assert np.abs(as_it_is - own).max() > 0.1


def test_what_explain_reads_of_new_lines_is_matched(model: TrainedModel, screen: Screen, cohort: pd.DataFrame) -> None:
    drug = screen.drugs.index[0]
    found = explain(model, screen, drugs=[drug], new_lines=in_tpm(cohort), match="rank")
    direct = model.predict(screen.drugs.loc[[drug]], in_tpm(cohort), match="rank")
    assert found.contributions is not None
    np.testing.assert_allclose(found.contributions.pairs["prediction"], direct.distribution.mean, rtol=1e-4, atol=1e-4)


def test_lines_far_from_all_training_lines_are_counted_aloud(
    model: TrainedModel, screen: Screen, cohort: pd.DataFrame
) -> None:
    far = cohort.copy()
    sd = screen.expression.std().to_numpy()
    far.iloc[:5] += (np.where(np.arange(far.shape[1]) % 2, 3.0, -3.0) * sd).astype(np.float32)
    with pytest.warns(BdrpWarning, match=r"5 of 24 lines are farther from every .*\(NEW0, .*NEW4; 0\.\d expected"):
        model.predict(screen.drugs, far)
