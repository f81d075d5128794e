"""The axis that the bars of an answer share, and where an interval lies on it: on the tested doses alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from bdrp.predictive import ReadableUnit
from bdrp.report.answers.doses import write_limit
from bdrp.report.html.browsable import Bar

MOST_TICKS: Final = 5
MARGIN: Final = 0.04  # of the width, at each side; chosen: room for the heads of arrows


@dataclass(frozen=True)
class Axis:
    """From `low` to `high` in the measure's unit.

    Attributes:
        low, high: ends.
        ticks: place, 0 to 1, and label.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...] = ()

    @classmethod
    def over(cls, pairs: pd.DataFrame, unit: ReadableUnit) -> Self:
        """Over the tested doses of all pairs; where none is known, over their intervals.

        Args:
            pairs: lower_limit, upper_limit, q05 and q95 of each, in the measure's unit.
            unit: in which they are read.
        """
        lows, highs = pairs["lower_limit"].dropna(), pairs["upper_limit"].dropna()
        tested = unit.is_logarithm and len(lows) > 0 and len(highs) > 0
        low, high = (lows.min(), highs.max()) if tested else (pairs["q05"].min(), pairs["q95"].max())
        room = MARGIN * max(float(high - low), 1e-9) / (1 - 2 * MARGIN)
        bare = cls(float(low) - room, float(high) + room)
        ticks = bare._decades() if unit.is_logarithm else bare._round_numbers()
        return cls(bare.low, bare.high, tuple((bare.place(at), label) for at, label in ticks))

    def place(self, response: float) -> float:
        """Where a response lies, 0 to 1; at an end where it is beyond it."""
        return min(max((response - self.low) / (self.high - self.low), 0.0), 1.0)

    def draw(self, pair: Any, threshold: bool) -> Bar:
        """The interval of a pair, cut where the tested doses end.

        Args:
            pair: with lower_limit, upper_limit, q05, q50, q95, threshold and measured; NaN where not known.
            threshold: whether that is marked.
        """
        first = self.low if math.isnan(pair.lower_limit) else pair.lower_limit
        last = self.high if math.isnan(pair.upper_limit) else pair.upper_limit
        known = not (math.isnan(pair.lower_limit) and math.isnan(pair.upper_limit))
        inside = first <= pair.q50 <= last
        return Bar(
            self.place(min(max(pair.q05, first), last)),
            self.place(max(min(pair.q95, last), first)),
            self.place(pair.q50) if inside else None,
            before=pair.q05 < first,
            beyond=pair.q95 > last,
            tested=(self.place(first), self.place(last)) if known else None,
            threshold=self.place(pair.threshold) if threshold and math.isfinite(pair.threshold) else None,
            measured=None if math.isnan(pair.measured) else self.place(min(max(pair.measured, first), last)),
        )

    def _decades(self) -> list[tuple[float, str]]:
        tens = range(math.ceil(self.low / math.log(10)), math.floor(self.high / math.log(10)) + 1)
        step = max(math.ceil(len(tens) / MOST_TICKS), 1)
        return [(ten * math.log(10), write_limit(10.0**ten)) for ten in tens if ten % step == 0]

    def _round_numbers(self) -> list[tuple[float, str]]:
        span = self.high - self.low
        step = 10.0 ** math.floor(math.log10(span / 2))
        step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= MOST_TICKS)
        marks = np.arange(math.ceil(self.low / step), math.floor(self.high / step) + 1) * step
        return [(float(mark), f"{mark:g}".replace("-", "\u2212")) for mark in np.round(marks, 12)]
