"""Expression -> scaled genes and their leading components, every constant fitted on training lines only."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bdrp.errors import BdrpWarning, DataError
from bdrp.features.lines import Scaler, check_restored

CLIP = 6.0  # chosen: six training SDs keep outliers of a new platform from driving a linear path


@dataclass(frozen=True)
class ExpressionScaler(Scaler):
    """Gene-wise standardisation and principal components of the training lines.

    Attributes:
        columns: the G gene symbols, in the model's order.
        mean: (G,) training mean, which also stands in for a missing value.
        scale: (G,) training SD; 1 where a gene does not vary.
        components: (G, K) loadings such that `z @ components` has unit variance a column on the training lines.
        skewness: (G,) of the training lines, by which a negated cohort is told; None of a folder that kept none.
    """

    columns: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    skewness: np.ndarray | None = None

    def transform(self, table: pd.DataFrame, *, tolerated_missing: float = 0.2) -> np.ndarray:
        """Standardised expression, (L, G) float32, in the order of the rows given.

        Args:
            table: lines by genes, in any order of genes; more genes than needed are ignored.
            tolerated_missing: the largest share of genes that may be missing (no column, or no value in any line).
                Missing genes take their training mean.

        Raises:
            DataError: a larger share is missing, a gene stands twice, or a value is infinite or no number.

        Warns:
            BdrpWarning: some genes are missing, with their number and names; or lines that lack more values than
                tolerated.
        """
        values = self._values(table)
        self._check_missing(values, table.columns, tolerated_missing)
        _warn_of_gaps(table.index, values, tolerated_missing)
        scaled = np.nan_to_num((values - self.mean) / self.scale, nan=0.0)
        return np.clip(scaled, -CLIP, CLIP).astype(np.float32)

    def unknown(self, table: pd.DataFrame) -> None:
        """Every line has expression, and a training mean counts for a value."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Means, scales and loadings, and skewness where it is known."""
        kept = {"mean": self.mean, "scale": self.scale, "components": self.components}
        return kept if self.skewness is None else kept | {"skewness": self.skewness}

    def _values(self, expression: pd.DataFrame) -> np.ndarray:
        if not expression.columns.is_unique:
            repeated = expression.columns[expression.columns.duplicated()].unique()
            raise DataError(
                f"{len(repeated)} genes stand twice: {_few(list(map(str, repeated)))}. Every gene may stand once. "
                "Keep one column of each."
            )
        try:
            values = expression.reindex(columns=self.column_index).to_numpy(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"Expression holds what is no number ({error}). Numbers and empty cells are allowed. Correct the table."
            ) from error
        if np.isinf(values).any():
            lines = expression.index[np.isinf(values).any(axis=1)]
            raise DataError(
                f"Expression of {len(lines)} lines is infinite: {_few(list(map(str, lines)))}. Numbers and empty cells "
                "are allowed. Add one before taking logarithms, or empty these cells."
            )
        return values

    def _check_missing(self, values: np.ndarray, given: pd.Index, tolerated: float) -> None:
        if not len(values):
            return
        absent = np.flatnonzero(np.isnan(values).all(axis=0))
        if not len(absent):
            return
        missing = [self.columns[at] for at in absent]
        share = len(missing) / len(self.columns)
        seen = f"{len(missing)} of the model's {len(self.columns)} genes ({share:.0%}) are missing: {_few(missing)}"
        if share > tolerated:
            raise DataError(
                f"{seen}. At most {tolerated:.0%} may be missing. The model's genes are called like "
                f"{_few(list(self.columns), 3)}, the table's columns like {_few(list(map(str, given)), 3)}. Give "
                "expression of more of the model's genes under the names that it knows, or fit a model on the genes "
                "that you have."
            )
        warnings.warn(f"{seen}. Their training means stand in for them.", BdrpWarning, stacklevel=3)


def fit(table: pd.DataFrame, *, components: int) -> ExpressionScaler:
    """A scaler fitted on the training lines, (L, G); `components` is capped by what L and G allow."""
    values = table.to_numpy(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a gene that no training line has: mean 0, never varies
        mean = np.nan_to_num(np.nanmean(values, axis=0))
        deviation = np.nan_to_num(np.nanstd(values, axis=0))
    scale = np.where(deviation > 1e-6, deviation, 1.0)
    scaled = np.clip(np.nan_to_num((values - mean) / scale), -CLIP, CLIP)
    skewness = (scaled**3).mean(axis=0)
    return ExpressionScaler(tuple(map(str, table.columns)), mean, scale, _components(scaled, components), skewness)


def restore(columns: tuple[str, ...], arrays: Mapping[str, np.ndarray]) -> ExpressionScaler:
    """A scaler rebuilt from what it saved.

    Raises:
        LookupError: an array is missing.
        ValueError: the arrays are not of these genes, or a scale is not above 0.
    """
    check_restored(arrays, columns, "genes")
    skewness = arrays.get("skewness")
    if skewness is not None and skewness.shape != (len(columns),):
        raise ValueError(f"it names {len(columns)} genes and the skewness of {len(skewness)}")
    return ExpressionScaler(columns, arrays["mean"], arrays["scale"], arrays["components"], skewness)


def _components(scaled: np.ndarray, wanted: int) -> np.ndarray:
    lines, genes = scaled.shape
    count = max(1, min(wanted, lines - 1, genes))
    _, singular, loadings = np.linalg.svd(scaled - scaled.mean(0), full_matrices=False)
    deviation = singular[:count] / np.sqrt(max(lines, 2))
    return (loadings[:count] / np.where(deviation > 1e-6, deviation, np.inf)[:, None]).T


def _warn_of_gaps(lines: pd.Index, values: np.ndarray, tolerated: float) -> None:
    absent = np.isnan(values)
    own = absent & ~absent.all(axis=0)  # a gene that no line has was warned of by name
    sparse = lines[own.mean(axis=1) > tolerated]
    if len(sparse):
        warnings.warn(
            f"{len(sparse)} lines lack more than {tolerated:.0%} of the model's genes: {_few(list(map(str, sparse)))}. "
            "Training means stand in for the gaps, so these lines look more average than they are.",
            BdrpWarning,
            stacklevel=3,
        )


def _few(names: list[str], shown: int = 8) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
