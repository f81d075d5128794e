"""Which column of a table is the response and in which unit, told by header, shape and what the user says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.delimited import plain
from bdrp.data.measures import MEASURES
from bdrp.data.quantities import cells, direction, refusals, shape
from bdrp.data.quantities.headers import GENERIC, Named, recognise
from bdrp.data.quantities.quantity import BASE, QUANTITIES, Quantity
from bdrp.errors import DataError

DEFAULT = "ln_ic50_um"
"""The measure that is looked for where nothing is said."""


@dataclass(frozen=True)
class Stated:
    """What the user says of the responses; None where nothing.

    Attributes:
        measure: the measure to model.
        unit: the name of the quantity that the response column holds.
        column: the header of the response column.
        dose_unit: the unit of the lowest and highest doses.
        own_unit: the unit of a measure of one's own, in words.
    """

    measure: str | None = None
    unit: str | None = None
    column: str | None = None
    dose_unit: str | None = None
    own_unit: str | None = None

    def __post_init__(self) -> None:
        if self.measure is not None and self.measure not in MEASURES:
            raise DataError(
                f"There is no measure {self.measure!r}. Known are {', '.join(MEASURES)}; choose one of them."
            )
        if self.unit is not None and self.measure not in (None, self.quantity.measure):
            raise DataError(
                f"unit is {self.unit}, which is of {self.quantity.measure}, and measure is {self.measure}. "
                "The two must say the same; leave one out."
            )
        if self.own_unit is not None and "own" not in (self.measure, self.unit and self.quantity.measure):
            raise DataError(
                f"own_unit is {self.own_unit!r}, and the measure is none of your own. It belongs to the units own_low "
                "and own_high; name one of them, or leave own_unit out."
            )

    @property
    def quantity(self) -> Quantity:
        """What `unit` names.

        Raises:
            DataError: it names nothing.
        """
        name = (self.unit or "").lower()
        name = {"ln_ic50_um": "ln_um", "log10_ic50_um": "log10_um", "log2_ic50_um": "log2_um"}.get(name, name)
        if name not in QUANTITIES:
            raise refusals.unknown_unit(self.unit)
        return QUANTITIES[name]


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


@dataclass(frozen=True)
class _Candidate:
    """A column, taken for one quantity."""

    column: str
    quantity: Quantity
    cells: cells.Cells
    is_sure: bool = True

    @property
    def converted(self) -> npt.NDArray[np.float64]:
        return np.asarray(self.quantity.convert(self.cells.values), dtype=float)

    @property
    def seen(self) -> npt.NDArray[np.float64]:
        """The values that are there."""
        return self.cells.values[np.isfinite(self.cells.values)]


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
    if stated.unit is not None:
        found = _stated_unit(raw, stated, path)
    else:
        found = _told_by_table(raw, stated, path)
    return _finish(found, raw, stated, path)


def _stated_unit(raw: pd.DataFrame, stated: Stated, path: Path) -> _Candidate:
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
    return _one_of([_Candidate(one, quantity, cells.read_cells(raw, one, path)) for one in fitting], path)


def _told_by_table(raw: pd.DataFrame, stated: Stated, path: Path) -> _Candidate:
    measure = stated.measure or DEFAULT
    headers = [stated.column] if stated.column else list(map(str, raw.columns))
    named = [one for one in map(recognise, headers) if one is not None]
    fitting = [one for one in named if any(QUANTITIES[name].measure == measure for name in one.quantities)]
    if fitting:
        return _one_of(_resolve_all(fitting, raw, path), path)
    generic = [header for header in headers if plain(header) in GENERIC or header == stated.column]
    if generic and stated.measure is not None:
        return _generic(generic[0], measure, raw, path)
    raise refusals.nothing_named(raw, measure, named, generic, path)


def _generic(column: str, measure: str, raw: pd.DataFrame, path: Path) -> _Candidate:
    """A column without a telling name, taken for the measure itself, if its values can be."""
    name = BASE.get(measure) or next(one.name for one in QUANTITIES.values() if one.measure == measure)
    candidate = _Candidate(column, QUANTITIES[name], cells.read_cells(raw, column, path), is_sure=False)
    if wrong := shape.doubt(candidate.quantity, candidate.seen, stated=False):
        raise refusals.doubtful(column, candidate.quantity, wrong, candidate.seen, path)
    return candidate


def _resolve_all(named: Sequence[Named], raw: pd.DataFrame, path: Path) -> list[_Candidate]:
    """Each column as the one quantity that it can be; what is not clear by itself may say the same as one that is.

    Raises:
        DataError: none is clear, or one that is not says something else.
    """
    clear, unclear = [], []
    for one in named:
        try:
            clear.append(_resolved(one, raw, path))
        except DataError as error:
            unclear.append((one, error))
    for one, refusal in unclear:
        read = cells.read_cells(raw, one.column, path)
        options = [_Candidate(one.column, QUANTITIES[name], read) for name in one.quantities]
        if not clear or not any(_agree(clear[0], option) for option in options):
            raise refusal
    return clear


def _resolved(named: Named, raw: pd.DataFrame, path: Path) -> _Candidate:
    """The one quantity that a named column can be.

    Raises:
        DataError: it can be none, or several.
    """
    read = cells.read_cells(raw, named.column, path)
    values = read.values[np.isfinite(read.values)]
    options = [QUANTITIES[name] for name in named.quantities]
    doubts = {one.name: shape.doubt(one, values, stated=named.is_sure) for one in options}
    left = [one for one in options if not doubts[one.name]]
    if not left:
        raise refusals.doubtful(named.column, options[0], doubts[options[0].name], values, path)
    chosen = left[0] if named.is_sure else _by_convention(named, left, values)
    if chosen is None:
        raise refusals.ambiguous(named, left, values, path)
    return _Candidate(named.column, chosen, read, named.is_sure)


def _by_convention(named: Named, left: Sequence[Quantity], values: npt.NDArray[Any]) -> Quantity | None:
    """Which of the quantities that a column can be it is; None where that is a guess.

    `LN_IC50` without a unit is in µM, as GDSC has it, where its values can be; other logarithms without a unit are
    found in M, µM and nM, and not told apart. An AUC is a fraction where it can be one, and in percent where lines that
    nothing happened to stand near 100.
    """
    first, enough = left[0], len(values) >= shape.ENOUGH
    if first.kind == "area":
        near_whole = enough and 0.8 <= np.quantile(first.convert(values), 0.95) <= 1.2
        return first if len(left) == 1 and (near_whole or not first.name.endswith("percent")) else None
    if first.raw:
        return first if enough and len(left) == 1 else None
    is_natural = {name.partition("_")[0] for name in named.quantities} == {"ln"}
    return first if is_natural and first.name.endswith("um") else None


def _one_of(found: Sequence[_Candidate], path: Path) -> _Candidate:
    """The only candidate, or the first of several that say the same, what needs no conversion before others.

    Raises:
        DataError: they differ.
    """
    first, *others = sorted(found, key=lambda one: bool(one.quantity.formula))
    for other in others:
        if not _agree(first, other):
            raise refusals.two_columns(
                (first.column, first.quantity, first.cells.values),
                (other.column, other.quantity, other.cells.values),
                path,
            )
    return first


def _agree(one: _Candidate, other: _Candidate) -> bool:
    return bool(np.allclose(one.converted, other.converted, atol=0.02, equal_nan=True))


def _finish(found: _Candidate, raw: pd.DataFrame, stated: Stated, path: Path) -> Chosen:
    quantity, response = found.quantity, found.converted
    lost = np.isfinite(found.cells.values) & ~np.isfinite(response)
    if lost.any():
        raise refusals.not_positive(found.column, quantity, found.cells.values, lost, path)
    notices = []
    if stated.unit is None:
        direction.check(raw, found.column, response, path)
    if quantity.formula:
        notices.append(f"{found.column} is {quantity.label}; converted: {quantity.formula}.")
    elif not found.is_sure and quantity.kind != "area":
        why = "as the measure says" if plain(found.column) in GENERIC else "though its header names no unit"
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


def measure_columns(columns: Iterable[object]) -> list[str]:
    """The columns that headers name as a response of any kind."""
    return [str(one) for one in columns if recognise(str(one)) is not None]
