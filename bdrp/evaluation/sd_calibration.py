"""Does the predicted SD equal the error? The expected normalised calibration error, beside its null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from bdrp.evaluation.observed import Floats, Ints
from bdrp.evaluation.simulated import SimulatedResponses

MOST_BINS = 15
SMALLEST_BIN = 10


class SdCalibration(NamedTuple):
    """RMSE against predicted SD.

    Attributes:
        bins: pairs in bins of equal size by predicted SD: root mean variance and RMSE. `null_lower` and `null_upper`
            hold a bin's RMSE with 95 % probability if the predictions are calibrated and pairs independent (narrowed by
            the root of the sizes' ratio where only some pairs were simulated).
        metrics: ENCE = mean over bins of |RMSE - root mean variance| / root mean variance, and what chance alone makes
            it (Levi et al. 2022, doi:10.3390/s22155540). It is never 0 for a finite sample: compare it with its null.
    """

    bins: pd.DataFrame
    metrics: Mapping[str, float]


def sd_calibration(std: Floats, error: Floats, simulated: SimulatedResponses) -> SdCalibration:
    """The bins and the metrics of N pairs by their SDs and errors, (N,) each."""
    order, starts = _bins(std)
    sizes = np.diff(np.append(starts, len(std)))
    predicted, rmse = _roots(np.square(std)[order], starts), _roots(np.square(error)[order], starts)
    ratios = _null_ratios(std, simulated, len(starts))
    low, high = np.quantile(ratios * predicted, [0.025, 0.975], axis=0)
    bins = pd.DataFrame({"mean_std": predicted, "rmse": rmse, "n": sizes, "null_lower": low, "null_upper": high})
    null = np.mean(np.abs(ratios - 1), axis=1)
    metrics = {
        "ence": float(np.mean(np.abs(bins["rmse"] / bins["mean_std"] - 1))),
        "ence_null_mean": float(null.mean()),
        "ence_null_q95": float(np.quantile(null, 0.95)),
        "ence_bins": len(bins),
        "ence_null_pairs": len(simulated.rows),
    }
    return SdCalibration(bins, metrics)


def _null_ratios(std: Floats, simulated: SimulatedResponses, bins: int) -> Floats:
    """RMSE over root mean variance of each bin in each simulation, (S, bins)."""
    some = std[simulated.rows]
    order, starts = _bins(some, bins)
    sizes = np.diff(np.append(starts, len(some)))
    mean_square = np.add.reduceat(simulated.squared_errors[:, order], starts, axis=1) / sizes
    ratio = np.sqrt(mean_square) / _roots(np.square(some)[order], starts)
    return 1 + (ratio - 1) * np.sqrt(len(some) / len(std))


def _bins(std: Floats, bins: int | None = None) -> tuple[Ints, Ints]:
    """The order of pairs by SD, and where each bin starts in it."""
    count = bins or int(np.clip(len(std) // SMALLEST_BIN, 1, MOST_BINS))
    starts = np.linspace(0, len(std), count, endpoint=False).astype(np.intp)
    return np.argsort(std, kind="stable"), starts


def _roots(squares: Floats, starts: Ints) -> Floats:
    sizes = np.diff(np.append(starts, len(squares)))
    return np.asarray(np.sqrt(np.add.reduceat(squares, starts) / sizes))
