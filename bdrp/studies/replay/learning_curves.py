"""What the runs of a replay say together: curves with bands, areas, and labels that each needs for what random reaches.

Bands and intervals are over seeds. Means have t-intervals; what is read off mean curves (shares of labels, extra
batches) has percentile intervals of seeds drawn anew, which five seeds leave rough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t

from bdrp.data.screen import Screen
from bdrp.display import Displayed
from bdrp.predictive.distribution import Floats
from bdrp.studies.comparison import write_table
from bdrp.studies.replay.protocol import RANDOM, Protocol
from bdrp.studies.replay.rounds import Run

METRICS: Final = {"rmse": False, "hits_found": True}
"""Metrics of which curves are read, and whether more is better."""
RESAMPLED: Final = 1000


@dataclass(frozen=True, repr=False)
class Replayed(Displayed):
    """Tables of a replay.

    Attributes:
        rounds: a row a round of each run: by, seed, labels, rmse, coverage_90, hits_found, batch_hits.
        curves: by, metric ("figure"), labels, mean, low and high: 95 % intervals over seeds of what has changed since
            the first model, whose level differs by the seed.
        summary: a row an acquisition function and metric ("figure"): area, the mean over labels from the first to the
            last; difference, the area less that of random with the same seeds, with low and high; last, the value at
            the end; share_of_random, labels after the first that it needs for what random has at the end, as a share of
            random's, with share_low and share_high (NaN: not reached); extra_batches, those that random needs beyond
            its own for what it has after `batches`, the most batches for which random gets there (NaN: it never does).
        protocol: how the screen was replayed.
        screen: name and unit.
    """

    rounds: pd.DataFrame
    curves: pd.DataFrame
    summary: pd.DataFrame
    protocol: Protocol
    screen: Mapping[str, Any]

    def save(self, out: Path) -> None:
        """Write rounds, curves and summary as Parquet."""
        write_table(self.rounds.assign(figure="all"), out / "rounds.parquet")
        write_table(self.curves, out / "curves.parquet")
        write_table(self.summary, out / "summary.parquet")


class _Curves(NamedTuple):
    """One metric of one acquisition function: (K,) labels, (S, K) values."""

    labels: Floats
    values: Floats

    @property
    def levelled(self) -> Floats:
        """(S, K) with the first value of all seeds in the place of each one's own."""
        first = self.values[:, :1]
        return np.asarray(self.values - first + first.mean())

    @property
    def areas(self) -> Floats:
        """(S,) means over labels."""
        return np.asarray(np.trapezoid(self.values, self.labels, axis=1) / np.ptp(self.labels))


def gather_curves(runs: Mapping[Run, pd.DataFrame], protocol: Protocol, screen: Screen) -> Replayed:
    """The tables of a replay, from what `replay` gives."""
    rounds = pd.concat([table.assign(by=run.by, seed=run.seed) for run, table in runs.items()], ignore_index=True)
    rounds = rounds[["by", "seed", *(name for name in rounds if name not in ("by", "seed"))]]
    curves, summary = [], []
    for metric, more_is_better in METRICS.items():
        known = {by: _curves_of(rounds[rounds["by"] == by], metric) for by in protocol.names}
        if any(np.isnan(each.values).any() for each in known.values()):
            continue
        for by, one in known.items():
            mean, low, high = _interval(one.levelled)
            curves.append(
                pd.DataFrame({"by": by, "figure": metric, "labels": one.labels, "mean": mean, "low": low, "high": high})
            )
            summary.append({"by": by, "figure": metric, **_summarise(one, known[RANDOM], more_is_better)})
    about = {"name": screen.name, "unit": screen.measure.unit}
    return Replayed(rounds, pd.concat(curves, ignore_index=True), pd.DataFrame(summary), protocol, about)


def _curves_of(rounds: pd.DataFrame, metric: str) -> _Curves:
    table = rounds.pivot(index="seed", columns="labels", values=metric)
    return _Curves(table.columns.to_numpy(float), table.to_numpy(float))


def _summarise(one: _Curves, random: _Curves, more_is_better: bool) -> dict[str, float]:
    mean, low, high = (part.item() for part in _interval((one.areas - random.areas)[:, None]))
    sign = -1.0 if more_is_better else 1.0
    labels = one.labels
    curve, other = (sign * each.values.mean(0) for each in (one, random))
    batches, extra = count_extra_batches(curve, other)
    shares = _resampled_shares(one, random, sign)
    return {
        "area": float(one.areas.mean()),
        "difference": mean,
        "low": low,
        "high": high,
        "last": float(one.values[:, -1].mean()),
        "share_of_random": share_of_labels(labels, curve, other[-1]),
        "share_low": float(np.quantile(shares, 0.025)) if np.isfinite(shares).all() else float("nan"),
        "share_high": float(np.quantile(shares, 0.975)) if np.isfinite(shares).all() else float("nan"),
        "batches": batches,
        "extra_batches": extra,
    }


def share_of_labels(labels: Floats, curve: Floats, value: float) -> float:
    """Where a falling curve first comes down to a value, between its first labels (0) and its last (1).

    Args:
        labels: (K,) increasing.
        curve: (K,) at these; straight in between.
        value: to come down to.

    Returns:
        NaN where it never does.
    """
    below = np.flatnonzero(curve <= value)
    if not len(below):
        return float("nan")
    at = int(below[0])
    if at == 0:
        return 0.0
    step = (curve[at - 1] - value) / (curve[at - 1] - curve[at])
    reached = labels[at - 1] + step * (labels[at] - labels[at - 1])
    return float((reached - labels[0]) / np.ptp(labels))


def count_extra_batches(curve: Floats, random: Floats) -> tuple[float, float]:
    """The most batches for whose value random gets there at all, and how many more batches it needs for it.

    Both curves fall, at 0, 1, … batches. NaN where random never reaches what one batch gives.
    """
    at = np.arange(len(random), dtype=float)
    for batches in range(len(curve) - 1, 0, -1):
        share = share_of_labels(at, random, curve[batches])
        if np.isfinite(share):
            return float(batches), float(share * (len(random) - 1) - batches)
    return float("nan"), float("nan")


def _resampled_shares(one: _Curves, random: _Curves, sign: float) -> Floats:
    rng, seeds = np.random.default_rng(0), len(one.values)
    found = np.full(RESAMPLED, np.nan)
    for at in range(RESAMPLED):
        some = rng.integers(seeds, size=seeds)
        curve, other = (sign * each.values[some].mean(0) for each in (one, random))
        found[at] = share_of_labels(one.labels, curve, other[-1])
    return found


def _interval(values: Floats) -> tuple[npt.NDArray[np.float64], ...]:
    """Mean over seeds (S, K), and its 95 % t-interval, (K,) each; without width for a single seed."""
    mean, seeds = values.mean(0), len(values)
    if seeds < 2:
        return mean, mean, mean
    half = t.ppf(0.975, seeds - 1) * values.std(0, ddof=1) / np.sqrt(seeds)
    return mean, mean - half, mean + half
