"""Checks of what is predicted: each pair by itself, in the measure's unit, wider where less is known, and of use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from bdrp.data.screen import MEASURES, Screen
from bdrp.inference.method import Fitted
from bdrp.predictive import Normal
from bdrp.testing.checking import require
from bdrp.testing.methods.subject import Check, Subject, moments
from bdrp.testing.screens import batch_of, tiny_screen


def predictions_are_finite_and_in_the_order_of_the_pairs(subject: Subject) -> None:
    """With noise above 0, epistemic variance not below, and the screen's measure and unit."""
    inputs, rows = subject.batch.inputs, subject.batch.test
    pred = subject.fitted.predict(inputs, rows)
    require(len(pred) == len(rows), f"{len(rows)} pairs have {len(pred)} predictions")
    require(bool(np.isfinite(moments(pred)).all()), "some moments are not finite")
    require(bool((pred.aleatoric > 0).all()), "some aleatoric variances are 0; give the noise a floor")
    require(bool((pred.epistemic >= 0).all()), "some epistemic variances are below 0")
    drugs = [inputs.drug_ids[index] for index in rows.drug.tolist()]
    require(pred.keys["drug_id"].tolist() == drugs, "its keys are not those of the pairs; leave `predict` as it is")
    unit = MEASURES["ln_ic50_um"].unit
    require((pred.measure, pred.unit) == ("ln_ic50_um", unit), f"it is of {pred.measure} in {pred.unit}")


def keys_are_text(subject: Subject) -> None:
    """Ids are names, never numbers."""
    keys = subject.fitted.predict(subject.batch.inputs, subject.batch.test).keys
    require(list(keys.columns) == ["cell_line_id", "drug_id"], f"the keys are {', '.join(map(str, keys.columns))}")
    require(all(isinstance(value, str) for value in keys.to_numpy().ravel()), "some keys are no text")
    require(keys.index.equals(pd.RangeIndex(len(keys))), "the keys are not numbered from 0")


def permuting_pairs_permutes_predictions(subject: Subject) -> None:
    """What is predicted for a pair does not depend on where it stands."""
    inputs, rows = subject.batch.inputs, subject.batch.test
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    whole, mixed = (moments(subject.fitted.predict(inputs, each)) for each in (rows, rows.select(order)))
    _require_close(mixed, whole[:, order], 1e-4, 1e-9)


def pairs_predicted_apart_agree_with_pairs_predicted_together(subject: Subject) -> None:
    """What is predicted for a pair does not depend on the others."""
    inputs, rows = subject.batch.inputs, subject.batch.test
    whole = moments(subject.fitted.predict(inputs, rows))
    for row in (0, 7, len(rows) - 1):
        alone = moments(subject.fitted.predict(inputs, rows.select(torch.tensor([row]))))
        _require_close(alone[:, 0], whole[:, row], 1e-3, 1e-5)


def no_pairs_have_no_predictions(subject: Subject) -> None:
    """A split may have an empty part."""
    count = len(subject.fitted.predict(subject.batch.inputs, subject.batch.calibration))
    require(count == 0, f"no pairs have {count} predictions")


def a_prediction_does_not_depend_on_the_response(subject: Subject) -> None:
    """What is to be predicted is not known."""
    rows = subject.batch.test
    blind = replace(rows, response=torch.full_like(rows.response, torch.nan))
    left, right = (moments(subject.fitted.predict(subject.batch.inputs, each)) for each in (rows, blind))
    require(np.array_equal(left, right), "predictions change when the responses of the pairs are hidden")


def what_was_not_trained_on_is_less_certain(subject: Subject) -> None:
    """An unseen drug by 30 % in SD on average; a line unless `widens_for_new_lines` is False; both more than a line."""
    inputs, rows, fitted = subject.batch.inputs, subject.batch.test, subject.fitted
    epistemic = fitted.predict(inputs, rows).epistemic
    new_drug, new_line = (inputs.drug_effect[rows.drug] < 0).numpy(), (inputs.line_effect[rows.line] < 0).numpy()
    known = fitted.predict(inputs, subject.batch.train).epistemic.mean()
    drug, line, both = (
        epistemic[chosen].mean() for chosen in (new_drug & ~new_line, new_line & ~new_drug, new_line & new_drug)
    )
    require(
        drug > 1.3**2 * known, f"the epistemic variance is {drug:.3g} for unseen drugs, {known:.3g} for known pairs"
    )
    require(
        both > line, f"the epistemic variance is {both:.3g} where drug and line are unseen, {line:.3g} for the line"
    )
    if subject.method.widens_for_new_lines:
        stranger = _of_nameless_lines(subject, fitted)
        wider = stranger if stranger != known else line
        require(wider > known, f"the epistemic variance is {wider:.3g} for unseen lines, {known:.3g} for known pairs")


