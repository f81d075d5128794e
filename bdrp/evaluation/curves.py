"""Calibration curves: PIT, reliability, coverage and width."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import pandas as pd

from bdrp.evaluation.bands import ecdf_band, histogram_band, resampled_means
from bdrp.evaluation.observed import Bools, Floats, Observed
from bdrp.predictive import PredictiveDistribution

LEVELS = (0.5, 0.8, 0.9, 0.95)
NOMINAL = np.append(np.arange(1, 20) / 20, 0.99)
ECDF_LEVELS = np.arange(1, 50) / 50
AREA_LEVELS = np.arange(1, 100) / 100
AREA_TRIALS = 500


class Coverage(TypedDict):
    """One level's metrics; lower and upper bound the coverage (95 %, lines and drugs resampled)."""

    coverage: float
    lower: float
    upper: float
    width: float
    interval_score: float


def coverage_metrics(pred: PredictiveDistribution, observed: Observed, seed: int) -> dict[str, Coverage]:
    """Coverage, mean width and mean interval score of central intervals, by level in percent."""
    from scoringrules import interval_score

    y = observed.response
    intervals = {level: pred.interval(level) for level in LEVELS}
    inside = np.stack([covered(interval, y) for interval in intervals.values()], axis=1)
    low, high = resampled_interval(inside, observed, seed)
    return {
        percent(level): Coverage(
            coverage=float(inside[:, k].mean()),
            lower=float(low[k]),
            upper=float(high[k]),
            width=float(np.mean(interval[:, 1] - interval[:, 0])),
            interval_score=float(np.mean(interval_score(y, *interval.T, 1 - level, backend="numpy"))),
        )
        for k, (level, interval) in enumerate(intervals.items())
    }


def covered(interval: Floats, y: Floats) -> Bools:
    """Whether each response lies in its interval, (N,)."""
    return np.asarray((interval[:, 0] <= y) & (y <= interval[:, 1]))


def percent(level: float) -> str:
    """0.9 -> "90"."""
    return f"{100 * level:.0f}"


def reliability(pit: Floats, observed: Observed, seed: int) -> pd.DataFrame:
    """Nominal levels of central intervals and their empirical coverage.

    `lower` and `upper` say how uncertain the whole curve is (95 % for all levels together, lines and drugs resampled):
    a calibrated model's band holds the diagonal. `null_lower` and `null_upper` hold a calibrated model's whole curve
    with 95 % probability if pairs were independent, which they are not.
    """
    return _curve("nominal", NOMINAL, depth(pit), observed, seed)


def pit_ecdf(pit: Floats, observed: Observed, seed: int) -> pd.DataFrame:
    """The share of PIT values below each level, with the bands of `reliability`."""
    table = _curve("level", ECDF_LEVELS, pit, observed, seed)
    table.insert(2, "difference", table["observed"] - table["level"])
    return table


def pit_histogram(pit: Floats, seed: int) -> pd.DataFrame:
    """Counts and densities of PIT values in equal bins (20, fewer for few pairs), with a simultaneous 95 % band."""
    bins = int(np.clip(len(pit) // 10, 1, 20))
    edges = np.linspace(0, 1, bins + 1)
    counts, _ = np.histogram(pit, bins=edges)
    scale = bins / len(pit)
    low, high = (bound * scale for bound in histogram_band(len(pit), bins, seed))
    columns = {"left": edges[:-1], "right": edges[1:], "count": counts, "density": counts * scale}
    return pd.DataFrame(columns).assign(null_lower=low, null_upper=high)


def miscalibration_area(pit: Floats, seed: int) -> dict[str, float]:
    """The area between reliability curve and diagonal, beside what chance alone makes it (independent pairs)."""
    widths = np.diff(np.concatenate([[0.0], AREA_LEVELS, [1.0]]))
    counts = np.random.default_rng(seed).multinomial(len(pit), widths, size=AREA_TRIALS)[:, :-1].cumsum(axis=1)
    null = np.mean(np.abs(counts / len(pit) - AREA_LEVELS), axis=1)
    return {
        "miscalibration_area": float(np.mean(np.abs(_ecdf(depth(pit), AREA_LEVELS) - AREA_LEVELS))),
        "miscalibration_area_null_mean": float(null.mean()),
        "miscalibration_area_null_q95": float(np.quantile(null, 0.95)),
    }


def resampled_interval(inside: Bools | Floats, observed: Observed, seed: int) -> tuple[Floats, Floats]:
    """The 95 % interval of each column's mean, cell lines and drugs resampled; nan for a single line and drug."""
    if is_single_line_and_drug(observed):
        nothing = np.full(inside.shape[1], np.nan)
        return nothing, nothing
    means = resampled_means(inside, observed.line_codes, observed.drug_codes, seed)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, high


def is_single_line_and_drug(observed: Observed) -> bool:
    """Whether there is nothing to resample: one cell line and one drug."""
    return observed.cell_lines.nunique() == 1 and observed.drugs.nunique() == 1


def depth(pit: Floats) -> Floats:
    """The level of the narrowest central interval that holds the response, |2 PIT - 1|, (N,)."""
    return np.abs(2 * pit - 1)


def is_inside_band(table: pd.DataFrame) -> bool:
    """Whether the observed curve stays inside its null band everywhere."""
    return bool(table["observed"].between(table["null_lower"], table["null_upper"]).all())


def is_consistent(table: pd.DataFrame) -> bool:
    """Whether the band around the observed curve holds the diagonal everywhere; True if there is no band."""
    diagonal = table["nominal" if "nominal" in table else "level"]
    return bool((diagonal.between(table["lower"], table["upper"]) | table["lower"].isna()).all())


def _ecdf(values: Floats, levels: Floats) -> Floats:
    return np.searchsorted(np.sort(values), levels, side="right") / len(values)


def _curve(name: str, levels: Floats, values: Floats, observed: Observed, seed: int) -> pd.DataFrame:
    inside = values[:, None] <= levels
    low, high = _resampled_band(inside, levels, observed, seed)
    null_low, null_high = ecdf_band(len(values), levels, seed)
    curve = {name: levels, "observed": inside.mean(axis=0), "lower": low, "upper": high}
    return pd.DataFrame({**curve, "null_lower": null_low, "null_upper": null_high})


def _resampled_band(inside: Bools, levels: Floats, observed: Observed, seed: int) -> tuple[Floats, Floats]:
    """A band that holds the whole true curve with 95 %: the resampled curves' largest standardised distance."""
    if is_single_line_and_drug(observed):
        return np.full(len(levels), np.nan), np.full(len(levels), np.nan)
    means, centre = resampled_means(inside, observed.line_codes, observed.drug_codes, seed), inside.mean(axis=0)
    # Never below the binomial error: a level that every pair satisfies would seem certain.
    error = np.maximum(means.std(axis=0), np.sqrt(levels * (1 - levels) / len(inside)))
    reach = error * np.quantile(np.max(np.abs(means - centre) / error, axis=1), 0.95)
    return np.clip(centre - reach, 0, 1), np.clip(centre + reach, 0, 1)
