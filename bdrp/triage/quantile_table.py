"""Predictions of which nothing is known but moments and five quantiles: a table that others wrote.

Between the quantiles the response is taken as linear in the normal score z = Phi^-1(p), and the outer pieces go on
beyond 5 % and 95 %. This is exact for a normal. What it loses are tails: of a Student-t with three degrees of freedom
and an SD of 1, P(y < -3) is 0.0073, and 0.0006 by its quantiles.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr, ndtri

from bdrp.errors import BdrpWarning, DataError
from bdrp.predictive.distribution import KEYS, QUANTILES, Floats

MOMENTS = ("mean", "std", "aleatoric_std", "epistemic_std")
Z = ndtri(np.array(list(QUANTILES.values())))
SHOWN = 5


@dataclass(frozen=True)
class QuantileTable:
    """N pairs, by their moments and their quantiles at `QUANTILES`: as much of a distribution as a queue asks for.

    Attributes:
        keys: cell_line_id and drug_id.
        measure: the response measure's name, "" if it is not known.
        unit: the measure's unit in words.
        mean: (N,), as all the others.
        std: above 0.
        aleatoric_std: at least 0.
        epistemic_std: at least 0.
        points: the quantiles, (N, 5), ascending.
    """

    keys: pd.DataFrame
    measure: str
    unit: str
    mean: Floats
    std: Floats
    aleatoric_std: Floats
    epistemic_std: Floats
    points: Floats

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> QuantileTable:
        """A table with a row a pair; measure and unit from its `attrs`, where they are.

        Raises:
            DataError: columns are missing, a number is not finite, an SD is not positive, or quantiles descend.

        Warns:
            BdrpWarning: what such a table loses.
        """
        check_columns(frame)
        _warn(len(frame))
        columns = {name: numbers(frame, name) for name in (*MOMENTS, *QUANTILES)}
        for name, values in columns.items():
            refuse(~np.isfinite(values), f"{name} is not finite")
        points = np.stack([columns.pop(name) for name in QUANTILES], axis=1)
        refuse(columns["std"] <= 0, "std is not above 0")
        refuse((columns["aleatoric_std"] < 0) | (columns["epistemic_std"] < 0), "a standard deviation is negative")
        refuse(np.any(np.diff(points, axis=1) < 0, axis=1), f"{', '.join(QUANTILES)} are not ascending")
        keys = pd.DataFrame({key: frame[key].astype(str) for key in KEYS}).reset_index(drop=True)
        measure, unit = (str(frame.attrs.get(name, "")) for name in ("measure", "unit"))
        return cls(keys, measure, unit, **columns, points=points)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: npt.NDArray[np.bool_]) -> QuantileTable:
        """The table of some of the pairs."""
        moments = {name: getattr(self, name)[index] for name in (*MOMENTS, "points")}
        return QuantileTable(self.keys[index].reset_index(drop=True), self.measure, self.unit, **moments)

    def cdf(self, y: npt.ArrayLike) -> Floats:
        """P(response <= y), (N,), of one y or (N,)."""
        return np.asarray(ndtr(self._score(y)), dtype=np.float64)

    def survival(self, y: npt.ArrayLike) -> Floats:
        """P(response > y), (N,), of one y or (N,)."""
        return np.asarray(ndtr(-self._score(y)), dtype=np.float64)

    def quantile(self, p: Floats) -> Floats:
        """The response that is not exceeded with probability p, (Q,) gives (N, Q)."""
        score = ndtri(p)
        piece = np.clip(np.searchsorted(Z, score) - 1, 0, len(Z) - 2)
        share = (score - Z[piece]) / (Z[piece + 1] - Z[piece])
        low, high = self.points[:, piece], self.points[:, piece + 1]
        return np.asarray(low + share * (high - low), dtype=np.float64)

    def _score(self, y: npt.ArrayLike) -> Floats:
        """The normal score of y, (N,)."""
        y = np.broadcast_to(np.asarray(y, dtype=np.float64), (len(self),))
        piece = np.clip((self.points < y[:, None]).sum(axis=1) - 1, 0, len(Z) - 2)
        low, high = (np.take_along_axis(self.points, at[:, None], axis=1)[:, 0] for at in (piece, piece + 1))
        step = np.maximum(high - low, np.finfo(np.float64).tiny)  # equal quantiles: a jump, all on one side
        with np.errstate(over="ignore"):
            return np.asarray(Z[piece] + (y - low) / step * (Z[piece + 1] - Z[piece]))


def check_columns(frame: pd.DataFrame) -> None:
    """Refuse a frame that lacks what a row of predictions needs, with a DataError."""
    needed = (*KEYS, *MOMENTS, *QUANTILES)
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise DataError(
            f"The predictions lack {', '.join(missing)}; they have {', '.join(map(str, frame.columns[:12]))}. "
            f"Needed are {', '.join(needed)}. Write them with `bdrp predict`."
        )


def numbers(frame: pd.DataFrame, name: str) -> Floats:
    """A column as numbers, (N,), NaN where it lacks them; a DataError if it holds text."""
    try:
        return np.asarray(frame[name].to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise DataError(f"The column {name} holds text: {error}. It must hold numbers. Predict again.") from error


def refuse(bad: npt.ArrayLike, what: str) -> None:
    """A DataError that names the bad rows, if there are any."""
    bad = np.asarray(bad, dtype=bool)
    if bad.any():
        rows = ", ".join(map(str, np.flatnonzero(bad)[:SHOWN]))
        raise DataError(
            f"{what} in {int(bad.sum())} of {len(bad)} predictions (rows {rows}). A queue cannot rank them. "
            "Drop these pairs or predict them again."
        )


def _warn(pairs: int) -> None:
    warnings.warn(
        f"{pairs:,} predictions are quantiles without a distribution. Between 5 % and 95 % and beyond, it is "
        "interpolated as for a normal: of heavy-tailed or recalibrated predictions, small chances come out several "
        "times too small and wide intervals too narrow. Rank what `predict` gives, or the file that it wrote.",
        BdrpWarning,
        stacklevel=5,
    )
