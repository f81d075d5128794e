"""Columns that can be the response, each taken for one quantity, and how several become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.quantities import cells, refusals, shape
from bdrp.data.quantities.headers import Named
from bdrp.data.quantities.quantity import BASE, QUANTITIES, Quantity
from bdrp.errors import DataError


@dataclass(frozen=True)
class Candidate:
    """A column, taken for one quantity."""

    column: str
    quantity: Quantity
    cells: cells.Cells
    is_sure: bool = True

    @property
    def converted(self) -> npt.NDArray[np.float64]:
        """(N,) in the quantity's measure."""
        return np.asarray(self.quantity.convert(self.cells.values), dtype=float)

    @property
    def seen(self) -> npt.NDArray[np.float64]:
        """The values that are there."""
        return self.cells.values[np.isfinite(self.cells.values)]


def resolve_all(named: Sequence[Named], raw: pd.DataFrame, path: Path) -> list[Candidate]:
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
    if unclear and not clear:
        raise unclear[0][1]
    for one, refusal in unclear:
        if not _says_the_same(clear[0], one, raw, path):
            raise refusal
    return clear


def _says_the_same(clear: Candidate, named: Named, raw: pd.DataFrame, path: Path) -> bool:
    """Whether a column, as one of the quantities that it can be, is what another says, or holds no numbers at all."""
    try:
        read = cells.read_cells(raw, named.column, path)
    except DataError:
        return True
    return any(_agree(clear, Candidate(named.column, QUANTITIES[name], read)) for name in named.quantities)


def _resolved(named: Named, raw: pd.DataFrame, path: Path) -> Candidate:
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
    return Candidate(named.column, chosen, read, named.is_sure)


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


def one_of(found: Sequence[Candidate], path: Path) -> Candidate:
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


def take_generic(column: str, measure: str, raw: pd.DataFrame, path: Path) -> Candidate:
    """A column without a telling name, taken for the measure itself, if its values can be."""
    name = BASE.get(measure) or next(one.name for one in QUANTITIES.values() if one.measure == measure)
    candidate = Candidate(column, QUANTITIES[name], cells.read_cells(raw, column, path), is_sure=False)
    if wrong := shape.doubt(candidate.quantity, candidate.seen, stated=False):
        raise refusals.doubtful(column, candidate.quantity, wrong, candidate.seen, path)
    return candidate


def _agree(one: Candidate, other: Candidate) -> bool:
    return bool(np.allclose(one.converted, other.converted, atol=0.02, equal_nan=True))
