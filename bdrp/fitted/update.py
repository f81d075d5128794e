"""A model folder with further measurements beside the folder that it was, and back again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bdrp.data.expression import admit
from bdrp.data.in_memory import Given
from bdrp.data.profiles import EXPRESSION, Profiles
from bdrp.data.screen import Screen
from bdrp.errors import DataError
from bdrp.files import outputs, sealed_folder
from bdrp.fitted import given
from bdrp.fitted.laboratory import SAME, Laboratories
from bdrp.fitted.measured_checks import refuse_repeated, tidy_rows
from bdrp.fitted.measurements import KEYS
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.updates import Source, add_rows


def update(
    model: Path | str | TrainedModel,
    measured: Given,
    *,
    screen: Screen | str | None = None,
    drugs: Given | None = None,
    expression: Given | Any | None = None,
    profiles: Mapping[str, Any] | None = None,
    tissue: given.Tissue | pd.Series | None = None,
    laboratory: str | Path | Laboratories = SAME,
    source: Source | None = None,
    match: str | None = None,
    unit: str | None = None,
    dose_unit: str | None = None,
    expression_scale: str | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
) -> TrainedModel:
    """Condition a model on further measurements, in closed form, and write the model folder; see `TrainedModel.update`.

    What the model was updated with before it knows: of these lines and drugs no table is needed again.

    Args:
        model: a model or its folder, which is only read.
        measured: cell_line_id, drug_id, the response (its header, or `unit`, says in what) and, where known, limits or
            doses, as a frame, a file, or responses by pair. A column `response` is in the model's measure.
        screen: gives drugs and profiles, the name of one will do; rows that the model was fitted on are refused.
        drugs: those that the screen lacks, or in the place of its own; as in `bdrp.predict`.
        expression: of lines, likewise.
        profiles: further tables by modality, as frames or files, for a model that reads more than expression.
        tissue: of the lines of `expression`, one for all or by cell_line_id, for a model that reads tissue.
        laboratory: whose measurements they are.
        source: the table's file, for the history; that of `measured` where it is one.
        match: how `expression` is mapped onto that of the training lines, and kept; see `bdrp.data.expression.admit`.
        unit: what the response column holds, such as "ic50_nm" or "pic50", where its header does not tell.
        dose_unit: of doses, where their header does not tell.
        expression_scale: as in `bdrp.predict`.
        out: the folder to write; nothing is written if None.
        overwrite: replace a model that stands there, other than `model` itself.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model, tiny_screen
        >>> sample = tiny_screen().expression.iloc[0].rename("biopsy")
        >>> measured = {("biopsy", "D001"): -2.0}
        >>> updated = bdrp.update(tiny_model(), measured, screen=tiny_screen(), expression=sample)
        >>> updated.updates[0].split(",")[0]
        '1 measurements (1 lines'

    Raises:
        DataError, FitError: see `TrainedModel.update`.
        OutputError: the folder cannot be written.
    """
    trained = model if isinstance(model, TrainedModel) else TrainedModel.load(model)
    loaded = None if screen is None else given.find_screen(screen, trained.features.measure.name)
    own = {} if expression is None else {EXPRESSION: given.read_lines(expression, trained, expression_scale)}
    if own and match is not None:
        own[EXPRESSION] = admit(own[EXPRESSION], trained.training_expression, match)
    at_hand = own[EXPRESSION].index if own else pd.Index([]) if loaded is None else loaded.expression.index
    own |= given.read_further(profiles, tissue, at_hand, trained)
    new_drugs = None if drugs is None else given.read_drugs(drugs, trained, dose_unit)
    known, tables = gather_tables(trained, loaded, new_drugs, own)
    rows = given.read_rows(measured, trained, (known, tables[EXPRESSION]), (unit, dose_unit))
    if loaded is not None:
        _refuse_fitted(trained, tidy_rows(rows), loaded)
    if source is None and isinstance(measured, str | os.PathLike):
        source = Source.of_file(Path(measured))
    made = trained.update(rows, drugs=known, profiles=tables, laboratory=laboratory, source=source)
    return _written(made, model, out, overwrite)


def gather_tables(
    model: TrainedModel, screen: Screen | None, drugs: pd.DataFrame | None, profiles: Profiles
) -> tuple[pd.DataFrame, Profiles]:
    """All drugs and profiles that are known: of earlier updates, of a screen, and given ones before the others.

    Raises:
        DataError: there are no drugs, or no expression.
    """
    before = model.measurements
    tables = {} if before is None else dict(before.profiles)
    for name, table in [*({} if screen is None else screen.profiles).items(), *profiles.items()]:
        tables[name] = add_rows(tables.get(name), table)
    known = None if before is None else before.drugs
    known = known if screen is None else add_rows(known, model.drugs_of(screen))
    known = known if drugs is None else add_rows(known, drugs)
    if known is None or EXPRESSION not in tables:
        raise DataError("Drugs and expression are both needed. Give a screen, or a table of each.")
    return known, tables


def undo_update(
    model: Path | str | TrainedModel, out: Path | str | None = None, *, overwrite: bool = False
) -> TrainedModel:
    """The model as it was before its last update, in a folder of its own; see `TrainedModel.undo`.

    Raises:
        DataError: it was never updated.
        OutputError: the folder cannot be written.
    """
    trained = model if isinstance(model, TrainedModel) else TrainedModel.load(model)
    return _written(trained.undo(), model, out, overwrite)


def _written(
    made: TrainedModel, model: Path | str | TrainedModel, out: Path | str | None, overwrite: bool
) -> TrainedModel:
    if out is not None:
        outputs.guard_folder(Path(out), [] if isinstance(model, TrainedModel) else [Path(model)])
        with sealed_folder.writing(Path(out), overwrite=overwrite) as place:
            made.save(place)
    return made


def _refuse_fitted(model: TrainedModel, rows: pd.DataFrame, screen: Screen) -> None:
    """Refuse rows that the model was fitted on: those of its own screen that it did not hold out."""
    if screen.name != model.manifest["screen"]:
        return
    fitted = _of_lines(screen.responses, rows)
    if model.held_out_part is not None:
        held_out = pd.MultiIndex.from_frame(_of_lines(model.held_out(), rows)[KEYS])
        fitted = fitted[~pd.MultiIndex.from_frame(fitted[KEYS]).isin(held_out)]
    refuse_repeated(rows, {f"the screen {screen.name}, on which the model was fitted,": fitted})


def _of_lines(responses: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Those of the lines of `rows`; ids as text."""
    named = responses["cell_line_id"].astype("str").isin(rows["cell_line_id"].unique())
    return responses[named].astype(dict.fromkeys(KEYS, "str"))
