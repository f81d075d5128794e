"""A model with further measurements, and without its last ones again; nothing here touches the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from bdrp import __version__
from bdrp.data.profiles import EXPRESSION, Profiles
from bdrp.errors import DataError
from bdrp.files import inputs, sealed_json, strict_json
from bdrp.fitted.conditioning import (
    MeasuredPairs,
    find_effects,
    new_laboratory,
    prepare_measured,
    refuse_method,
    warn_if_far,
)
from bdrp.fitted.laboratory import Laboratories
from bdrp.fitted.measured_checks import at_limit, refuse_repeated, refuse_too_many, refuse_unknown, tidy_rows
from bdrp.fitted.measurements import (
    DRUG_COLUMNS,
    KNOWN,
    UPDATE,
    UPDATES,
    Measurements,
    TargetLaboratory,
    Update,
    find_order,
    keep_named,
    keep_rows,
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
        return cls(path.name, inputs.sha256(path))

    @classmethod
    def of_rows(cls, rows: pd.DataFrame) -> Source:
        """A table in memory, known by its rows, in whichever order."""
        ordered = rows.take(find_order(rows, list(rows)))
        text = "\n".join(map(repr, zip(*(ordered[name].tolist() for name in ordered), strict=True)))
        return cls("", hashlib.sha256(text.encode()).hexdigest())


def add(
    model: TrainedModel,
    measured: pd.DataFrame,
    described: tuple[pd.DataFrame | None, Profiles],
    laboratories: Laboratories | None,
    source: Source | None,
) -> TrainedModel:
    """See `TrainedModel.update`; `described` are drugs and profiles, `laboratories` is None for the model's own."""
    refuse_method(model)
    rows, before = tidy_rows(measured), model.measurements
    if KNOWN in rows and not model.knows_variances:
        rows = rows.drop(columns=KNOWN)
    source = source or Source.of_rows(rows)
    _refuse_same_source(source, before)
    drugs, profiles = _known(model, rows, *described)
    if before is not None:
        refuse_repeated(rows, {"an earlier update": before.rows})
    record = _record(rows, source, _laboratory(model, laboratories))
    history = (*(() if before is None else before.history), record)
    every = rows.assign(**{UPDATE: len(history) - 1})
    every = every if before is None else pd.concat([before.rows, every], ignore_index=True)
    refuse_too_many(every)
    joined = keep_named(Measurements(sort_rows(every), drugs, profiles, history))
    found = prepare_measured(model, joined)
    warn_if_far(model, joined, found)
    return with_measurements(model, find_effects(model.fitted, joined, found), found)


def undo(model: TrainedModel) -> TrainedModel:
    """See `TrainedModel.undo`."""
    if model.measurements is None:
        raise DataError(
            "There is no update to undo: the model is as it was fitted. Allowed: a model that `bdrp update` wrote."
        )
    return with_measurements(model, model.measurements.without_last())


def with_measurements(
    model: TrainedModel, measured: Measurements | None, found: MeasuredPairs | None = None
) -> TrainedModel:
    """The model with these measurements alone, and with their history in its manifest; `found` where it is made."""
    foreign = (UPDATES, sealed_json.DIGEST)  # the digest is of the folder that was read, which this is no longer
    manifest: dict[str, Any] = {key: value for key, value in model.manifest.items() if key not in foreign}
    if measured is not None:
        manifest[UPDATES] = [strict_json.plain(each.to_json()) for each in measured.history]
    return replace(model, manifest=manifest, measurements=measured, measured_pairs=found)


def _known(
    model: TrainedModel, rows: pd.DataFrame, drugs: pd.DataFrame | None, profiles: Profiles
) -> tuple[pd.DataFrame, Profiles]:
    """Drugs and profiles of earlier updates, and given ones that the rows name; what the model reads of each.

    Raises:
        DataError: there are no drugs, or no expression, or none for some of the rows.
    """
    before = [] if model.measurements is None else [model.measurements]
    structures = [*(each.drugs for each in before), *([] if drugs is None else [drugs])]
    described = [*(each.profiles for each in before), profiles]
    expression = [each[EXPRESSION] for each in described if EXPRESSION in each]
    if not structures or not expression:
        raise DataError("Drugs and expression are both needed. Give a screen, or a table of each.")
    refuse_unknown(rows, _ids(structures), _ids(expression))
    structures[len(before) :] = [_named(table, rows["drug_id"]) for table in structures[len(before) :]]
    described[-1] = {name: _named(table, rows["cell_line_id"]) for name, table in profiles.items()}
    tables: dict[str, pd.DataFrame] = {}
    for each in described:
        tables |= {name: add_rows(tables.get(name), table) for name, table in _read_columns(model, each).items()}
    return reduce(add_rows, map(_drugs, structures)), tables


def _ids(tables: Sequence[pd.DataFrame]) -> pd.Index:
    """The ids that any of the tables has, as text."""
    first, *others = (table.index.astype("str") for table in tables)
    return first.append(others).unique() if others else first


def _named(table: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    return keep_rows(table, table.index.astype("str").isin(ids.unique()))


def add_rows(known: pd.DataFrame | None, new: pd.DataFrame) -> pd.DataFrame:
    """Both tables, one row an id; what the new one holds replaces what was known."""
    return new if known is None else pd.concat([known[~known.index.isin(new.index)], new])


def _drugs(drugs: pd.DataFrame) -> pd.DataFrame:
    """The columns of drugs that a model keeps: doses, and texts, "" where there is none; index their ids as text."""
    columns = [*DRUG_COLUMNS, *(["laboratory"] if "laboratory" in drugs else [])]
    nothing = pd.Series(np.nan, drugs.index)
    given = {name: drugs.get(name, nothing) for name in columns}
    kept = {name: given[name].to_numpy(np.float64) if name == "upper_limit" else _texts(given[name]) for name in given}
    return pd.DataFrame(kept, index=drugs.index.astype("str"))


def _texts(values: pd.Series) -> ExtensionArray:
    texts = ["" if absent else str(value) for value, absent in zip(values.tolist(), values.isna(), strict=True)]
    return pd.array(texts, dtype="str")


def _read_columns(model: TrainedModel, profiles: Profiles) -> Mapping[str, pd.DataFrame]:
    """Of the modalities that the model reads the columns that it reads, in its order."""
    found = {}
    for name, scaler in model.features.scalers.items():
        if name in profiles:
            place = scaler.column_index.get_indexer(profiles[name].columns)
            read = np.flatnonzero(place >= 0)
            ordered = read[np.argsort(place[read], kind="stable")]
            as_they_are = np.array_equal(ordered, np.arange(len(place)))
            table = profiles[name]  # whose owner may go on writing to it
            found[name] = table.copy() if as_they_are else table.take(ordered, axis=1)
    return found


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
