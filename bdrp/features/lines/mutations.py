"""Mutations and copy number -> standardised alterations, those that many lines carry as components of their own.

An alteration is a gene that is mutated or a segment that is gained or lost: 1 where a line carries it, 0 where not,
empty where nobody looked. What is not known of a line is neither: it stands at the training mean, with the whole
variance between lines.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bdrp.data.identifiers import listed
from bdrp.errors import BdrpWarning, DataError
from bdrp.features.lines import Scaler, check_restored

LEAST_SHARE = 0.05  # chosen: 30 of 600 training lines; of a rarer one the slope is hardly told from noise
MOST_MISSING = 0.2  # share of a model's alterations that a table may lack; chosen as for genes
CLIP = 6.0  # chosen: an alteration of one line in a thousand would stand 32 SDs from the others


@dataclass(frozen=True)
class MutationScaler(Scaler):
    """Standardised alterations; a component is a common one: principal components would lose a driver of few lines.

    Attributes:
        columns: F - 1 alterations.
        mean: (F - 1,) the share of training lines that carry each.
        scale: (F - 1,) training SD; 1 where no line differs.
        components: (F, K) each the one alteration that it picks; none picks the last number, which says "no profile".
    """

    columns: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray

    def transform(self, table: pd.DataFrame) -> np.ndarray:
        """(L, F): standardised alterations, 0 where not known; last a 1 where a line has no profile at all, else 0.

        Raises:
            DataError: a value is not 0, 1 or empty, an alteration stands twice, or too many are missing.

        Warns:
            BdrpWarning: some alterations are missing, or no line has any.
        """
        values = _alterations(table, self.columns)
        self._check_missing(table, values)
        absent = np.isnan(values).all(axis=1, keepdims=True)
        scaled = np.clip(np.nan_to_num((values - self.mean) / self.scale), -CLIP, CLIP)
        return np.hstack([scaled, absent]).astype(np.float32)

    def unknown(self, table: pd.DataFrame) -> np.ndarray:
        """See `Scaler.unknown`."""
        missing = np.isnan(_alterations(table, self.columns))
        return np.asarray(missing[:, self._picked], np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """Means, scales and components."""
        return {"mean": self.mean, "scale": self.scale, "components": self.components}

    @property
    def _picked(self) -> np.ndarray:
        """(K,) the alteration of each component."""
        return np.asarray(self.components.argmax(axis=0))

    def _check_missing(self, table: pd.DataFrame, values: np.ndarray) -> None:
        missing = [alteration for alteration in self.columns if alteration not in table.columns]
        share = len(missing) / len(self.columns)
        seen = f"{len(missing)} of the model's {len(self.columns)} mutations ({share:.0%}) are missing: "
        seen += listed(missing)
        if share > MOST_MISSING and len(table.columns):  # without any column nothing was given
            raise DataError(
                f"{seen}. At most {MOST_MISSING:.0%} may be missing. Give a table with the model's mutations, named as "
                "in the one that it was fitted on, or none: lines without a profile are predicted too, and wider."
            )
        if len(values) and np.isnan(values).all():
            warnings.warn(
                f"None of the {len(values)} lines has a profile of mutations, which the model reads. They are "
                "predicted by their expression, and wider for what is not known of them.",
                BdrpWarning,
                stacklevel=3,
            )
        elif missing:
            warnings.warn(f"{seen}. They count as not known, and widen the predictions.", BdrpWarning, stacklevel=3)


def fit(table: pd.DataFrame, *, components: int) -> MutationScaler:
    """A scaler fitted on the training lines that have a profile, (L, F - 1).

    Raises:
        DataError: a value is not 0, 1 or empty, or an alteration stands twice.
    """
    values = _alterations(table, tuple(map(str, table.columns)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an alteration that nobody looked for in any training line
        mean = np.nan_to_num(np.nanmean(values, axis=0))
    deviation = np.sqrt(mean * (1 - mean))
    scale = np.where(deviation > 0, deviation, 1.0)
    common = np.flatnonzero((mean >= LEAST_SHARE) & (mean <= 1 - LEAST_SHARE))
    kept = np.sort(common[np.argsort(-deviation[common], kind="stable")][:components])
    loadings = np.zeros((values.shape[1] + 1, len(kept)))
    # Empty cells stand at the mean, so that what is left varies by less than 1.
    loadings[kept, np.arange(len(kept))] = 1 / np.sqrt(1 - np.isnan(values[:, kept]).mean(axis=0))
    return MutationScaler(tuple(map(str, table.columns)), mean, scale, loadings)


def restore(columns: tuple[str, ...], arrays: Mapping[str, np.ndarray]) -> MutationScaler:
    """A scaler rebuilt from what it saved.

    Raises:
        LookupError: an array is missing.
        ValueError: the arrays are not of these alterations, or a scale is not above 0.
    """
    check_restored(arrays, columns, "mutations", beside=1)
    return MutationScaler(columns, arrays["mean"], arrays["scale"], arrays["components"])


def _alterations(table: pd.DataFrame, columns: tuple[str, ...]) -> np.ndarray:
    """(L, F - 1) of 0, 1 and NaN."""
    repeated = table.columns[table.columns.duplicated()].unique()
    if len(repeated):
        raise DataError(
            f"{len(repeated)} mutations stand twice: {listed(repeated)}. Each may stand once. Keep one column of each."
        )
    try:
        values = table.reindex(columns=list(columns)).to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"Mutations hold what is no number ({error}). 0, 1 and empty cells are allowed. Correct the table."
        ) from error
    wrong = ~(np.isnan(values) | (values == 0) | (values == 1))
    if wrong.any():
        names = [columns[at] for at in np.flatnonzero(wrong.any(axis=0))]
        raise DataError(
            f"{wrong.sum():,} mutations are neither 0 nor 1 ({values[wrong][0]:g} for example; {listed(names)}). "
            "1 is for a line that carries it, 0 for one that does not, an empty cell for not known. Correct the table."
        )
    return values
