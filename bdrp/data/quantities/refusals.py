"""What is said where a table does not tell its response: the evidence, the choices and the flag that decides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bdrp.data.delimited import plain
from bdrp.data.identifiers import listed
from bdrp.data.quantities import shape
from bdrp.data.quantities.headers import POINTS, SCORES, Named
from bdrp.data.quantities.quantity import BASE, QUANTITIES, Quantity, Values
from bdrp.errors import DataError


def flag(quantity: Quantity) -> str:
    """The flag that states a quantity."""
    is_measure = BASE.get(quantity.measure) == quantity.name and quantity.kind != "own"
    return f"--measure {quantity.measure}" if is_measure else f"--unit {quantity.name}"


def unknown_unit(unit: str | None) -> DataError:
    """No quantity has this name."""
    return DataError(
        f"There is no unit {unit!r}. Allowed are {', '.join(QUANTITIES)}; take the one that the response column holds."
    )


def no_such_column(column: str, columns: Sequence[str], path: Path) -> DataError:
    """The response column that the user names is not there."""
    return DataError(f"{path.name} has no column {column!r}. Its columns are {listed(columns, 12)}; name one of them.")


def no_column(raw: pd.DataFrame, quantity: Quantity, path: Path) -> DataError:
    """No column can hold the unit that the user states."""
    return DataError(
        f"{path.name} has no column for {quantity.label}. Its columns are {listed(raw.columns, 12)}. The response "
        "needs a telling name, or 'response'; rename the column, or name it with --screen-option column=NAME."
    )


def nothing_named(
    raw: pd.DataFrame, measure: str, named: Sequence[Named], generic: Sequence[str], path: Path
) -> DataError:
    """No header names the measure."""
    has = f"{path.name} has no column {measure}. "
    if named:
        told = "; ".join(f"{one.column}, {_choices(_options(one, raw))}" for one in named[:4])
        return DataError(f"{has}It has other responses: {told}. Say which one is meant.")
    if generic:
        values = _numbers(raw, generic[0])
        layout = raw.attrs.get("layout")
        seen = f"is {layout}, which does" if layout else f"has the column {generic[0]}, which does"
        return DataError(
            f"{path.name} {seen} not say what it holds; {_evidence(values)}. What was measured must be "
            "stated; say which it is with --unit or --measure (docs/screens.md lists them)."
        )
    points = [str(column) for column in raw.columns if plain(column) in POINTS]
    if points:
        return DataError(
            f"{has}{points[0]} is the effect of a single dose, which is no summary of a dose-response curve. Fit "
            "curves first; or, to model it as a measure of your own, name it response and say --unit own_low (low = "
            "sensitive) or own_high."
        )
    scores = [str(column) for column in raw.columns if plain(column) in SCORES]
    if scores:
        return DataError(
            f"{has}{scores[0]} holds z-scores, in which the level of each drug is lost. Take the values that they were "
            "made of; or, to model them as they are, name them response and say --unit own_low."
        )
    return DataError(
        f"{has}Its columns are {listed(raw.columns, 12)}; it may also be called LN_IC50, IC50_nM, pIC50, AUC, AAC "
        "and the like (case, spaces and underscores do not matter). Rename the column, and check that one separator is "
        "used throughout."
    )


def doubtful(column: str, quantity: Quantity, why: str, values: Values, path: Path) -> DataError:
    """The values can hardly be what the name says."""
    return DataError(
        f"{path.name}: {column} can hardly be {quantity.label}: {why}; {_evidence(values)}. If it is {quantity.label} "
        f"all the same, say --unit {quantity.name}; else correct the column."
    )


def ambiguous(named: Named, left: Sequence[Quantity], values: Values, path: Path) -> DataError:
    """The header and the values leave several quantities."""
    likely = [one for one in shape.looks_like(values) if one not in left]
    return DataError(
        f"{path.name}: {named.column} can be several quantities: {named.doubt}, and {shape.describe(values)} fit "
        f"{_choices([*left, *likely])}. One must be stated; name the unit in the header, or say it."
    )


def two_columns(first: tuple[str, Quantity, Values], second: tuple[str, Quantity, Values], path: Path) -> DataError:
    """Two columns of one meaning differ."""
    (one, of, here), (other, also, there) = first, second
    seen = (
        f"they differ in {np.mean(~np.isclose(of.convert(here), also.convert(there), equal_nan=True)):.0%} of the rows"
    )
    if np.allclose(here, there, equal_nan=True) and of.rises != also.rises:
        seen = (
            f"{one} equals {other} in every row, though one is high and the other low in sensitive lines, so that one "
            "of them has the wrong direction"
        )
    return DataError(
        f"{path.name} has two columns of {of.measure}, {one} ({of.label}) and {other} ({also.label}); {seen}. One is "
        f"needed; drop the other, or name the right one with --screen-option column={one}."
    )


def not_positive(
    column: str, quantity: Quantity, values: Values, lost: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], path: Path
) -> DataError:
    """Concentrations that are not above 0."""
    rows = np.flatnonzero(lost)
    return DataError(
        f"{path.name}, column {column}, has {len(rows):,} values that are not above 0 (row {listed(rows[:5] + 1)}; "
        f"{listed(values[lost][:3])}), so that they are no {quantity.label}. Correct or drop these rows, or state "
        "another unit."
    )


def _options(named: Named, raw: pd.DataFrame) -> list[Quantity]:
    """What a named column can be by its values; all that its header allows, where it can be nothing."""
    values = _numbers(raw, named.column)
    options = [QUANTITIES[name] for name in named.quantities]
    return [one for one in options if not shape.doubt(one, values, stated=named.is_sure)] or options


def _choices(options: Sequence[Quantity]) -> str:
    return " or ".join(f"{one.label} ({flag(one)})" for one in options[:5])


def _evidence(values: Values) -> str:
    if not len(values):
        return "it holds no numbers"
    likely = shape.looks_like(values)
    seen = shape.describe(values)
    return f"{seen} look like {_choices(likely)}" if likely else f"it holds {seen}"


def _numbers(raw: pd.DataFrame, column: str) -> Values:
    values = pd.to_numeric(raw[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(values[np.isfinite(values)], dtype=float)
