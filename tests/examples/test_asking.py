"""A fit that is asked for over files is the fit that Python makes, and its predictions come back in the order asked."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bdrp
from bdrp.data.screen import Screen
from bdrp.errors import BdrpWarning
from examples.over_files.asking import KEYS, Bdrp, Features
from examples.over_files.distribution_scores import score_distributions

RIDGE = Bdrp(method="ridge", seed=3)


@pytest.fixture(scope="session")
def features(corner: Screen) -> Features:
    return Features(corner.expression, corner.drugs["smiles"])


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, rows: pd.DataFrame, features: Features, in_process: None) -> Path:
    place = tmp_path_factory.mktemp("asked")
    RIDGE.fit(place, rows, features)
    return place


def test_predictions_are_those_of_the_same_fit_in_python(
    folder: Path, corner: Screen, rows: pd.DataFrame, features: Features
) -> None:
    held_out = rows[rows["part"] == "test"].sample(frac=1, random_state=0)
    got = RIDGE.predict(folder / "model", folder, held_out, features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        model = bdrp.fit(corner, bdrp.splits.from_file(corner, folder / "split.csv", seed=3), method="ridge", seed=3)
        wanted = bdrp.predict(model, screen=corner, pairs=held_out).distribution.mean
    assert got[KEYS].to_numpy().tolist() == held_out[KEYS].to_numpy().tolist()
    np.testing.assert_allclose(got["mean"], wanted, rtol=0, atol=1e-6)


def test_a_pair_that_is_asked_twice_is_answered_twice(folder: Path, rows: pd.DataFrame, features: Features) -> None:
    asked = rows[rows["part"] == "test"].iloc[[5, 2, 5]]
    got = RIDGE.predict(folder / "model", folder, asked, features)
    assert got[KEYS].to_numpy().tolist() == asked[KEYS].to_numpy().tolist()
    assert got["mean"].iloc[0] == got["mean"].iloc[2] != got["mean"].iloc[1]


def test_rows_of_the_part_test_are_not_trained_on(
    tmp_path: Path, folder: Path, rows: pd.DataFrame, features: Features
) -> None:
    held_out = rows["part"] == "test"
    RIDGE.fit(tmp_path, rows.assign(response=rows["response"].where(~held_out, rows["response"] + 5)), features)
    before = RIDGE.predict(folder / "model", folder, rows[held_out], features)["mean"]
    after = RIDGE.predict(tmp_path / "model", tmp_path, rows[held_out], features)["mean"]
    assert before.equals(after)


def test_a_refusal_says_what_bdrp_said(
    tmp_path: Path, rows: pd.DataFrame, features: Features, in_process: None
) -> None:
    with pytest.raises(RuntimeError, match=r"bdrp fit ended with 2:\n(.|\n)*rigde"):
        Bdrp(method="rigde").fit(tmp_path, rows, features)


def test_scores_of_distributions_are_those_of_their_formulas(
    folder: Path, rows: pd.DataFrame, features: Features
) -> None:
    held_out = rows[rows["part"] == "test"]
    table = RIDGE.predict(folder / "model", folder, held_out, features).assign(response=held_out["response"].to_numpy())
    got = score_distributions(table, folder / "predictions.parquet")
    inside = table["response"].between(table["q05"], table["q95"])
    assert got["coverage_90"] == pytest.approx(inside.mean())
    assert got["width_90"] == pytest.approx((table["q95"] - table["q05"]).mean())
    assert 0 < got["crps"] < (table["mean"] - table["response"]).abs().mean() * 1.01
