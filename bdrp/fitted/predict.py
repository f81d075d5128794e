"""Predictions and posterior draws of a model, for a screen or for tables of new drugs and samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bdrp.data.in_memory import Given
from bdrp.data.profiles import EXPRESSION, Profiles
from bdrp.data.screen import Screen
from bdrp.errors import DataError, ModelFolderError
from bdrp.fitted import given
from bdrp.fitted.asked import pair_ids
from bdrp.fitted.known import resolve_names
from bdrp.fitted.laboratory import SAME, Laboratories
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.question import Question
from bdrp.predictive import Predictions

if TYPE_CHECKING:
    import arviz


def predict(
    model: Path | str | TrainedModel,
    *,
    screen: Screen | str | None = None,
    drugs: Given | None = None,
    expression: Given | Any | None = None,
    profiles: Mapping[str, Any] | None = None,
    tissue: given.Tissue | pd.Series | None = None,
    pairs: Given | None = None,
    laboratory: str | Path | Laboratories = SAME,
    match: str | None = None,
    expression_scale: str | None = None,
    dose_unit: str | None = None,
) -> Predictions:
    """Predict pairs of a screen, or of new drugs and samples; a table beside a screen replaces that part of it.

    Args:
        model: a model or its folder.
        screen: gives drugs, profiles and tissues; the name of one will do.
        drugs: drug_id, smiles and, where known, name and the highest dose (upper_limit or max_conc_um), as a frame, a
            file, or SMILES by id.
        expression: cell_line_id, then one column a gene, as a frame or a file; a Series or dict of one sample by gene;
            or AnnData. Other profiles of the screen then count for nothing.
        profiles: further tables by modality, as frames or files, for a model that reads more than expression.
        tissue: of the lines of `expression`, one for all or by cell_line_id, for a model that reads tissue.
        pairs: cell_line_id and drug_id, as a frame, a file or a list of both; names of drugs and of the screen's lines
            will do; every line with every drug if None.
        laboratory: whose responses are predicted, "same" or "other"; see `TrainedModel.predict`.
        match: how expression is mapped onto that of the training lines; see `TrainedModel.predict`.
        expression_scale: what expression is measured on, where its values do not tell: "tpm", "counts" and "linear"
            become logarithms.
        dose_unit: of the drugs' doses, where their header does not tell.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model, tiny_screen
        >>> sample = tiny_screen().expression.iloc[0]
        >>> made = bdrp.predict(tiny_model(), drugs={"ethanol": "CCO"}, expression=sample)
        >>> made.to_frame()[["cell_line_id", "drug_id"]].to_numpy().tolist()
        [['SIM0001', 'ethanol']]

    Raises:
        DataError: neither a screen nor both tables were given, or see `TrainedModel.predict`.
        ModelFolderError: the screen's measure is not the model's.
    """
    return ask(
        model,
        screen=screen,
        drugs=drugs,
        expression=expression,
        profiles=profiles,
        tissue=tissue,
        pairs=pairs,
        laboratory=laboratory,
        match=match,
        expression_scale=expression_scale,
        dose_unit=dose_unit,
    ).answer()


def ask(
    model: Path | str | TrainedModel,
    *,
    screen: Screen | str | None = None,
    drugs: Given | None = None,
    expression: Given | Any | None = None,
    profiles: Mapping[str, Any] | None = None,
    tissue: given.Tissue | pd.Series | None = None,
    pairs: Given | None = None,
    laboratory: str | Path | Laboratories = SAME,
    match: str | None = None,
    expression_scale: str | None = None,
    dose_unit: str | None = None,
) -> Question:
    """The question that `predict` answers, to be answered part by part: see `bdrp.fitted.stream`.

    Raises:
        DataError, ModelFolderError: as in `predict`.
    """
    trained = model if isinstance(model, TrainedModel) else TrainedModel.load(model)
    loaded = _of_model(trained, screen)
    read = None if drugs is None else given.read_drugs(drugs, trained, dose_unit)
    lines = None if expression is None else given.read_lines(expression, trained, expression_scale)
    table, known = _join(trained, loaded, read, lines, None)
    known = {**known, **given.read_further(profiles, tissue, known[EXPRESSION].index, trained)}
    asked = None if pairs is None else _by_ids(pair_ids(given.read_pairs(pairs)), table, known, loaded)
    if trained.measurements is not None and asked is not None:
        table, known = trained.measurements.fill(table, known, asked)
    tissues = None if loaded is None else loaded.cell_lines
    return Question.of(trained, table, known, asked, tissues, laboratory, match)


def _by_ids(pairs: pd.DataFrame, drugs: pd.DataFrame, profiles: Profiles, screen: Screen | None) -> pd.DataFrame:
    """Pairs whose names of drugs and of the screen's lines are replaced by their ids."""
    found = {"cell_line_id": pairs["cell_line_id"], "drug_id": pairs["drug_id"]}
    if "name" in drugs:
        found["drug_id"] = resolve_names(pairs["drug_id"], drugs["name"], "drug")
    if screen is not None:
        names = screen.cell_lines["name"].reindex(profiles[EXPRESSION].index).fillna("")
        found["cell_line_id"] = resolve_names(pairs["cell_line_id"], names, "line")
    return pd.DataFrame(found)


def draw(
    model: Path | str | TrainedModel,
    *,
    screen: Screen | str | None = None,
    drugs: Given | None = None,
    expression: Given | Any | None = None,
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
    trained = model if isinstance(model, TrainedModel) else TrainedModel.load(model)
    read = None if drugs is None else given.read_drugs(drugs, trained)
    lines = None if expression is None else given.read_lines(expression, trained)
    table, known = _join(trained, _of_model(trained, screen), read, lines, profiles)
    return trained.to_arviz(table, known, draws=draws, seed=int(trained.manifest["seed"]), match=match)


def _of_model(trained: TrainedModel, screen: Screen | str | None) -> Screen | None:
    """The screen, in the model's measure."""
    if screen is None:
        return None
    loaded = given.find_screen(screen, trained.features.measure.name)
    _check_measure(trained, loaded)
    return loaded


def _join(
    trained: TrainedModel,
    screen: Screen | None,
    drugs: pd.DataFrame | None,
    expression: pd.DataFrame | None,
    profiles: Profiles | None,
) -> tuple[pd.DataFrame, Profiles]:
    known = {} if expression is None else {EXPRESSION: expression}
    if screen is not None:
        drugs = trained.drugs_of(screen) if drugs is None else drugs
        known = known or dict(screen.profiles)
    known |= profiles or {}
    if drugs is None or EXPRESSION not in known:
        raise DataError("Drugs and expression are both needed. Give a screen, or a table of each.")
    return drugs, known


def _check_measure(trained: TrainedModel, screen: Screen) -> None:
    ours, theirs = trained.features.measure.name, screen.measure.name
    if ours != theirs:
        raise ModelFolderError(
            f"The model predicts {ours}, the screen holds {theirs}. They must agree. "
            f"Load the screen with measure={ours}, or fit a model on {theirs}."
        )
