"""Measured values among the answers: what a cell and its unit say in the model's measure, and the table of all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.measures import LN_CONCENTRATIONS, Measure
from bdrp.data.quantities import QUANTITIES, Quantity
from bdrp.data.quantities.quantity import PER_UM
from bdrp.errors import DataError
from bdrp.predictive.distribution import KEYS
from bdrp.triage.review.standing import find_standing

_CELL: Final = re.compile(r"(?P<mark><=|>=|[<>≤≥])?\s*(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)


@dataclass(frozen=True)
class Measured:
    """A response in the model's measure; `sign` is 1 where it is this or more, -1 this or less, 0 the value."""

    response: float
    sign: int


def read_measured(value: str, unit: str, measure: Measure) -> Measured:
    """What a measured value says in a measure.

    Args:
        value: a number, or one with a mark where the assay saw no more: ">10".
        unit: a quantity of `bdrp.data.quantities`, the measure's own unit or name, or, of a concentration, M to pM.
        measure: of the model.

    Raises:
        ValueError: saying why it says nothing.

    Example:
        >>> from bdrp.data.measures import MEASURES
        >>> read_measured("> 1000", "nM", MEASURES["ln_ic50_um"])
        Measured(response=0.0, sign=1)
    """
    found = _CELL.fullmatch(value.strip())
    if found is None:
        hint = "; write a point for the decimal comma" if "," in value else ""
        raise ValueError(f"the measured value {value!r} is no number such as 0.8 or >10{hint}")
    quantity = _quantity(unit, measure)
    response = float(quantity.convert(np.array([float(found["number"])]))[0])
    if not np.isfinite(response):
        raise ValueError(f"the measured value {value!r} is a concentration that is not above 0")
    if not measure.lowest <= response <= measure.highest:
        raise ValueError(
            f"the measured value {value!r} in {unit} is {response:.4g} {measure.unit}, and no response is beyond "
            f"{measure.lowest:g} to {measure.highest:g}"
        )
    sign = 0 if not found["mark"] else 1 if found["mark"][0] in ">≥" else -1
    return Measured(response, sign if quantity.rises else -sign)


def tabulate_measured(entries: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The measured values of a log, as a table of responses that bdrp reads.

    Args:
        entries: of `AuditLog.entries`. Of several values that one reviewer gave for a pair the last stands, whatever
            was decided later; values of several reviewers are measurements of their own.
        measure: of the model.

    Returns:
        A row a value, with `measured_columns`. A value beyond what the assay could see is its own limit.

    Raises:
        DataError: a value is of another measure.
    """
    given = find_standing(entries[entries["measured"] != ""])
    read, wrong = [], []
    for entry, value, unit in given[["entry", "measured", "measured_unit"]].itertuples(index=False):
        try:
            read.append(read_measured(value, unit, measure))
        except ValueError as error:
            wrong.append(f"entry {entry}: {error}")
    if wrong:
        raise DataError(
            f"{len(wrong)} measured values of the log say nothing in {measure.name}: {'; '.join(wrong[:5])}. One log "
            "keeps the decisions on models of one measure. Name another log, or a model of that measure."
        )
    response = np.array([one.response for one in read], dtype=float)
    sign = np.array([one.sign for one in read], dtype=int)
    limits = np.where(sign < 0, response, np.nan), np.where(sign > 0, response, np.nan)
    columns = dict(zip(measured_columns(measure)[len(KEYS) :], (response, *limits), strict=True))
    return given[list(KEYS)].reset_index(drop=True).assign(**columns)


def measured_columns(measure: Measure) -> tuple[str, ...]:
    """The columns of a table of measured values: the pair, the response, and what the assay could see."""
    return (*KEYS, measure.name, "lower_limit", "upper_limit")


def name_units(measure: Measure) -> list[str]:
    """Units in which values of this measure can be given, those that people write first."""
    symbols = ["M", "mM", "µM", "nM", "pM"] if measure.name in LN_CONCENTRATIONS else []
    return [*symbols, measure.unit, *(name for name, one in QUANTITIES.items() if one.measure == measure.name)]


def _quantity(unit: str, measure: Measure) -> Quantity:
    word = unit.strip()
    plain = re.sub(r"[\s()]", "", word.replace("µ", "u").replace("μ", "u")).lower()
    own = {re.sub(r"[\s()]", "", measure.unit.replace("µ", "u")).lower(), measure.name}
    base = next((one for one in QUANTITIES.values() if one.measure == measure.name and not one.formula), None)
    if plain in own and base is not None:
        return base
    if plain in PER_UM and measure.name in LN_CONCENTRATIONS:
        plain = f"{measure.name.split('_')[1]}_{plain}"
    quantity = QUANTITIES.get(plain)
    if quantity is None or quantity.measure != measure.name:
        problem = f"the unit {word!r} is none of {measure.label}" if word else "the measured value has no unit"
        raise ValueError(f"{problem}; allowed are {', '.join(name_units(measure)[:8])} and the like")
    return quantity
