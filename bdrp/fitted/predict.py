"""Predictions and posterior draws of a model, for a screen or for tables of new drugs and samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bdrp.data.profiles import EXPRESSION, Profiles
from bdrp.data.screen import Screen
from bdrp.errors import DataError, ModelFolderError
from bdrp.fitted.laboratory import SAME, Laboratories
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.question import Question
from bdrp.predictive import Predictions

if TYPE_CHECKING:
    import arviz


def predict(
    model: Path | str | TrainedModel,
    *,
    screen: Screen | None = None,
    drugs: pd.DataFrame | None = None,
    expression: pd.DataFrame | None = None,
    profiles: Profiles | None = None,
    pairs: pd.DataFrame | None = None,
    laboratory: str | Path | Laboratories = SAME,
    match: str | None = None,
) -> Predictions:
    """Predict pairs of a screen, or of new drugs and samples; a table beside a screen replaces that part of it.

    Args:
        model: a model or its folder.
        screen: gives drugs, profiles and tissues.
        drugs: index drug_id; smiles, structure_key, name.
        expression: index cell_line_id; one column a gene. Other profiles of the screen then count for nothing.
        profiles: further tables by modality, for a model that reads more than expression.
        pairs: cell_line_id and drug_id; every line with every drug if None.
        laboratory: whose responses are predicted, "same" or "other"; see `TrainedModel.predict`.
        match: how expression is mapped onto that of the training lines; see `TrainedModel.predict`.

    Raises:
        DataError: neither a screen nor both tables were given, or see `TrainedModel.predict`.
        ModelFolderError: the screen's measure is not the model's.
    """
    tables = {"drugs": drugs, "expression": expression, "profiles": profiles, "pairs": pairs}
    return ask(model, screen=screen, **tables, laboratory=laboratory, match=match).answer()


def ask(
    model: Path | str | TrainedModel,
    *,
    screen: Screen | None = None,
    drugs: pd.DataFrame | None = None,
    expression: pd.DataFrame | None = None,
    profiles: Profiles | None = None,
    pairs: pd.DataFrame | None = None,
    laboratory: str | Path | Laboratories = SAME,
    match: str | None = None,
) -> Question:
    """The question that `predict` answers, to be answered part by part: see `bdrp.fitted.stream`.

    Raises:
        DataError, ModelFolderError: as in `predict`.
    """
    trained, drugs, known = _with_tables(model, screen, drugs, expression, profiles)
    if trained.measurements is not None and pairs is not None:
        drugs, known = trained.measurements.fill(drugs, known, pairs)
    tissues = None if screen is None else screen.cell_lines
    return Question.of(trained, drugs, known, pairs, tissues, laboratory, match)


def draw(
    model: Path | str | TrainedModel,
    *,
    screen: Screen | None = None,
    drugs: pd.DataFrame | None = None,
    expression: pd.DataFrame | None = None,
    profiles: Profiles | None = None,
    draws: int = 100,
    match: str | None = None,
) -> arviz.InferenceData:
    """Posterior draws at a model's held-out pairs; tables as in `predict`, draws as in `TrainedModel.to_arviz`.

    Raises:
        FitError: the method has no posterior.
        DataError: neither a screen nor both tables were given, or see `TrainedModel.to_arviz`.
        ModelFolderError: the screen's measure is not the model's.
    """
    trained, drugs, known = _with_tables(model, screen, drugs, expression, profiles)
    return trained.to_arviz(drugs, known, draws=draws, seed=int(trained.manifest["seed"]), match=match)


def _with_tables(
    model: Path | str | TrainedModel,
    screen: Screen | None,
    drugs: pd.DataFrame | None,
    expression: pd.DataFrame | None,
    profiles: Profiles | None,
) -> tuple[TrainedModel, pd.DataFrame, Profiles]:
    trained = model if isinstance(model, TrainedModel) else TrainedModel.load(model)
    known = {} if expression is None else {EXPRESSION: expression}
    if screen is not None:
        _check_measure(trained, screen)
        drugs = trained.drugs_of(screen) if drugs is None else drugs
        known = known or dict(screen.profiles)
    known |= profiles or {}
    if drugs is None or EXPRESSION not in known:
        raise DataError("Drugs and expression are both needed. Give a screen, or a table of each.")
    return trained, drugs, known


def _check_measure(trained: TrainedModel, screen: Screen) -> None:
    ours, theirs = trained.features.measure.name, screen.measure.name
    if ours != theirs:
        raise ModelFolderError(
            f"The model predicts {ours}, the screen holds {theirs}. They must agree. "
            f"Load the screen with measure={ours}, or fit a model on {theirs}."
        )
