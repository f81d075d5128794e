"""The promise itself, in one small run on the simulated screen, whose truth is known; the benchmarks have the rest."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import bdrp
from bdrp.data import splits
from bdrp.data.simulation.truth import Truth
from bdrp.data.sources import simulated
from bdrp.errors import BdrpWarning
from bdrp.fitted.model import TrainedModel

pytestmark = pytest.mark.slow

EPOCHS = {"epochs": 6}  # few, to be quick; the figures below hold for more, too


@pytest.fixture(scope="module")
def pairs_and_drugs() -> tuple[Truth, TrainedModel, TrainedModel]:
    """The truth, a model with pairs held out, and a model with drugs held out."""
    made = simulated.simulate(seed=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The calibration part is too small", BdrpWarning)  # nine drugs are few
        models = [bdrp.fit(made.screen, splits.make(made.screen, by), options=EPOCHS) for by in ("pair", "drug")]
    return made.truth, models[0], models[1]


def test_nine_of_ten_held_out_responses_lie_in_their_interval(
    pairs_and_drugs: tuple[Truth, TrainedModel, TrainedModel],
) -> None:
    _, model, _ = pairs_and_drugs
    response, interval = model.held_out()["response"].to_numpy(), model.held_out_predictions().interval(0.9)
    covered = np.mean((response >= interval[:, 0]) & (response <= interval[:, 1]))
    # some 2,000 pairs: the share has a standard error of 0.7 points, and the calibration part adds one of 0.9
    assert len(response) > 1500 and 0.86 < covered < 0.94


def test_a_model_beats_mean_effects_on_held_out_pairs(
    pairs_and_drugs: tuple[Truth, TrainedModel, TrainedModel],
) -> None:
    held_out = pairs_and_drugs[1].held_out()
    response = held_out["response"].to_numpy()

    def error(mean: np.ndarray) -> float:
        return float(np.sqrt(np.mean((response - mean) ** 2)))

    assert error(pairs_and_drugs[1].held_out_predictions().mean) < 0.97 * error(held_out["mean_effects"].to_numpy())


def test_the_noise_found_follows_the_noise_that_there_is(
    pairs_and_drugs: tuple[Truth, TrainedModel, TrainedModel],
) -> None:
    truth, model, _ = pairs_and_drugs
    pred = model.held_out_predictions()
    known = truth.pairs.set_index(["cell_line_id", "drug_id"]) if "drug_id" in truth.pairs else truth.pairs
    noise = known["noise_sd"].loc[list(pred.keys.itertuples(index=False, name=None))].to_numpy()
    assert np.corrcoef(noise, pred.aleatoric_std)[0, 1] > 0.5


def test_unseen_drugs_are_less_certain_than_unseen_pairs(
    pairs_and_drugs: tuple[Truth, TrainedModel, TrainedModel],
) -> None:
    _, pairs, drugs = pairs_and_drugs
    ratio = np.median(drugs.held_out_predictions().epistemic_std) / np.median(
        pairs.held_out_predictions().epistemic_std
    )
    assert ratio > 1.3


def test_error_grows_with_the_predicted_spread(pairs_and_drugs: tuple[Truth, TrainedModel, TrainedModel]) -> None:
    pred, held_out = pairs_and_drugs[1].held_out_predictions(), pairs_and_drugs[1].held_out()
    error, order = np.abs(held_out["response"].to_numpy() - pred.mean), np.argsort(pred.std)
    third = len(order) // 3
    assert error[order[:third]].mean() < 0.8 * error[order[-third:]].mean()
