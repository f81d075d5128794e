"""Which column of a table is the response and in which unit, told by header, shape and what the user says."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.delimited import plain
from bdrp.data.quantities import cells, direction, refusals, shape
from bdrp.data.quantities.candidates import Candidate, one_of, resolve_all, take_generic
from bdrp.data.quantities.headers import GENERIC, recognise
from bdrp.data.quantities.quantity import QUANTITIES, Quantity
from bdrp.data.quantities.stated import Stated

DEFAULT = "ln_ic50_um"
"""The measure that is looked for where nothing is said."""


@dataclass(frozen=True)
class Chosen:
    """The responses of a table.

    Attributes:
        quantity: what the column holds; its measure is that of `response`.
        column: the header.
        response: (N,) in the measure's unit; NaN where the cell is empty.
        lower: (N,) the limit that a cell says ("this or less"), NaN where it says none.
        upper: the same for "this or more".
        notices: what was told and converted, in sentences.
    """

    quantity: Quantity
    column: str
    response: npt.NDArray[np.float64]
    lower: npt.NDArray[np.float64]
    upper: npt.NDArray[np.float64]
    notices: list[str] = field(default_factory=list)


def choose_response(raw: pd.DataFrame, stated: Stated, path: Path) -> Chosen:
    """The responses of a table in the measure that is asked for.

    What the user states goes before what headers and shape tell; where these do not tell, nothing is guessed.

    Raises:
        DataError: no column, or several that differ, can be the response, or its unit is not told; the message has
            the evidence and what to say.
    """
    columns = [str(column) for column in raw.columns]
    if stated.column is not None and stated.column not in columns:
        raise refusals.no_such_column(stated.column, columns, path)
    find = _told_by_table if stated.unit is None else _stated_unit
    return _finish(find(raw, stated, path), raw, stated, path)


def _stated_unit(raw: pd.DataFrame, stated: Stated, path: Path) -> Candidate:
    quantity = stated.quantity
    headers = [stated.column] if stated.column else list(map(str, raw.columns))
    named = [one for one in map(recognise, headers) if one is not None]
    tiers: tuple[list[str], ...] = (
        [stated.column] if stated.column else [],
        [one.column for one in named if one.quantities == (quantity.name,)],
        [one.column for one in named if quantity.name in one.quantities],
        [header for header in headers if plain(header) in GENERIC],
        [one.column for one in named if one.kind == quantity.kind],
    )
    fitting = next((tier for tier in tiers if tier), [])
    if not fitting:
        raise refusals.no_column(raw, quantity, path)
    return one_of([Candidate(one, quantity, cells.read_cells(raw, one, path)) for one in fitting], path)


def _told_by_table(raw: pd.DataFrame, stated: Stated, path: Path) -> Candidate:
    measure = stated.measure or DEFAULT
    headers = [stated.column] if stated.column else list(map(str, raw.columns))
    named = [one for one in map(recognise, headers) if one is not None]
    fitting = [one for one in named if any(QUANTITIES[name].measure == measure for name in one.quantities)]
    if fitting:
        return one_of(resolve_all(fitting, raw, path), path)
    generic = [header for header in headers if plain(header) in GENERIC or header == stated.column]
    if generic and stated.measure is not None:
        return take_generic(generic[0], measure, raw, path)
    raise refusals.nothing_named(raw, measure, named, generic, path)


def _finish(found: Candidate, raw: pd.DataFrame, stated: Stated, path: Path) -> Chosen:
    quantity, response = found.quantity, found.converted
    lost = np.isfinite(found.cells.values) & ~np.isfinite(response)
    if lost.any():
        raise refusals.not_positive(found.column, quantity, found.cells.values, lost, path)
    notices = []
    if stated.unit is None:
        direction.check(raw, found.column, response, path)
    if quantity.formula:
        notices.append(f"{found.column} is {quantity.label}; converted: {quantity.formula}.")
    elif not found.is_sure and (quantity.kind != "area" or recognise(found.column) is None):
        why = "as the measure says" if recognise(found.column) is None else "though its header names no unit"
        notices.append(f"{found.column} is taken for {quantity.label}, {why}.")
    if quantity.measure == "auc_fraction":
        response = _clipped(response, notices)
    lower, upper = cells.limits(found.cells, response, quantity.rises)
    marked = int((found.cells.sign != 0).sum())
    if marked:
        notices.append(
            f"{marked:,} cells of {found.column} say more or less than a number, such as >10: they are limits of what "
            "the assay could see."
        )
    return Chosen(quantity, found.column, response, lower, upper, notices)


def _clipped(response: npt.NDArray[np.float64], notices: list[str]) -> npt.NDArray[np.float64]:
    """Fractions within 0 and 1, where a little noise lies outside."""
    outside = (response < 0) | (response > 1)
    seen = response[np.isfinite(response)]
    if not outside.any() or seen.min() < shape.NOISE[0] or seen.max() > shape.NOISE[1] or outside.mean() > 0.5:
        return response
    notices.append(
        f"{int(outside.sum()):,} of {len(response):,} AUC lie outside 0 to 1, by the noise of the controls "
        f"({seen.min():.3g} to {seen.max():.3g}): they are set to 0 or 1."
    )
    return np.clip(response, 0.0, 1.0)
