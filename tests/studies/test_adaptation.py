"""What a model predicts for a target screen whose responses were measured with known variances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bdrp.data import splits
from bdrp.data.screen import Screen
from bdrp.fitted.model import TrainedModel
from bdrp.inference.hierarchical.batch_effects import VAGUE
from bdrp.studies.adaptation import DRUG_OFFSETS, RAW, UPDATED, Adapted, Target, draw_labelled

Fit = Callable[..., TrainedModel]
LABELLED = 60


@pytest.fixture(scope="module")
def target(tiny_screen: Screen) -> Screen:
    """The tiny screen measured with errors of a known SD, 0.1 or 3 ln(uM)."""
    rng, rows = np.random.default_rng(0), tiny_screen.responses
    sd = rng.choice([0.1, 3.0], len(rows))
    response = rows["response"] + sd * rng.standard_normal(len(rows))
    rows = rows.assign(response=response, response_sd=sd, lower_limit=np.nan, upper_limit=np.nan)
    return replace(tiny_screen, responses=rows)


@pytest.fixture(scope="module")
def told(fit: Fit, target: Screen) -> TrainedModel:
    options = {"likelihood": "normal", "noise": "constant", "epochs": 6, "lines": "known"}
    return fit(target, splits.make(target, "pair"), options=options, refit=False, recalibration="identity")


def adapted(model: TrainedModel, screen: Screen) -> dict[str, Adapted]:
    labelled = draw_labelled(screen.responses, LABELLED, 1, 0)
    scored = np.setdiff1d(np.arange(len(screen.responses)), labelled)
    found = Target.prepare(model, screen, scored, labelled, VAGUE).adapted([0, LABELLED])
    return {one.name: one for one in found}


def scored_sd(screen: Screen) -> np.ndarray:
    labelled = draw_labelled(screen.responses, LABELLED, 1, 0)
    return screen.responses["response_sd"].to_numpy()[np.setdiff1d(np.arange(len(screen.responses)), labelled)]


def test_rows_are_predicted_as_they_were_measured_by_every_adaptation(told: TrainedModel, target: Screen) -> None:
    unknown = replace(target, responses=target.responses.drop(columns="response_sd"))
    sd = scored_sd(target)
    measured, alone = adapted(told, target), adapted(told, unknown)
    raw = np.hypot(alone[RAW].distribution.aleatoric_std, sd)
    np.testing.assert_allclose(measured[RAW].distribution.aleatoric_std, raw)
    for name, one in measured.items():
        noise = one.distribution.aleatoric_std
        if name != DRUG_OFFSETS:  # which give each drug one SD of what its labelled rows leave
            assert noise[sd > 1].min() > 1.5 * noise[sd < 1].mean(), name


def test_what_is_known_of_labelled_rows_is_counted_once(told: TrainedModel, target: Screen) -> None:
    """An update by rows of an SD of 50 leaves means where they were; by exact ones it moves them."""
    rows = target.responses
    moved = {}
    for sd in (0.01, 50.0):
        found = adapted(told, replace(target, responses=rows.assign(response_sd=sd)))
        change = found[UPDATED].distribution.mean - found[RAW].distribution.mean
        moved[sd] = float(np.abs(change - change.mean()).mean())
    assert moved[50.0] < 0.2 * moved[0.01]


def test_a_model_whose_noise_holds_the_errors_adds_none(fit: Fit, target: Screen) -> None:
    unknown = replace(target, responses=target.responses.drop(columns="response_sd"))
    untold = fit(unknown, splits.make(unknown, "pair"), method="ridge", options={}, recalibration="identity")
    one, two = (adapted(untold, screen)[RAW].distribution.aleatoric_std for screen in (target, unknown))
    np.testing.assert_array_equal(one, two)
