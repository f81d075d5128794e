"""Known variances of measurements, from a screen to held-out scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from bdrp.data import splits
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import DataError
from bdrp.fitted import known_variance
from bdrp.fitted.model import TrainedModel
from bdrp.inference import METHODS
from bdrp.inference.ridge import RidgeMethod

Fit = Callable[..., TrainedModel]
OPTIONS: dict[str, Any] = {"likelihood": "normal", "noise": "constant", "lines": "known", "epochs": 10}


@pytest.fixture(scope="module")
def measured(tiny_screen: Screen) -> Screen:
    """The tiny screen; half of its responses have errors of a known SD, 3 ln(uM), and half of 0.1."""
    rng, rows = np.random.default_rng(0), tiny_screen.responses
    sd = rng.choice([0.1, 3.0], len(rows))
    response = rows["response"] + sd * rng.standard_normal(len(rows))
    rows = rows.assign(response=response, response_sd=sd, lower_limit=np.nan, upper_limit=np.nan)
    return replace(tiny_screen, responses=rows)


@pytest.fixture(scope="module")
def split(measured: Screen) -> Split:
    return splits.make(measured, "pair")


def fitted(fit: Fit, screen: Screen, split: Split, **options: Any) -> TrainedModel:
    return fit(screen, split, options=OPTIONS | options, refit=False, recalibration="identity")


@pytest.fixture(scope="module")
def told(fit: Fit, measured: Screen, split: Split) -> TrainedModel:
    return fitted(fit, measured, split)


@pytest.fixture(scope="module")
def untold(fit: Fit, measured: Screen, split: Split) -> TrainedModel:
    return fitted(fit, replace(measured, responses=measured.responses.drop(columns="response_sd")), split)


def test_held_out_rows_are_scored_with_their_own_known_variance(told: TrainedModel, measured: Screen) -> None:
    part = told.held_out_part
    assert part is not None
    known = part.observed["response_sd"].to_numpy()
    pairs = part.observed[["cell_line_id", "drug_id"]]
    new = told.predict(measured.drugs, measured.profiles, pairs).distribution
    np.testing.assert_allclose(part.predictions.aleatoric_std, np.hypot(new.aleatoric_std, known), rtol=1e-5)
    np.testing.assert_allclose(part.predictions.epistemic_std, new.epistemic_std, rtol=1e-5)
    assert new.aleatoric_std.max() < 3.0 < part.predictions.aleatoric_std.max()


def test_what_is_known_of_the_errors_sharpens_density_and_the_coverage_of_either_half(
    told: TrainedModel, untold: TrainedModel
) -> None:
    found = {}
    for name, model in (("told", told), ("untold", untold)):
        part = model.held_out_part
        assert part is not None
        response, pred = part.observed["response"].to_numpy(), part.predictions
        inside = np.abs(pred.cdf(response) - 0.5) < 0.45
        precise = told.held_out_part.observed["response_sd"].to_numpy() < 1  # type: ignore[union-attr]
        found[name] = -pred.log_prob(response).mean(), inside[precise].mean() - inside[~precise].mean()
    assert found["told"][0] < found["untold"][0] - 0.1
    assert abs(found["told"][1]) < abs(found["untold"][1])


def test_the_noise_is_learned_without_the_errors_of_measurement(
    fit: Fit, tiny_screen: Screen, split: Split, told: TrainedModel, untold: TrainedModel
) -> None:
    clean = fitted(fit, replace(tiny_screen, responses=tiny_screen.responses.assign(lower_limit=np.nan)), split)
    noise = {name: _new_noise(model, tiny_screen) for name, model in (("clean", clean), ("told", told), ("no", untold))}
    assert noise["no"] > 1.5 * noise["clean"]
    assert abs(noise["told"] - noise["clean"]) < 0.5 * (noise["no"] - noise["clean"])


def _new_noise(model: TrainedModel, screen: Screen) -> float:
    pairs = screen.responses[["cell_line_id", "drug_id"]].drop_duplicates()
    return float(np.mean(model.predict(screen.drugs, screen.expression, pairs).distribution.aleatoric_std))


class Deaf(RidgeMethod):
    """A method that does not read known variances."""

    reads_response_sd: ClassVar[bool] = False


def test_what_becomes_of_the_sds_is_said_by_those_that_read_them_and_those_that_do_not(
    measured: Screen, told: TrainedModel, untold: TrainedModel
) -> None:
    (said,) = known_variance.tell(Deaf(), measured.responses)
    assert said.startswith(f"{len(measured.responses):,} of") and "ridge does not read" in said
    assert known_variance.record(Deaf(), measured.responses) == {}
    assert any("known to the likelihood" in notice for notice in told.manifest["notices"])
    assert not any("response_sd" in notice for notice in untold.manifest["notices"])


@pytest.mark.parametrize("name", METHODS.own())
def test_every_method_of_the_house_reads_them(name: str) -> None:
    assert METHODS.load(name).METHOD.reads_response_sd


def test_an_update_counts_rows_by_their_known_variance(
    told: TrainedModel, untold: TrainedModel, measured: Screen
) -> None:
    """A response of an SD of 20 says next to nothing; a model that knew no SDs has them in its noise."""
    rows = told.held_out()[["cell_line_id", "drug_id", "response"]].head(10)
    tables = {"drugs": measured.drugs, "profiles": measured.expression}
    asked = rows[["cell_line_id", "drug_id"]]
    before = told.predict(measured.drugs, measured.expression, asked).distribution.mean
    moved = {}
    for name, sd in (("well", 0.01), ("badly", 20.0), ("not known", np.nan)):
        updated = told.update(rows.assign(response_sd=sd), **tables)
        moved[name] = np.abs(updated.predict(measured.drugs, measured.expression, asked).distribution.mean - before)
    assert (moved["badly"] < 0.1 * moved["well"].mean()).all()
    np.testing.assert_allclose(moved["well"], moved["not known"], rtol=0.05, atol=1e-3)
    plain, with_sd = (untold.update(table, **tables) for table in (rows, rows.assign(response_sd=20.0)))
    pd.testing.assert_frame_equal(plain.measurements.rows, with_sd.measurements.rows)  # type: ignore[union-attr]


def test_what_an_update_knows_of_its_rows_is_saved_and_checked(
    told: TrainedModel, measured: Screen, tmp_path: Path
) -> None:
    rows = told.held_out()[["cell_line_id", "drug_id", "response"]].head(6)
    tables = {"drugs": measured.drugs, "profiles": measured.expression}
    first = told.update(rows.head(3), **tables)
    updated = first.update(rows.tail(3).assign(response_sd=2.0), **tables)
    updated.save(tmp_path / "model")
    loaded = TrainedModel.load(tmp_path / "model")
    asked = rows[["cell_line_id", "drug_id"]]
    one, two = (each.predict(measured.drugs, measured.expression, asked).distribution for each in (updated, loaded))
    np.testing.assert_array_equal(one.mean, two.mean)
    assert loaded.measurements.rows["response_sd"].notna().sum() == 3  # type: ignore[union-attr]
    with pytest.raises(DataError, match="response_sd that are not above 0"):
        told.update(rows.assign(response_sd=0.0), **tables)
