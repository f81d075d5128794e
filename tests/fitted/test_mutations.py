"""Mutations beside expression: what a fit makes of them, and of lines of which none are known."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bdrp
from bdrp.data import splits
from bdrp.data.screen import Screen
from bdrp.errors import BdrpWarning
from bdrp.fitted.model import TrainedModel

SMALL = {"epochs": 2, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2, "lines": "new"}
BOTH = SMALL | {"modalities": "expression,mutations"}
EFFECT = 3.0
Fit = Callable[..., TrainedModel]


@pytest.fixture(scope="module")
def driven(tiny_screen: Screen) -> Screen:
    """The tiny screen in which carriers of the driver respond by 3 ln units less; the last four lines lack a profile.

    The driver and seven idle alterations are drawn by coin, so that expression tells none of them.
    """
    lines, rows = tiny_screen.expression.index, tiny_screen.responses
    alterations = np.random.default_rng(3).integers(2, size=(len(lines), 8)).astype(np.float32)
    names = pd.Index(["DRIVER", *(f"IDLE{at}" for at in range(7))], dtype="str")
    table = pd.DataFrame(alterations, index=lines, columns=names)
    carried = table["DRIVER"].loc[rows["cell_line_id"]].to_numpy()
    changed = rows.assign(response=rows["response"] - EFFECT * carried)
    profiles = {**tiny_screen.profiles, "mutations": table.iloc[:-4]}
    return Screen("tiny", tiny_screen.measure, changed, tiny_screen.drugs, tiny_screen.cell_lines, profiles)


@pytest.fixture(scope="module")
def both(driven: Screen, fit: Fit, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    out = tmp_path_factory.mktemp("models") / "both"
    fit(driven, splits.make(driven, "cell_line"), options=BOTH, out=out)
    return TrainedModel.load(out)


def _without(model: TrainedModel, screen: Screen):
    with pytest.warns(BdrpWarning, match="None of the 36 lines has a profile of mutations"):
        return model.predict(screen.drugs, screen.expression).distribution


def test_a_driver_that_expression_does_not_tell_predicts_new_lines(driven: Screen, both: TrainedModel, fit: Fit):
    alone = fit(driven, splits.make(driven, "cell_line"), options=SMALL)
    held = both.held_out()
    known = held["cell_line_id"].isin(driven.profiles["mutations"].index).to_numpy()
    errors = [np.abs(m.held_out_predictions().mean - held["response"])[known].mean() for m in (both, alone)]
    assert errors[0] < 0.8 * errors[1]


def test_turning_the_driver_off_moves_a_line_and_turning_an_idle_alteration_hardly(driven: Screen, both: TrainedModel):
    table = driven.profiles["mutations"]
    moved = {}
    for alteration in table:
        low, high = (
            both.predict(
                driven.drugs, {**driven.profiles, "mutations": table.assign(**{alteration: np.float32(value)})}
            )
            for value in (0, 1)
        )
        of_profiled = low.distribution.keys["cell_line_id"].isin(table.index).to_numpy()
        moved[alteration] = float((high.distribution.mean - low.distribution.mean)[of_profiled].mean())
    assert moved["DRIVER"] < -0.5 * EFFECT
    assert max(abs(change) for alteration, change in moved.items() if alteration != "DRIVER") < 0.5 * abs(
        moved["DRIVER"]
    )


def test_lines_without_mutations_are_predicted_and_wider_for_every_drug(driven: Screen, both: TrainedModel) -> None:
    """Over the training lines a component has a mean square of one, and without a profile a variance of one.

    So the slopes' variance is the same on average, and their squared means come on top.
    """
    with_profile = both.predict(driven.drugs, driven.profiles).distribution
    without = _without(both, driven)
    assert len(without.mean) == 36 * 12 and np.isfinite(without.mean).all()
    kept = without.keys["cell_line_id"].isin(set(driven.profiles["mutations"].index) & set(both.features.lines))
    by_drug = [
        pd.Series(each.epistemic_std**2)[kept.to_numpy()].groupby(each.keys["drug_id"][kept].to_numpy()).mean()
        for each in (without, with_profile)
    ]
    assert (by_drug[0] > by_drug[1]).all()
    assert by_drug[0].mean() > 1.2 * by_drug[1].mean()


def test_a_line_without_a_profile_is_among_those_that_train_and_those_that_are_held_out(
    driven: Screen, both: TrainedModel
) -> None:
    lacking = set(driven.expression.index[-4:])
    seen = set(both.features.lines) | set(both.held_out()["cell_line_id"])
    assert lacking <= seen


def test_one_unknown_alteration_widens_less_than_no_profile(driven: Screen, both: TrainedModel) -> None:
    table = driven.profiles["mutations"].copy()
    table["IDLE3"] = table["IDLE3"].where(np.arange(len(table)) > 0)
    line = [table.index[0]]
    pairs = pd.DataFrame({"cell_line_id": line * 12, "drug_id": driven.drugs.index})
    one = both.predict(driven.drugs, {**driven.profiles, "mutations": table}, pairs).distribution
    with pytest.warns(BdrpWarning, match="None of the 1 lines has a profile"):
        none = both.predict(driven.drugs, driven.expression, pairs).distribution
    assert (none.epistemic_std > one.epistemic_std).all()


@pytest.mark.parametrize("method", ["variational", "mc_dropout", "deep_ensemble", "deterministic"])
def test_every_method_with_a_network_is_wider_without_them(method: str, driven: Screen, fit: Fit) -> None:
    few = {"members": 2} if method == "deep_ensemble" else {}
    model = fit(driven, splits.make(driven, "cell_line"), method=method, options=BOTH | few, refit=False)
    assert without_mean(model, driven) > model.predict(driven.drugs, driven.profiles).distribution.epistemic_std.mean()


def without_mean(model: TrainedModel, screen: Screen) -> float:
    return float(_without(model, screen).epistemic_std.mean())


def test_mutations_of_another_panel_are_refused_or_counted(driven: Screen, both: TrainedModel) -> None:
    table = driven.profiles["mutations"]
    with pytest.warns(BdrpWarning, match=r"1 of the model's 8 mutations \(12%\) are missing: IDLE6"):
        both.predict(driven.drugs, {**driven.profiles, "mutations": table.drop(columns="IDLE6").assign(NEW=1.0)})
    with pytest.raises(bdrp.errors.DataError, match=r"8 of the model's 8 mutations \(100%\) are missing: DRIVER"):
        both.predict(driven.drugs, {**driven.profiles, "mutations": table.add_suffix("_mut")})


def test_a_model_that_was_not_told_to_does_not_read_mutations(
    driven: Screen, tiny_screen: Screen, fit: Fit, tmp_path: Path
) -> None:
    model = fit(driven, splits.make(driven, "cell_line"), options=SMALL, refit=False)
    without_mutations = {name: table for name, table in driven.profiles.items() if name != "mutations"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with_them, without = (
            model.predict(driven.drugs, each).distribution for each in (driven.profiles, without_mutations)
        )
    assert np.array_equal(with_them.mean, without.mean) and np.array_equal(with_them.std, without.std)