def the_area_under_the_curve_is_a_measure_too(subject: Subject) -> None:
    """Fractions of full viability, without limits."""
    responses = _without_limits(tiny_screen())
    responses["response"] = 1 / (1 + np.exp(-responses["response"]))
    batch = batch_of(_screen(responses, "auc_fraction"), _fifths(len(responses)))
    pred = subject.refit(batch=batch).predict(batch.inputs, batch.test)
    require(pred.measure == "auc_fraction", f"the measure is {pred.measure}")
    observed = batch.test.response.numpy()
    error, sd = float(np.sqrt(np.mean((pred.mean - observed) ** 2))), float(observed.std())
    require(error < sd, f"its RMSE is {error:.3g}, no less than the SD {sd:.3g} of what is predicted")


def predictions_follow_the_unit_of_the_responses(subject: Subject) -> None:
    """Half the response plus one has half the SD, and half the mean plus one."""
    halved = _without_limits(tiny_screen())
    halved["response"] = halved["response"] * 0.5 + 1
    whole, half = (
        subject.refit(batch=batch).predict(batch.inputs, batch.test)
        for batch in (batch_of(screen, _fifths(len(halved))) for screen in (tiny_screen(), _screen(halved)))
    )
    _require_close(half.mean, 0.5 * whole.mean + 1, 0, 0.02)
    _require_close(half.std, 0.5 * whole.std, 0.02, 0)


def it_beats_a_single_normal_for_all_pairs(subject: Subject) -> None:
    """By the CRPS on the validation part."""
    rows, features = subject.batch.validation, subject.batch.features
    pred = subject.fitted.predict(subject.batch.inputs, rows)
    centre, variance = np.full(len(rows), features.response_mean), np.full(len(rows), features.response_std**2)
    constant = Normal(pred.keys, pred.measure, centre, variance, np.zeros(len(rows)))
    ours, theirs = (each.crps(rows.response.numpy()).mean() for each in (pred, constant))
    require(ours < theirs, f"its CRPS is {ours:.3g}, that of one normal for all pairs is {theirs:.3g}")


def _of_nameless_lines(subject: Subject, fitted: Fitted) -> float:
    """The epistemic variance of the training pairs, were their lines not known by name but by expression alone.

    That is the fair stranger of a method that knows lines by name: the expression of other lines may lie nearer to the
    middle of what was trained on.
    """
    inputs = subject.batch.inputs
    nameless = replace(inputs, line_effect=torch.full_like(inputs.line_effect, -1))
    return float(fitted.predict(nameless, subject.batch.train).epistemic.mean())


def _without_limits(screen: Screen) -> pd.DataFrame:
    responses = screen.responses
    responses[["lower_limit", "upper_limit"]] = np.nan
    return responses


def _screen(responses: pd.DataFrame, measure: str = "ln_ic50_um") -> Screen:
    tiny = tiny_screen()
    return Screen("altered", MEASURES[measure], responses, tiny.drugs, tiny.cell_lines, tiny.expression)


def _fifths(count: int) -> np.ndarray:
    return np.where(np.arange(count) % 5 == 0, "test", "train")


def _require_close(left: np.ndarray, right: np.ndarray, relative: float, absolute: float) -> None:
    close = np.allclose(left, right, rtol=relative, atol=absolute)
    require(close, f"it differs by up to {np.abs(left - right).max():.3g}")


CHECKS: tuple[Check, ...] = (
    predictions_are_finite_and_in_the_order_of_the_pairs,
    keys_are_text,
    permuting_pairs_permutes_predictions,
    pairs_predicted_apart_agree_with_pairs_predicted_together,
    no_pairs_have_no_predictions,
    a_prediction_does_not_depend_on_the_response,
    what_was_not_trained_on_is_less_certain,
    the_area_under_the_curve_is_a_measure_too,
    predictions_follow_the_unit_of_the_responses,
    it_beats_a_single_normal_for_all_pairs,
)
