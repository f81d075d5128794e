"""A model with further measurements, and without its last ones again; nothing here touches the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bdrp import __version__
from bdrp.data.profiles import Profiles
from bdrp.errors import DataError
from bdrp.files import strict_json
from bdrp.fitted.conditioning import find_effects, new_laboratory, refuse_method, warn_if_far
from bdrp.fitted.laboratory import Laboratories
from bdrp.fitted.measured_checks import at_limit, refuse_repeated, refuse_too_many, refuse_unknown, tidy_rows
from bdrp.fitted.measurements import (
    DRUG_COLUMNS,
    UPDATE,
    UPDATES,
    Measurements,
    TargetLaboratory,
    Update,
    keep_named,
    sort_rows,
)

if TYPE_CHECKING:
    from bdrp.fitted.model import TrainedModel


@dataclass(frozen=True)
class Source:
    """Where measurements come from: the name of their file, and its SHA-256."""

    file: str
    sha256: str

    @classmethod
    def of_file(cls, path: Path) -> Source:
        """A file as it is now."""
        with path.open("rb") as file:
            return cls(path.name, hashlib.file_digest(file, "sha256").hexdigest())

    @classmethod
    def of_rows(cls, rows: pd.DataFrame) -> Source:
        """A table in memory, known by its rows, in whichever order."""
        text = rows.sort_values(list(rows), ignore_index=True).to_csv(index=False)
        return cls("", hashlib.sha256(text.encode()).hexdigest())


def add(
    model: TrainedModel,
    measured: pd.DataFrame,
    drugs: pd.DataFrame,
    profiles: Profiles,
    laboratories: Laboratories | None,
    source: Source | None,
) -> TrainedModel:
    """See `TrainedModel.update`; `laboratories` is None for the model's own."""
    refuse_method(model)
    rows = tidy_rows(measured)
    source = source or Source.of_rows(rows)
    before = model.measurements
    _refuse_same_source(source, before)
    refuse_unknown(rows, drugs, profiles)
    if before is not None:
        refuse_repeated(rows, {"an earlier update": before.rows})
    record = _record(rows, source, _laboratory(model, laboratories))
    joined = _joined(before, rows, _drugs(drugs), _read_columns(model, profiles), record)
    refuse_too_many(joined.rows)
    warn_if_far(model, joined)
    return with_measurements(model, find_effects(_bare(model), joined))


def undo(model: TrainedModel) -> TrainedModel:
    """See `TrainedModel.undo`."""
    if model.measurements is None:
        raise DataError(
            "There is no update to undo: the model is as it was fitted. Allowed: a model that `bdrp update` wrote."
        )
    return with_measurements(model, model.measurements.without_last())


def with_measurements(model: TrainedModel, measured: Measurements | None) -> TrainedModel:
    """The model with these measurements alone, and with their history in its manifest."""
    manifest: dict[str, Any] = {key: value for key, value in model.manifest.items() if key != UPDATES}
    if measured is not None:
        manifest[UPDATES] = [strict_json.plain(each.to_json()) for each in measured.history]
    return replace(model, manifest=manifest, measurements=measured)


def _bare(model: TrainedModel) -> TrainedModel:
    return with_measurements(model, None)


def _joined(
    before: Measurements | None, rows: pd.DataFrame, drugs: pd.DataFrame, profiles: Profiles, record: Update
) -> Measurements:
    """All measurements; of a drug or line that both tables describe the newer description counts."""
    if before is None:
        return keep_named(Measurements(sort_rows(rows.assign(**{UPDATE: 0})), drugs, profiles, (record,)))
    every = pd.concat([before.rows, rows.assign(**{UPDATE: len(before.history)})], ignore_index=True)
    tables = {name: add_rows(before.profiles.get(name), profile) for name, profile in profiles.items()}
    tables |= {name: table for name, table in before.profiles.items() if name not in tables}
    history = (*before.history, record)
    return keep_named(Measurements(sort_rows(every), add_rows(before.drugs, drugs), tables, history))


def add_rows(known: pd.DataFrame | None, new: pd.DataFrame) -> pd.DataFrame:
    """Both tables, one row an id; what the new one holds replaces what was known."""
    return new if known is None else pd.concat([known[~known.index.isin(new.index)], new])


def _drugs(drugs: pd.DataFrame) -> pd.DataFrame:
    table = drugs.reindex(columns=list(DRUG_COLUMNS))
    texts = [column for column in DRUG_COLUMNS if column != "upper_limit"]
    table[texts] = table[texts].fillna("").astype("str")
    return table.assign(upper_limit=table["upper_limit"].astype(float)).set_axis(table.index.astype("str"), axis=0)


def _read_columns(model: TrainedModel, profiles: Profiles) -> Mapping[str, pd.DataFrame]:
    """Of the modalities that the model reads the columns that it reads."""
    return {
        name: profiles[name][[column for column in scaler.columns if column in profiles[name]]]
        for name, scaler in model.features.scalers.items()
        if name in profiles
    }


def _record(rows: pd.DataFrame, source: Source, laboratory: TargetLaboratory | None) -> Update:
    return Update(
        added=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=len(rows),
        lines=rows["cell_line_id"].nunique(),
        drugs=rows["drug_id"].nunique(),
        capped=int(at_limit(rows).sum()),
        file=source.file,
        sha256=source.sha256,
        version=__version__,
        laboratory=laboratory,
    )


def _laboratory(model: TrainedModel, laboratories: Laboratories | None) -> TargetLaboratory | None:
    """The laboratory of an update, which is that of the updates before.

    Raises:
        DataError: they were of another.
    """
    measure, before = model.features.measure.name, model.measurements
    known = None if before is None else before.laboratory
    if before is not None and (known is None) != (laboratories is None):
        was, now = ("the model's own", "another") if known is None else ("another", "the model's own")
        raise DataError(
            f"The measurements are of {now} laboratory, those of earlier updates of {was}. A model predicts for one "
            "laboratory. Update the model before its updates (`bdrp update --undo`), or name the same laboratory."
        )
    if laboratories is None:
        return None
    return known or new_laboratory(laboratories.describe(measure), laboratories.prior(measure))


def _refuse_same_source(source: Source, before: Measurements | None) -> None:
    """Refuse a table that was added before.

    Raises:
        DataError: saying when.
    """
    again = [each for each in (before.history if before else ()) if each.sha256 == source.sha256]
    if again:
        raise DataError(
            f"This table was added already, on {again[0].added} ({again[0].rows:,} rows of "
            f"{again[0].file or 'a table in memory'}, of the same checksum). One measurement counts once. Give another."
        )
