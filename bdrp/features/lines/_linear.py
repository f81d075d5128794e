"""Any further profile of numbers (copy number, methylation, proteins) -> standardised features and their components.

A profile that has no file of its own here is read so: it acts through slopes alone, whose prior variance is a factor of
this modality's own, and not through the network. What a line lacks of it is not known: its components stand at the
training mean with the variance that the missing features leave, all of it where the line has no profile.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.identifiers import listed
from bdrp.errors import BdrpWarning, DataError
from bdrp.features.lines import Scaler, check_restored

MOST_MISSING: Final = 0.2  # share of a model's features that a table may lack; chosen as for genes
CLIP: Final = 6.0  # chosen as for genes
FAR: Final = 2.0  # chosen as for genes: SDs of the median feature's mean from which another scale is warned of
LEAST_SD: Final = 1e-6  # of a feature that varies


@dataclass(frozen=True)
class LinearScaler(Scaler):
    """Standardised features and their principal components.

    Attributes:
        columns: F features that vary between training lines.
        name: of the modality.
        mean: (F,) over training lines. scale: (F,) their SD.
        components: (F, K) loadings of unit variance on the training lines that have the profile.
    """

    columns: tuple[str, ...]
    name: str
    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray

    def transform(self, table: pd.DataFrame) -> np.ndarray:
        """(L, F) standardised features; 0 where not known.

        Raises:
            DataError: a value is no finite number, a feature stands twice, or too many are missing.

        Warns:
            BdrpWarning: some features are missing, no line has any, or the values are far from those of training.
        """
        values = self._values(table)
        self._check(table, values)
        return np.clip(np.nan_to_num((values - self.mean) / self.scale), -CLIP, CLIP).astype(np.float32)

    def unknown(self, table: pd.DataFrame) -> np.ndarray | None:
        """(L, K) the share of each component's squared loadings that missing features have; None if none is missing."""
        missing = np.isnan(self._values(table))
        if not missing.any():
            return None
        weight = self.components**2
        total = weight.sum(axis=0)
        return np.asarray(missing @ weight / np.where(total > 0, total, 1.0), np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """Means, scales and components."""
        return {"mean": self.mean, "scale": self.scale, "components": self.components}

    def _values(self, table: pd.DataFrame) -> np.ndarray:
        return _numbers(table, list(self.columns), self.name)

    def _check(self, table: pd.DataFrame, values: np.ndarray) -> None:
        if not len(values):
            return
        missing = [feature for feature in self.columns if feature not in table.columns]
        share = len(missing) / len(self.columns)
        seen = (
            f"{len(missing):,} of the model's {len(self.columns):,} features of {self.name} ({share:.0%}) are missing"
        )
        if share > MOST_MISSING and len(table.columns):  # without any column nothing was given
            raise DataError(
                f"{seen}: {listed(missing)}. At most {MOST_MISSING:.0%} may be missing. Give a table with the model's "
                "features, named as in the one that it was fitted on, or none: lines without a profile are predicted "
                "too, and wider."
            )
        if np.isnan(values).all():
            said = (
                f"None of the {len(values):,} lines has a profile of {self.name}, which the model reads. They are "
                "predicted by what else is known of them, and wider."
            )
        elif missing:
            said = f"{seen}: {listed(missing)}. They count as not known, and widen the predictions."
        else:
            self._warn_if_far(values)
            return
        warnings.warn(said, BdrpWarning, stacklevel=3)

    def _warn_if_far(self, values: np.ndarray) -> None:
        known = values[~np.isnan(values).all(axis=1)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a feature that none of these lines has
            away = np.abs(np.nanmean((known - self.mean) / self.scale, axis=0))
        distance = float(np.nanmedian(away))
        if distance > FAR:
            warnings.warn(
                f"The {self.name} of {len(known):,} lines runs from {np.nanmin(known):.3g} to {np.nanmax(known):.3g}; "
                f"the median feature's mean is {distance:.2g} SDs from that of the training lines (there "
                f"{self.mean.min():.3g} to {self.mean.max():.3g}). Is it on another scale? Give it as in training.",
                BdrpWarning,
                stacklevel=4,
            )


@dataclass(frozen=True)
class Modality:
    """What a file of this folder is, for a profile that has none: `fit` and `restore`.

    Attributes:
        name: of the modality.
    """

    name: str

    def fit(self, table: pd.DataFrame, *, components: int) -> LinearScaler:
        """A scaler fitted on the training lines that have the profile, (L, F).

        Raises:
            DataError: a value is no finite number, or a feature stands twice.
        """
        columns = tuple(map(str, table.columns))
        values = _numbers(table, list(columns), self.name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a feature that no training line has
            mean, deviation = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        kept = np.flatnonzero(np.nan_to_num(deviation) > LEAST_SD)
        mean, deviation = mean[kept], deviation[kept]
        scaled = np.clip(np.nan_to_num((values[:, kept] - mean) / deviation), -CLIP, CLIP)
        varying = tuple(columns[at] for at in kept)
        return LinearScaler(varying, self.name, mean, deviation, _principal(scaled, components))

    def restore(self, columns: tuple[str, ...], arrays: Mapping[str, np.ndarray]) -> LinearScaler:
        """A scaler rebuilt from what it saved.

        Raises:
            LookupError: an array is missing.
            ValueError: the arrays are not of these features, or a scale is not above 0.
        """
        check_restored(arrays, columns, f"features of {self.name}")
        return LinearScaler(columns, self.name, arrays["mean"], arrays["scale"], arrays["components"])


def _principal(scaled: np.ndarray, wanted: int) -> np.ndarray:
    """(F, K) loadings of unit variance; K as far as lines and features allow."""
    lines, features = scaled.shape
    _, singular, loadings = np.linalg.svd(scaled - scaled.mean(axis=0), full_matrices=False)
    count = min(wanted, lines - 1, features, int((singular > 1e-6 * singular.max(initial=0.0)).sum()))
    return np.asarray((loadings[:count] * np.sqrt(lines) / singular[:count, None]).T)


def _numbers(table: pd.DataFrame, columns: list[str], name: str) -> np.ndarray:
    """(L, F) of numbers and NaN."""
    repeated = table.columns[table.columns.duplicated()].unique()
    if len(repeated):
        raise DataError(
            f"{len(repeated):,} features of {name} stand twice: {listed(repeated)}. Each may stand once. Keep one "
            "column of each."
        )
    try:
        values = table.reindex(columns=columns).to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name} holds what is no number ({error}). Numbers and empty cells are allowed. Correct the table."
        ) from error
    if np.isinf(values).any():
        raise DataError(
            f"{name} of {np.isinf(values).any(axis=1).sum():,} lines is infinite. Numbers and empty cells are allowed. "
            "Empty these cells."
        )
    return np.asarray(values)
