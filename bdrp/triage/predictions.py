"""What a queue is made of: predictive distributions and the context beside them, read and checked."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from bdrp.errors import BdrpWarning, DataError
from bdrp.predictive import Predictions, PredictiveDistribution, storage
from bdrp.predictive.distribution import KEYS
from bdrp.triage.quantile_table import MOMENTS, SHOWN, QuantileTable, check_columns, numbers, refuse

CONTEXT_NUMBERS = ("drug_similarity", "line_distance_percentile", "lower_limit", "upper_limit")
CONTEXT_TEXTS = ("line_name", "drug_name", "tissue", "nearest_drugs")
ROUNDING = 1e-6
"""What a share computed in single precision may lie beyond 0 or 1."""

Rankable: TypeAlias = Predictions | PredictiveDistribution | pd.DataFrame


def read_predictions(path: Path | str) -> Predictions | pd.DataFrame:
    """The predictions of a Parquet file: as they were saved, or of a table that others wrote its rows.

    A table of others has cell_line_id, drug_id, mean, std, aleatoric_std, epistemic_std, q05, q25, q50, q75 and q95;
    measure and unit, where its metadata tell them, are in the frame's `attrs`.

    Raises:
        DataError: the file is missing, is no Parquet, lacks columns, or bdrp wrote it and it was altered.
    """
    table = storage.read_table(Path(path))
    note = storage.read_metadata(table)
    if "family" in note:
        return Predictions.from_table(table, path)
    frame = table.to_pandas(ignore_metadata=True)
    frame.attrs.update({key: str(note.get(key, "")) for key in ("measure", "unit")})
    check_columns(frame)
    return frame


def list_pairs(predictions: Rankable) -> pd.DataFrame:
    """cell_line_id and drug_id of each prediction, a row each."""
    if isinstance(predictions, Predictions):
        predictions = predictions.distribution
    keys = predictions if isinstance(predictions, pd.DataFrame) else predictions.keys
    return keys[list(KEYS)].astype("str").reset_index(drop=True)


def check_predictions(predictions: Rankable) -> tuple[PredictiveDistribution | QuantileTable, pd.DataFrame]:
    """The distributions of N pairs, each pair once, and what is reported beside them: keys, moments and every context.

    Raises:
        DataError: there is no pair, the context does not line up or holds what cannot be, or see `QuantileTable`.
    """
    distribution, context = _parts(predictions)
    if not len(distribution):
        raise DataError(
            "The predictions hold no pair. At least one is needed to fill a queue. Predict some pairs first."
        )
    if len(context) != len(distribution):
        raise DataError(
            f"The context has {len(context)} rows for {len(distribution)} predictions. "
            "Allowed: a row a pair, in their order. Hand over both as `predict` gave them."
        )
    moments = {name: getattr(distribution, name) for name in MOMENTS}
    model = predictions.model if isinstance(predictions, Predictions) else ""
    tidy = distribution.keys.assign(**moments, **_context(context), model=model)
    again = tidy.duplicated(list(KEYS)).to_numpy()
    if not again.any():
        return distribution, tidy
    _warn_of_repeats(tidy[again])
    return distribution[~again], tidy[~again].reset_index(drop=True)


def _parts(predictions: Rankable) -> tuple[PredictiveDistribution | QuantileTable, pd.DataFrame]:
    if isinstance(predictions, pd.DataFrame):
        return QuantileTable.from_frame(predictions), predictions
    if isinstance(predictions, PredictiveDistribution):
        return predictions, pd.DataFrame(index=range(len(predictions)))
    if isinstance(predictions, Predictions):
        return predictions.distribution, predictions.context
    raise DataError(
        f"A queue cannot be made of a {type(predictions).__name__}. Allowed: what `predict` or `read_predictions` "
        "gives, a predictive distribution, or a table of quantiles. Predict first, or read the file that holds them."
    )


def _context(context: pd.DataFrame) -> dict[str, object]:
    """Every context column, (N,) each: NaN or "" where it is not known."""
    size = len(context)
    context_columns: dict[str, object] = {}
    for name in CONTEXT_NUMBERS:
        context_columns[name] = numbers(context, name) if name in context else np.full(size, np.nan)
    for name in ("drug_similarity", "line_distance_percentile"):
        values = np.asarray(context_columns[name])
        refuse((values < -ROUNDING) | (values > 1 + ROUNDING), f"{name} is not between 0 and 1")
        context_columns[name] = values.clip(0, 1)
    for name in CONTEXT_TEXTS:
        column = context[name] if name in context else pd.Series("", index=context.index)
        context_columns[name] = column.astype(object).where(column.notna(), "").astype(str).to_numpy()
    return context_columns


def _warn_of_repeats(repeated: pd.DataFrame) -> None:
    first = ", ".join(f"{row.cell_line_id} with {row.drug_id}" for row in repeated.head(SHOWN).itertuples())
    warnings.warn(
        f"{len(repeated)} rows of the predictions repeat a pair ({first}); the first row of each pair is ranked.",
        BdrpWarning,
        stacklevel=4,
    )
