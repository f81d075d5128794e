"""Posterior draws of a saved model, and the check that a fit leaves in its folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import DataError, FitError
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.predict import draw

Trained = tuple[TrainedModel, Path]


@pytest.fixture(autouse=True)
def _quiet_arviz() -> Iterator[None]:
    """ArviZ announces its own future when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz  # noqa: F401
    yield


def test_the_check_of_training_rows_survives_being_saved(trained: Trained, tiny_split: Split) -> None:
    kept, loaded = trained[0].posterior_check, TrainedModel.load(trained[1]).posterior_check
    assert kept is not None and loaded is not None
    assert dict(kept.metrics) == dict(loaded.metrics)
    for name in ("rows", "statistics", "densities"):
        pd.testing.assert_frame_equal(getattr(kept, name), getattr(loaded, name), check_dtype=False)
    outside = len(tiny_split.rows("test"))
    assert kept.metrics["of_rows"] == len(tiny_split.keys) - outside  # the second fit trains on all but the test part
    assert len(kept.rows) == kept.metrics["rows"] == min(1000, kept.metrics["of_rows"])
    assert kept.rows["loo_pit"].between(0, 1).all()


def test_checked_rows_are_training_rows(trained: Trained, tiny_screen: Screen, tiny_split: Split) -> None:
    check = trained[0].posterior_check
    assert check is not None
    responses = tiny_screen.responses.drop(index=tiny_split.rows("test"))
    there = set(zip(responses["cell_line_id"], responses["drug_id"], strict=True))
    assert set(zip(check.rows["cell_line_id"], check.rows["drug_id"], strict=True)) <= there
    assert "response" not in check.rows  # a model folder holds no training response


def test_a_method_without_draws_has_no_check_and_cannot_be_drawn_from(
    fit: Callable[..., TrainedModel], tiny_screen: Screen, tiny_split: Split, tmp_path: Path
) -> None:
    fit(tiny_screen, tiny_split, method="ridge", options={}, out=tmp_path / "m")
    loaded = TrainedModel.load(tmp_path / "m")
    assert loaded.posterior_check is None and not list((tmp_path / "m").glob("posterior*"))
    with pytest.raises(FitError, match="has no posterior to draw from"):
        draw(loaded, screen=tiny_screen)


def test_draws_at_held_out_pairs_agree_with_their_predictions(trained: Trained, tiny_screen: Screen) -> None:
    data = draw(trained[1], screen=tiny_screen, draws=500)
    held_out = trained[0].held_out()
    np.testing.assert_array_equal(data.observed_data["response"], held_out["response"])
    raw = trained[0].held_out_uncalibrated()
    drawn = data.posterior_predictive["response"].to_numpy().reshape(2000, -1)
    # 5 standard errors for some 90 pairs: 1 run in 20,000 would miss by chance
    assert np.abs((drawn.mean(0) - raw.mean) / (raw.std / np.sqrt(2000))).max() < 5
    assert data.constant_data["drug_id"].to_numpy().tolist() == held_out["drug_id"].tolist()
    assert set(data.posterior.data_vars) == {"w", "compound_intercept", "line_intercept"}


def test_many_pairs_are_subsampled_by_seed(trained: Trained, tiny_screen: Screen) -> None:
    drugs, expression = tiny_screen.drugs, tiny_screen.expression
    one, again, other = (trained[0].to_arviz(drugs, expression, draws=3, most_pairs=7, seed=seed) for seed in (0, 0, 1))
    assert one.log_likelihood["response"].shape == (4, 3, 7)
    np.testing.assert_array_equal(one.posterior["w"], again.posterior["w"])
    assert one.observed_data["pair"].to_numpy().tolist() != other.observed_data["pair"].to_numpy().tolist()


def test_other_responses_may_be_given(trained: Trained, tiny_screen: Screen) -> None:
    table = tiny_screen.responses[["cell_line_id", "drug_id", "response"]].iloc[[4, 9]]
    data = trained[0].to_arviz(tiny_screen.drugs, tiny_screen.expression, table, draws=2)
    assert data.observed_data["response"].to_numpy().tolist() == table["response"].tolist()


def test_what_cannot_be_drawn_is_refused(trained: Trained, tiny_screen: Screen) -> None:
    drugs, expression = tiny_screen.drugs, tiny_screen.expression
    with pytest.raises(DataError, match="0 draws"):
        trained[0].to_arviz(drugs, expression, draws=0)
    with pytest.raises(DataError, match="have a drug_id with no structure"):
        trained[0].to_arviz(drugs.iloc[:3], expression)
    with pytest.raises(DataError, match="Drugs and expression are both needed"):
        draw(trained[0], drugs=drugs)
