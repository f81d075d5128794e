"""Responses from a user's table: the pair, the value in the measure's unit, and what the assay could see."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import quantities, reading
from bdrp.data.delimited import plain
from bdrp.data.identifiers import listed
from bdrp.data.measures import LN_CONCENTRATIONS, MEASURES, Measure
from bdrp.data.quantities import doses, shape
from bdrp.data.quantities.headers import CURVE, is_dose
from bdrp.data.screen import LIMITS, is_censored
from bdrp.data.user_tables import columns, duplicates
from bdrp.data.user_tables.doubts import warn_of_doubts
from bdrp.errors import BdrpWarning, DataError

MOST_BELOW: Final = 0.5
"""Share of responses below the lowest dose that no screen has; chosen: GDSC2 has 0.3 %, and 41 % of one drug."""

MOST_EMPTY: Final = 0.5  # chosen: share of rows without a response from which another column may be meant


@dataclass(frozen=True)
class Responses:
    """Rows of cell_line_id, drug_id, response, lower_limit, upper_limit, laboratory and `duplicates.EXACT`.

    And response_sd, where the table has it.

    The response is in `measure`; `notices` say what was told and converted.
    """

    rows: pd.DataFrame
    measure: Measure
    notices: list[str] = field(default_factory=list)


def read_responses(
    raw: pd.DataFrame, keys: dict[str, str], stated: quantities.Stated, path: Path, notices: Sequence[str] = ()
) -> Responses:
    """The responses of a table whose columns of ids are known.

    Args:
        raw: the table.
        keys: the columns of cell_line_id and drug_id.
        stated: what the user says of the responses.
        path: for messages.
        notices: what was said of the table before.

    Raises:
        DataError: an id is empty, the rows are points of curves, or see `quantities.choose_response`.
    """
    rows = pd.DataFrame({meaning: reading.ids(raw, column) for meaning, column in keys.items()})
    refuse_empty_ids(rows, path)
    refuse_points(raw, rows, path)
    chosen = quantities.choose_response(raw, stated, path)
    said = [*notices, *chosen.notices]
    rows["response"] = chosen.response
    limits = _limits(raw, chosen, stated, path, said)
    for limit, marked in zip(LIMITS, (chosen.lower, chosen.upper), strict=True):
        rows[limit] = np.where(np.isnan(marked), limits[limit], marked)
    _warn_of_doses(rows, path)
    _add_sd(rows, raw, chosen, path, said)
    named = columns.find(raw, (), ("laboratory",), path)
    rows["laboratory"] = reading.text(raw, named.get("laboratory", "laboratory"))
    if rows["response"].notna().any():
        warn_of_doubts(rows, raw, keys, chosen, path)
    measure = MEASURES[chosen.quantity.measure]
    measure = replace(measure, unit=stated.own_unit) if stated.own_unit else measure
    rows[duplicates.EXACT] = duplicates.mark_exact(raw, chosen.column)
    return Responses(_measured(rows, path, said), measure, said)


def _measured(rows: pd.DataFrame, path: Path, notices: list[str]) -> pd.DataFrame:
    """The rows that have a response; those without are counted, and most of them warned of."""
    empty = np.flatnonzero(rows["response"].isna())
    if not len(empty) or len(empty) == len(rows):
        return rows  # without any response it is refused where tables meet
    said = (
        f"{len(empty):,} of {len(rows):,} rows have no response (row {listed(empty + 1, 5)}, the first below the "
        "header being 1): left out."
    )
    if len(empty) > MOST_EMPTY * len(rows):
        warnings.warn(f"{path.name}: {said} Is it the right column?", BdrpWarning, stacklevel=4)
    notices.append(said)
    return rows[rows["response"].notna()].reset_index(drop=True)


def refuse_empty_ids(rows: pd.DataFrame, path: Path) -> None:
    """Refuse rows without a line or a drug.

    Raises:
        DataError: which.
    """
    for column in ("cell_line_id", "drug_id"):
        empty = np.flatnonzero(rows[column] == "")
        if len(empty):
            raise DataError(
                f"{path.name} has {len(empty):,} rows without {column} (row {listed(empty + 1)}, the first below the "
                "header being 1). Every row needs both ids; fill or drop these rows."
            )


def refuse_points(raw: pd.DataFrame, rows: pd.DataFrame, path: Path) -> None:
    """Refuse the points of curves: several rows of a pair at different doses."""
    pair = [rows["cell_line_id"], rows["drug_id"]]
    for column in filter(is_dose, map(str, raw.columns)):
        several = reading.text(raw, column).groupby(pair).nunique()
        if (several > 1).mean() > 0.5:
            raise DataError(
                f"{path.name} has a column {column} and {several.median():.0f} rows a pair at different doses: "
                "these are viabilities, the points of dose-response curves, and no fitted responses. One summary of "
                "each curve is needed, such as ln IC50 or AUC; `bdrp curves` fits them."
            )


def _add_sd(rows: pd.DataFrame, raw: pd.DataFrame, chosen: quantities.Chosen, path: Path, notices: list[str]) -> None:
    """The SD of each measurement, in the measure's unit, where the table has it.

    At or past a limit there is none: what is known of the response is a bound, and its SD is no error of measurement.

    Raises:
        DataError: an SD is no number, infinite, or not above 0.
    """
    found = columns.find(raw, (), ("response_sd",), path)
    if not found:
        return
    sd = reading.numbers(raw, found["response_sd"], path).to_numpy(dtype=float)
    wrong = np.flatnonzero(np.isinf(sd) | (sd <= 0))
    if len(wrong):
        raise DataError(
            f"{path.name} has {len(wrong):,} values of {found['response_sd']} that are no SD (row {listed(wrong + 1)}, "
            f"the first below the header being 1; the first is {sd[wrong[0]]:g}). The SD of a measurement is above 0, "
            "in the unit of the response; empty these cells where it is not known."
        )
    at_limit = is_censored(rows) & np.isfinite(sd)
    rows["response_sd"] = np.where(at_limit, np.nan, chosen.quantity.convert_sd(sd, chosen.response))
    if at_limit.any():
        notices.append(
            f"{at_limit.sum():,} of {np.isfinite(sd).sum():,} {found['response_sd']} are not used: their responses are "
            "at or past a limit of the assay, where an SD is no error of measurement."
        )


def _warn_of_doses(rows: pd.DataFrame, path: Path) -> None:
    """Warn where most responses lie below the lowest dose: their unit, or that of the doses, is another one."""
    below = (rows["response"] < rows["lower_limit"]).mean()
    if len(rows) >= shape.ENOUGH and below > MOST_BELOW:
        warnings.warn(
            f"{path.name}: {below:.0%} of the responses lie below the lowest limit or dose, where no assay could see "
            "them. Is their unit, or that of the doses, another one? State them with --unit and --dose-unit.",
            BdrpWarning,
            stacklevel=4,
        )


def _limits(
    raw: pd.DataFrame, chosen: quantities.Chosen, stated: quantities.Stated, path: Path, notices: list[str]
) -> dict[str, np.ndarray]:
    """What the assay could observe, from limits in the response's own unit, or from the doses."""
    found = columns.find(raw, (), LIMITS, path)
    plateaus = [str(one) for one in raw.columns if plain(one) in CURVE and one != chosen.column]
    if found and plateaus:
        notices.append(
            f"{' and '.join(found.values())} stand beside {listed(plateaus, 3)}: they are plateaus of fitted curves, "
            "not what the assay could see, and are not taken for limits."
        )
        found = {}
    none = np.full(len(raw), np.nan)
    limits = dict.fromkeys(LIMITS, none)
    if chosen.quantity.measure in LN_CONCENTRATIONS and len(found) < len(LIMITS):
        logs = doses.read_log_doses(raw, path, stated.dose_unit, notices)
        limits |= {limit: values.to_numpy(dtype=float) for limit, values in logs.items()}
    for limit, column in found.items():
        turned = limit if chosen.quantity.rises else LIMITS[1 - LIMITS.index(limit)]
        limits[turned] = chosen.quantity.convert(reading.numbers(raw, column, path).to_numpy(dtype=float))
    return limits
