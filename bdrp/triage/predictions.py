"""Reading what `predict` wrote, and refusing what cannot be ranked."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bdrp.errors import BdrpWarning, DataError

KEYS = ("cell_line_id", "drug_id")
LEVELS = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
SPREADS = ("std", "aleatoric_std", "epistemic_std")
NUMBERS = ("mean", *SPREADS, *LEVELS)
CONTEXT_NUMBERS = ("drug_similarity", "line_distance_percentile", "lower_limit", "upper_limit")
CONTEXT_TEXTS = ("drug_name", "tissue", "nearest_drugs")
SHOWN = 5
ROUNDING = 1e-6
"""What a share computed in single precision may lie beyond 0 or 1."""


def read_predictions(path: Path | str) -> pd.DataFrame:
    """The pairs of a predictions file, one row each; measure and unit are in the frame's `attrs`.

    Raises:
        DataError: the file is missing, is no Parquet, or lacks columns.
    """
    if Path(path).suffix.lower() in (".csv", ".xlsx"):
        raise DataError(
            f"The predictions {path} cannot be read: predictions are read from Parquet alone, and what `bdrp predict` "
            "writes as .csv or .xlsx is a copy to look at. Predict again with an --out that ends in .parquet."
        )
    try:
        with Path(path).open("rb") as file:
            table = pq.read_table(file)
    except (OSError, pa.ArrowException) as error:
        seen = getattr(error, "strerror", None) or "it is no Parquet file, or a damaged one"
        raise DataError(
            f"The predictions {path} cannot be read: {seen}. A Parquet file that `bdrp predict` wrote is needed; "
            "check the path, or predict again."
        ) from error
    frame = table.to_pandas(ignore_metadata=True)
    frame.attrs.update(_labels(table.schema.metadata or {}))
    _check_columns(frame)
    return frame


def checked(frame: pd.DataFrame) -> pd.DataFrame:
    """The predictions as they can be ranked: every context column there, numbers as float64, each pair once.

    Raises:
        DataError: columns are missing, or a prediction is not finite, has no spread, or has quantiles out of order.
    """
    _check_columns(frame)
    if frame.empty:
        raise DataError(
            "The predictions hold no pair. At least one is needed to fill a queue. Predict some pairs first."
        )
    tidy = pd.DataFrame({key: frame[key].astype(str) for key in KEYS}).reset_index(drop=True)
    tidy.attrs.update(frame.attrs)
    for name in (*NUMBERS, *CONTEXT_NUMBERS):
        tidy[name] = _numbers(frame, name)
    for name in CONTEXT_TEXTS:
        tidy[name] = (
            frame[name].astype(object).where(frame[name].notna(), "").astype(str).to_numpy() if name in frame else ""
        )
    _check_numbers(tidy)
    return _each_once(tidy)


def _labels(metadata: dict[bytes, bytes]) -> dict[str, str]:
    """The measure and unit that are written beside the table; empty where they are not."""
    try:
        header = json.loads(metadata.get(b"bdrp", b"{}"))
    except ValueError:
        header = {}
    return {key: str(header.get(key, "")) for key in ("measure", "unit")} if isinstance(header, dict) else {}


def _check_columns(frame: pd.DataFrame) -> None:
    missing = [name for name in (*KEYS, *NUMBERS) if name not in frame.columns]
    if missing:
        raise DataError(
            f"The predictions lack {', '.join(missing)}; they have {', '.join(map(str, frame.columns[:12]))}. "
            f"Needed are {', '.join((*KEYS, *NUMBERS))}. Write them with `bdrp predict`."
        )


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in frame:
        return np.full(len(frame), np.nan)
    try:
        return np.asarray(frame[name].to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise DataError(f"The column {name} holds text: {error}. It must hold numbers. Predict again.") from error


def _check_numbers(tidy: pd.DataFrame) -> None:
    for name in NUMBERS:
        _refuse(~np.isfinite(tidy[name].to_numpy()), f"{name} is not finite")
    _refuse(tidy["std"].to_numpy() <= 0, "std is not above 0")
    _refuse((tidy[["aleatoric_std", "epistemic_std"]].to_numpy() < 0).any(axis=1), "a standard deviation is negative")
    _refuse((np.diff(tidy[list(LEVELS)].to_numpy(), axis=1) < 0).any(axis=1), f"{', '.join(LEVELS)} are not ascending")
    for name in ("drug_similarity", "line_distance_percentile"):
        values = tidy[name].to_numpy()
        _refuse((values < -ROUNDING) | (values > 1 + ROUNDING), f"{name} is not between 0 and 1")
        tidy[name] = values.clip(0, 1)


def _refuse(bad: NDArray[np.bool_], what: str) -> None:
    if bad.any():
        rows = ", ".join(map(str, np.flatnonzero(bad)[:SHOWN]))
        raise DataError(
            f"{what} in {int(bad.sum())} of {len(bad)} predictions (rows {rows}). A queue cannot rank them. "
            "Drop these pairs or predict them again."
        )


def _each_once(tidy: pd.DataFrame) -> pd.DataFrame:
    again = tidy.duplicated(list(KEYS))
    if not again.any():
        return tidy
    first = ", ".join(f"{row.cell_line_id} with {row.drug_id}" for row in tidy[again].head(SHOWN).itertuples())
    told = f"{int(again.sum())} rows of the predictions repeat a pair ({first}); the first row of each pair is ranked."
    warnings.warn(told, BdrpWarning, stacklevel=4)
    return tidy[~again].reset_index(drop=True)
