"""Which predictions are kept, and with which quantiles: the lowest of each line or drug, those below a response."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import pandas as pd

from bdrp.errors import DataError
from bdrp.predictive.distribution import QUANTILES
from bdrp.predictive.predictions import Predictions

OF: Final = MappingProxyType({"line": "cell_line_id", "drug": "drug_id"})
"""What the lowest are taken of, and the column of its ids."""


@dataclass(frozen=True)
class Selection:
    """Low responses are sensitive, so the lowest are those that are looked for. By default all is kept.

    Attributes:
        top: of each line or drug, how many pairs of the lowest predicted median are kept; all if None.
        per: whether they are of each "line" or of each "drug".
        below: only pairs with a median below this response, in the measure's unit; all if None.
        quantiles: levels whose quantiles are columns too: 0.01 is q01, 0.995 is q99.5.

    Raises:
        DataError: a value cannot be.
    """

    top: int | None = None
    per: Literal["line", "drug"] = "line"
    below: float | None = None
    quantiles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.top is not None and self.top < 1:
            raise DataError(
                f"The top {self.top} of each {self.per} are asked for. Allowed: 1 or more. Keep at least 1."
            )
        if self.per not in OF:
            raise DataError(
                f"The lowest of each {self.per!r} are asked for. Allowed: line or drug. Choose one of them."
            )
        if self.below is not None and not np.isfinite(self.below):
            raise DataError(f"Responses below {self.below} are asked for. Allowed: a finite number. Give one.")
        wrong = [level for level in self.quantiles if not 0 < level < 1]
        if wrong:
            raise DataError(
                f"Quantiles need probabilities; {wrong[0]} was given. Allowed: more than 0 and less than 1. "
                "Write 5 % as 0.05."
            )

    def select(self, predictions: Predictions) -> Predictions:
        """Those of N predictions that may be kept, in their order, with the further quantiles."""
        if self.top is not None or self.below is not None:
            median = predictions.distribution.quantile(0.5)
            rows = np.flatnonzero(median < (np.inf if self.below is None else self.below))
            keys = predictions.distribution.keys[OF[self.per]].iloc[rows].reset_index(drop=True)
            predictions = predictions.select(rows[self._lowest(pd.Series(median[rows]), keys)])
        named = {name_quantile(level): level for level in self.quantiles}
        further = {name: level for name, level in named.items() if name not in QUANTILES}
        if not further:
            return predictions
        found = predictions.distribution.quantile(np.array(list(further.values())))
        columns = dict(zip(further, found.T, strict=True))
        return replace(predictions, context=predictions.context.assign(**columns))

    def lowest(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The `top` rows of each line or drug of a table with q50, in their order."""
        rows = self._lowest(frame["q50"], frame[OF[self.per]])
        return frame.iloc[rows].reset_index(drop=True)

    def _lowest(self, median: pd.Series, key: pd.Series) -> np.ndarray:
        """(n,) positions; of equal medians the first."""
        if self.top is None:
            return np.arange(len(median))
        order = np.argsort(median.to_numpy(), kind="stable")
        rank = key.iloc[order].groupby(key.iloc[order].to_numpy(), sort=False).cumcount().to_numpy()
        return np.sort(order[rank < self.top])


def name_quantile(level: float) -> str:
    """The column of a level, in percent.

    >>> name_quantile(0.05), name_quantile(0.995)
    ('q05', 'q99.5')
    """
    whole, dot, rest = f"{100 * level:.10g}".partition(".")
    return f"q{whole:>02}{dot}{rest}"
