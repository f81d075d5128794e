"""The responses that predictions are scored against, checked and completed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.errors import DataError
from bdrp.predictive import PredictiveDistribution

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
REQUIRED = ("cell_line_id", "drug_id", "response")


@dataclass(frozen=True)
class Observed:
    """N responses with what is known about their pairs; unknown numbers are nan, unknown tissues "unknown".

    `compounds` tells structures apart: two drug ids of one compound share a key; without keys each id is its own.
    """

    response: Floats
    lower_limit: Floats
    upper_limit: Floats
    mean_effects: Floats
    cell_lines: pd.Series
    drugs: pd.Series
    drug_names: pd.Series
    tissues: pd.Series
    compounds: pd.Series

    @cached_property
    def line_codes(self) -> Ints:
        """Each pair's cell line as a number from 0, (N,)."""
        return encode_labels(self.cell_lines)

    @cached_property
    def drug_codes(self) -> Ints:
        """Each pair's drug as a number from 0, (N,)."""
        return encode_labels(self.drugs)

    @cached_property
    def above(self) -> Bools:
        """Whether the response lies at or above what the assay could see, (N,); False where the limit is unknown."""
        return np.asarray(self.response >= self.upper_limit)

    @cached_property
    def below(self) -> Bools:
        """Whether the response lies at or below what the assay could see, (N,); False where the limit is unknown."""
        return np.asarray(self.response <= self.lower_limit)

    @cached_property
    def is_censored(self) -> Bools:
        """Whether the response lies at or beyond what the assay could see, (N,); False where the limits are unknown."""
        return self.above | self.below


def check_observed(pred: PredictiveDistribution, observed: pd.DataFrame) -> Observed:
    """The observed table as arrays.

    Raises:
        DataError: a column is missing, a response is not finite, limits are crossed, there is no pair, or the pairs are
            not the predicted ones in the same order.
    """
    _check_columns(observed)
    _check_keys(pred, observed)
    response = _numbers(observed, "response")
    bad = np.flatnonzero(~np.isfinite(response))
    if bad.size:
        raise DataError(
            f"{bad.size} of {len(response)} observed responses are not finite (rows {', '.join(map(str, bad[:5]))}). "
            "Allowed: finite numbers. Drop these rows from the predictions and the responses."
        )
    _check_limits(observed)
    drugs = observed["drug_id"].astype(str).reset_index(drop=True)
    return Observed(
        response=response,
        lower_limit=_numbers(observed, "lower_limit"),
        upper_limit=_numbers(observed, "upper_limit"),
        mean_effects=_numbers(observed, "mean_effects"),
        cell_lines=observed["cell_line_id"].astype(str).reset_index(drop=True),
        drugs=drugs,
        drug_names=_words(observed, "drug_name", drugs),
        tissues=_words(observed, "tissue", pd.Series("unknown", index=drugs.index)),
        compounds=_words(observed, "structure_key", drugs),
    )


def encode_labels(labels: pd.Series) -> Ints:
    """Labels as numbers from 0 in order of first appearance, (N,)."""
    return np.asarray(pd.factorize(labels)[0], dtype=np.intp)


def _check_columns(observed: pd.DataFrame) -> None:
    missing = [name for name in REQUIRED if name not in observed.columns]
    if missing or observed.empty:
        raise DataError(
            f"There is nothing to score: {len(observed)} rows, missing columns: {', '.join(missing) or 'none'}. "
            f"Allowed: at least one row with {', '.join(REQUIRED)}. Give the test part more pairs, or rename columns."
        )


def _check_keys(pred: PredictiveDistribution, observed: pd.DataFrame) -> None:
    names = ["cell_line_id", "drug_id"]
    predicted, seen = pred.keys[names].astype(str).to_numpy(), observed[names].astype(str).to_numpy()
    if predicted.shape != seen.shape or not np.array_equal(predicted, seen):
        raise DataError(
            f"Predictions and responses are not of the same pairs: {len(predicted)} predicted, {len(seen)} observed"
            f"{_first_difference(predicted, seen)}. "
            "Allowed: the same pairs in the same order. Align the two tables by cell_line_id and drug_id first."
        )


def _check_limits(observed: pd.DataFrame) -> None:
    crossed = np.flatnonzero(_numbers(observed, "lower_limit") > _numbers(observed, "upper_limit"))
    if crossed.size:
        raise DataError(
            f"The limits of {crossed.size} of {len(observed)} pairs are crossed: lower_limit is above upper_limit "
            f"(rows {', '.join(map(str, crossed[:5]))}). Allowed: lower below upper, or missing. "
            "Swap them or leave them out."
        )


def _first_difference(predicted: npt.NDArray[np.object_], seen: npt.NDArray[np.object_]) -> str:
    n = min(len(predicted), len(seen))
    rows = np.flatnonzero((predicted[:n] != seen[:n]).any(axis=1))
    if not rows.size:
        return ""
    here = rows[0]
    return f", first difference in row {here} ({'/'.join(predicted[here])} and {'/'.join(seen[here])})"


def _numbers(observed: pd.DataFrame, name: str) -> Floats:
    if name not in observed.columns:
        return np.full(len(observed), np.nan)
    return observed[name].to_numpy(dtype=np.float64, na_value=np.nan)


def _words(observed: pd.DataFrame, name: str, otherwise: pd.Series) -> pd.Series:
    if name not in observed.columns:
        return otherwise
    words = observed[name].reset_index(drop=True).astype("str").fillna("").str.strip()
    return words.mask(words.isin(["", "nan", "None", "<NA>"]), otherwise)
