"""A question to a model, or to predictions that it made, becomes an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from bdrp.data.expression.matching import NONE
from bdrp.data.in_memory import Given
from bdrp.data.measures import MEASURES
from bdrp.data.screen import LIMITS, Screen
from bdrp.errors import DataError
from bdrp.fitted import given
from bdrp.fitted.known import KnownTables, find_ids
from bdrp.fitted.laboratory import SAME, Laboratories
from bdrp.fitted.model import TrainedModel
from bdrp.predictive import Predictions, ReadableUnit
from bdrp.predictive.predictions import NAMES
from bdrp.report.answers import groups, nearby, yardsticks
from bdrp.report.answers.answer import KEYS, About, Answer, rank
from bdrp.report.answers.changes import Changes, compare, find_changes
from bdrp.report.answers.measured import Measured
from bdrp.report.answers.nearby import Nearby
from bdrp.report.answers.track_record import measure_track_record
from bdrp.report.answers.yardsticks import find_chances

_RESPONSES: Final = [*KEYS, "response"]


@dataclass(frozen=True)
class Criteria:
    """What counts as active, and what as sure.

    Attributes:
        yardstick: highest_dose, quantile, or a column of `concentrations`; None chooses, see `yardsticks.choose`.
        share: of a drug's lines, for the yardstick quantile.
        concentrations: a table of drugs with concentrations, such as Cmax.
        sure: the probability from which an answer is sure.
    """

    yardstick: str | None = None
    share: float = yardsticks.SHARE
    concentrations: Path | None = None
    sure: float = groups.SURE


class _Question(NamedTuple):
    about: About
    key: str
    lines: pd.Series
    drugs: pd.Series

    @property
    def name(self) -> str:
        """What the line or drug is called."""
        return str((self.lines if self.about == "line" else self.drugs)[self.key])


def ask_model(
    model: TrainedModel | Path | str,
    screen: Screen | str,
    *,
    line: str | None = None,
    drug: str | None = None,
    new_samples: Given | Any | None = None,
    new_drugs: Given | None = None,
    profiles: Mapping[str, Any] | None = None,
    tissue: given.Tissue | pd.Series | None = None,
    criteria: Criteria | None = None,
    laboratory: str | Path | Laboratories = SAME,
    match: str | None = None,
    expression_scale: str | None = None,
    dose_unit: str | None = None,
) -> Answer:
    """Rank the drugs of a screen for a line, or its lines for a drug.

    Args:
        model: predicts; a model or its folder.
        screen: a screen or the name of one; gives drugs, lines and their names, and what was measured.
        line: a line by name or id; of `new_samples` where there are any, and needless where there is one.
        drug: a drug by name or id; ranked are the new samples where there are any, else all lines of the screen.
        new_samples: expression of lines that the screen lacks, as in `bdrp.predict`.
        new_drugs: drugs that the screen lacks, as in `bdrp.predict`; they are ranked with the others.
        profiles: further tables of the new samples by modality, as in `bdrp.predict`.
        tissue: of the new samples, one for all or by cell_line_id, for a model that reads tissue.
        criteria: what counts as active, and as sure.
        laboratory: as in `TrainedModel.predict`.
        match: how the expression of new samples (of all lines, without any) is mapped onto that of the training lines.
        expression_scale: what the new samples are measured on, as in `bdrp.predict`.
        dose_unit: of the doses of new drugs, as in `bdrp.predict`.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model, tiny_screen
        >>> bdrp.answer(tiny_model(), tiny_screen(), line="SIM0001").key
        'SIM0001'

    Raises:
        DataError: not one line or one drug is asked about, it is not known, or there is no such yardstick.
    """
    model = model if isinstance(model, TrainedModel) else TrainedModel.load(model)
    screen = given.find_screen(screen, model.features.measure.name)
    known = KnownTables.of(model, screen, new_drugs, new_samples, match, expression_scale, dose_unit, profiles, tissue)
    left = match if new_samples is None or match is None else NONE  # these have been matched, among themselves
    asked = known.line_names.loc[known.lines]
    if line is None and drug is None and new_samples is not None and len(asked) == 1:
        line = str(asked.index[0])
    question = _Question(*_find_asked(line, drug, asked, known.drugs["name"]), known.line_names, known.drugs["name"])
    of_lines, of_drugs = (
        (known.lines, [question.key]) if question.about == "drug" else ([question.key], known.drugs.index)
    )
    pairs = pd.MultiIndex.from_product([of_lines, of_drugs], names=KEYS).to_frame(index=False)
    told = screen.cell_lines["tissue"].reindex(known.line_names.index)
    if tissue is not None and new_samples is not None:
        told.loc[known.lines] = tissue if isinstance(tissue, str) else pd.Series(tissue).reindex(known.lines)
    about_lines = pd.DataFrame({"name": known.line_names, "tissue": told})
    predicted = model.predict(known.drugs, known.profiles, pairs, about_lines, laboratory, left)
    doses = [model.limits, known.drugs, screen.responses.groupby("drug_id")[list(LIMITS)].median()]
    limits = join_limits(known.drugs.index, doses)
    at_home = predicted.laboratory is None
    changes = find_changes(model, known.drugs, known.profiles, pairs, about_lines, left)
    since = [] if changes is None else [changes.measured[_RESPONSES]]
    return _answer(
        question,
        predicted,
        limits,
        Measured(pd.concat([screen.responses[_RESPONSES], *since], ignore_index=True)),
        nearby.measure(model, known, pairs),
        criteria or Criteria(),
        model if at_home else None,
        {
            "Model": describe_model(model),
            "Screen": screen.name,
            "Laboratory": "the model's own" if at_home else "another",
        }
        | list_updates(model.updates),
        screen.responses[_RESPONSES],  # a quantile is that of the screen, before an update and after it
        changes,
    )


def ask_predictions(
    predictions: Predictions,
    screen: Screen | None = None,
    *,
    line: str | None = None,
    drug: str | None = None,
    criteria: Criteria | None = None,
) -> Answer:
    """Rank the drugs that were predicted for a line, or the lines that were predicted for a drug.

    Args:
        predictions: what `predict` gave.
        screen: gives names of lines, and what was measured; without it the answer holds predictions alone.
        line: as in `ask_model`.
        drug: likewise.
        criteria: likewise.

    Raises:
        DataError: as in `ask_model`.
    """
    frame = predictions.to_frame()
    lines, drugs = (_names(frame, key, name) for key, name in zip(KEYS, NAMES, strict=True))
    if screen is not None:
        lines = screen.cell_lines["name"].reindex(lines.index).fillna(lines)
    about, key = _find_asked(line, drug, lines, drugs)
    rows = np.flatnonzero(frame[KEYS[0] if about == "line" else KEYS[1]] == key)
    chosen = Predictions(predictions.distribution[rows], predictions.context.iloc[rows].reset_index(drop=True))
    if screen is None:  # the quantile of a drug is then that of its predicted medians
        responses, measured = frame.rename(columns={"q50": "response"})[_RESPONSES], frame[_RESPONSES[:2]].head(0)
        held = Measured(measured.assign(response=pd.Series(dtype=float)))
    else:
        responses = screen.responses[_RESPONSES]
        held = Measured(responses)
    at_home = predictions.laboratory is None
    return _answer(
        _Question(about, key, lines, drugs),
        chosen,
        predictions.context.reindex(columns=list(LIMITS)).astype(float).groupby(frame[KEYS[1]].to_numpy()).first(),
        held,
        nearby.read_context(chosen),
        criteria or Criteria(),
        None,
        {
            "Screen": screen.name if screen else "none was given",
            "Laboratory": "the model's own" if at_home else "another",
        }
        | list_updates(predictions.updates),
        responses,
    )


def _answer(
    question: _Question,
    predicted: Predictions,
    limits: pd.DataFrame,
    measured: Measured,
    near: Nearby,
    criteria: Criteria,
    model: TrainedModel | None,
    sources: Mapping[str, Any],
    responses: pd.DataFrame | None = None,
    changes: Changes | None = None,
) -> Answer:
    distribution = predicted.distribution
    unit = ReadableUnit(distribution.unit)
    yardstick = yardsticks.choose(
        criteria.yardstick,
        unit=unit,
        highest=limits["upper_limit"],
        responses=measured.responses if responses is None else responses,
        drug_names=question.drugs,
        share=criteria.share,
        table=criteria.concentrations,
    )
    frame = predicted.to_frame().drop(columns=list(LIMITS))
    keys = frame[KEYS]
    chance = find_chances(distribution, yardstick)
    lines_near = [()] * len(keys) if near.distances is None else measured.on_nearest_lines(keys, near.distances)
    pairs = frame.assign(
        line_name=question.lines.reindex(keys["cell_line_id"]).to_numpy(),
        drug_name=question.drugs.reindex(keys["drug_id"]).to_numpy(),
        group=groups.assign(chance, criteria.sure),
        chance=chance,
        threshold=yardstick.thresholds.reindex(keys["drug_id"]).to_numpy(dtype=float),
        measured=measured.of_pairs(keys),
        share_above=measured.share_above(keys, frame["q50"].to_numpy()),
        near_lines=pd.Series(lines_near, dtype=object),
        near_drugs=pd.Series(measured.on_nearest_drugs(keys, near.similarities), dtype=object),
        **{name: limits[name].reindex(keys["drug_id"]).to_numpy(dtype=float) for name in LIMITS},
    )
    if changes is not None:
        pairs = compare(pairs, changes, yardstick, criteria.sure)
    about_line = question.about == "line"
    listed = near.nearest_lines if about_line else near.nearest_drugs
    return Answer(
        question.about,
        question.key,
        question.name,
        rank(pairs),
        listed(question.key, question.lines if about_line else question.drugs, measured),
        {"cell_line_id": question.lines, "drug_id": question.drugs},
        limits,
        unit,
        MEASURES[distribution.measure].label.removeprefix("ln ") if distribution.measure in MEASURES else "response",
        yardstick,
        criteria.sure,
        None if model is None else measure_track_record(model, yardstick, criteria.sure),
        sources,
        near.distances is not None,
        changes,
    )


def list_updates(updates: Sequence[str]) -> dict[str, str]:
    """Each update in words, by what a list of sources calls it."""
    return {f"Update {at}": text for at, text in enumerate(updates, 1)}


def _find_asked(line: str | None, drug: str | None, lines: pd.Series, drugs: pd.Series) -> tuple[About, str]:
    """What is asked about, and its id.

    Raises:
        DataError: it is not one line or one drug, or not known.
    """
    if (line is None) == (drug is None):
        seen = "neither" if line is None else f"both, {line!r} and {drug!r}"
        raise DataError(
            f"An answer is about one line or one drug; given was {seen}. The {len(lines):,} lines begin with "
            f"{', '.join(map(str, lines.iloc[:3]))}. Say one --line or one --drug."
        )
    about: About = "line" if drug is None else "drug"
    names, what = (lines, "cell line") if about == "line" else (drugs, "drug")
    found = find_ids([str(line if drug is None else drug)], names, what)
    if len(found) > 1:
        raise DataError(
            f"{names[found[0]]!r} is the name of {len(found)} {what}s, with the ids {', '.join(map(str, found))}: "
            f"assays of "
            "their own, which may differ. An answer is about one of them. Name it by its id."
        )
    return about, str(found[0])


def _names(frame: pd.DataFrame, key: str, name: str) -> pd.Series:
    """The name of each id, the id itself where it has none."""
    known = frame.drop_duplicates(key).set_index(key)
    ids = known.index.to_series()
    return known[name].where(known[name].fillna("").ne(""), ids) if name in known else ids


def join_limits(drugs: pd.Index, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The tested doses of each drug: as the first table that has them by drug_id says."""
    known = pd.DataFrame(np.nan, drugs, list(LIMITS))
    for table in tables:
        known = known.fillna(table.reindex(index=known.index, columns=list(LIMITS)).astype(float))
    return known


def describe_model(model: TrainedModel) -> str:
    """Its method, its screen, and how its digest begins."""
    digest = str(model.manifest.get("digest", ""))[:12]
    return f"{model.manifest['method']}, fitted on {model.manifest['screen']}" + (f", {digest}" if digest else "")
