"""Tissue of origin -> centred indicators, each a component: what a line's kin respond like, beyond what genes tell.

A line of which no tissue is known, or of one that no training line has, stands at the training mean, with the whole
variance between tissues: it is predicted by its expression, and less surely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bdrp.features.lines import Scaler


@dataclass(frozen=True)
class TissueScaler(Scaler):
    """Indicators of T tissues less their shares.

    A component is one indicator over its SD. Prior SDs of slopes are proportional to that SD (`SlopePrior`), so that
    every tissue's own effect has the same prior, however many lines are of it.

    Attributes:
        columns: T tissues; none where all lines are of one, which then tells nothing.
        mean: (T,) the share of training lines of each, among those whose tissue is known.
        components: (T, T) diagonal.
    """

    columns: tuple[str, ...]
    mean: np.ndarray
    components: np.ndarray

    def transform(self, table: pd.DataFrame) -> np.ndarray:
        """(L, T) centred indicators; 0 where the tissue is unknown or was not trained on. Names match in any case."""
        indicators = self._indicators(table)
        known = indicators.any(axis=1, keepdims=True)
        return np.where(known, indicators - self.mean, 0.0).astype(np.float32)

    def unknown(self, table: pd.DataFrame) -> np.ndarray | None:
        """(L, T) 1 for every component of a line whose tissue is unknown or was not trained on; None if no line is.

        An effect that is not known has the variance between tissues, whichever of the two it is.
        """
        absent = ~self._indicators(table).any(axis=1, keepdims=True)
        if not self.columns or not absent.any():
            return None
        return np.repeat(absent, len(self.columns), axis=1).astype(np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """Shares and components."""
        return {"mean": self.mean, "components": self.components}

    def _indicators(self, table: pd.DataFrame) -> np.ndarray:
        own, given = {column.casefold(): at for at, column in enumerate(self.columns)}, table.to_numpy(np.float64)
        found = np.zeros((len(table), len(self.columns)))
        for column, values in zip(table.columns, given.T, strict=True):
            if (at := own.get(str(column).casefold())) is not None:
                found[values > 0, at] = 1.0
        return found


def fit(table: pd.DataFrame, *, components: int) -> TissueScaler:
    """A scaler fitted on the training lines whose tissue is known, (L, tissues); the commonest `components` count."""
    share = table.mean(axis=0)
    share = share[(share > 0) & (share < 1)].sort_values(ascending=False, kind="stable")[:components].sort_index()
    mean = share.to_numpy(np.float64)
    return TissueScaler(tuple(map(str, share.index)), mean, np.diag(1 / np.sqrt(mean * (1 - mean))))


def restore(columns: tuple[str, ...], arrays: Mapping[str, np.ndarray]) -> TissueScaler:
    """A scaler rebuilt from what it saved.

    Raises:
        LookupError: an array is missing.
        ValueError: the arrays are not of these tissues.
    """
    mean, components = arrays["mean"], arrays["components"]
    if mean.shape != (len(columns),) or components.shape != (len(columns), len(columns)):
        raise ValueError(f"it names {len(columns)} tissues and has the shares of {len(mean)}")
    return TissueScaler(columns, mean, components)
