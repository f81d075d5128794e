"""How far a metric, and a difference of metrics, would move with other cell lines and other drugs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

import numpy as np
import pandas as pd

from bdrp.errors import BdrpWarning, DataError
from bdrp.evaluation.observed import Floats, Ints, encode_labels
from bdrp.evaluation.resampling import Resampling
from bdrp.evaluation.significance.metrics import find_metric
from bdrp.evaluation.significance.paired import group_by_method, iterate_splits

SHOWN: Final = ("rmse", "nll", "crps", "coverage_90", "aurc")
FEW: Final = 10  # chosen: below, intervals from resampled clusters are known to be too narrow (Cameron et al. 2008)


@dataclass(frozen=True)
class Bootstrap:
    """What is drawn with replacement, how often, and how wide the intervals are.

    Attributes:
        by: "both" draws cell lines and drugs, each on its own (pigeonhole; Owen 2007, doi:10.1214/07-AOAS122), and
            errs on the wide side; "cell_line" or "drug" draws one of the two and takes the others as given.
        replicates: chosen: 2.5 % quantiles then rest on 25 replicates each.
        level: of the intervals.
        seed: the same seed gives the same intervals.
    """

    by: Literal["both", "cell_line", "drug"] = "both"
    replicates: int = 1000
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be resampled."""
        if self.by not in ("both", "cell_line", "drug") or self.replicates < 20 or not 0 < self.level < 1:
            raise DataError(
                f"A bootstrap cannot be drawn by {self.by!r} with {self.replicates} replicates at level {self.level}. "
                'Allowed: by "both", "cell_line" or "drug", at least 20 replicates, a level between 0 and 1.'
            )


def intervals(rows: pd.DataFrame, metrics: Sequence[str] = SHOWN, how: Bootstrap | None = None) -> pd.DataFrame:
    """Each method's metrics with their standard errors and percentile intervals.

    Args:
        rows: stacked rows of `pair_rows` with a column method, and split, fold and seed where there are several. All
            predictions of one line, in whatever fold or seed, are drawn together.
        metrics: names from `METRICS`.
        how: what is drawn, how often; lines and drugs by default.

    Returns:
        split (where given), figure, method, value, se, lower, upper, by.

    Raises:
        DataError: columns are missing, a metric is unknown, or methods were not scored on the same responses.

    Warns:
        BdrpWarning: fewer than 10 cell lines or drugs are drawn: the intervals are too narrow.
    """
    how = how or Bootstrap()
    table = []
    for labels, name, replicates in _replicates(rows, metrics, how):
        for method, (value, drawn) in replicates.items():
            low, high = _percentiles(drawn, how.level)
            found = {"value": value, "se": float(drawn.std(ddof=1)), "lower": low, "upper": high, "by": how.by}
            table.append({**labels, "figure": name, "method": method, **found})
    return pd.DataFrame(table)


def differences(rows: pd.DataFrame, metrics: Sequence[str] = SHOWN, how: Bootstrap | None = None) -> pd.DataFrame:
    """Differences of metrics between all pairs of methods on the same pairs, with intervals; arguments as `intervals`.

    Both methods see the same replicates, so what makes some lines hard for everyone cancels.

    Returns:
        split (where given), figure, method, other, difference (method less other), se, lower, upper, by;
        `relative` is the difference as a share of the other's metric; `family_lower` and `family_upper` hold all true
        differences of one metric together with the level's probability (largest standardised distance).
    """
    how = how or Bootstrap()
    table = []
    for labels, name, replicates in _replicates(rows, metrics, how):
        names = list(combinations(replicates, 2))
        found = np.array([replicates[one][0] - replicates[two][0] for one, two in names])
        drawn = np.stack([replicates[one][1] - replicates[two][1] for one, two in names], axis=1)
        low, high = np.quantile(drawn, _ends(how.level), axis=0)
        error, reach = drawn.std(axis=0, ddof=1), _family_reach(drawn, how.level)
        frame = pd.DataFrame(names, columns=["method", "other"]).assign(difference=found)
        frame["relative"] = found / np.array([abs(replicates[two][0]) for _, two in names])
        frame = frame.assign(se=error, lower=low, upper=high, family_lower=found - reach, family_upper=found + reach)
        table.append(frame.assign(by=how.by, **{**labels, "figure": name}))
    whole = pd.concat(table, ignore_index=True)
    first = [column for column in ("split", "figure") if column in whole.columns]
    return whole[[*first, *whole.columns.difference(first, sort=False)]]


Replicates = Mapping[str, tuple[float, Floats]]


def _replicates(
    rows: pd.DataFrame, metrics: Sequence[str], how: Bootstrap
) -> Iterator[tuple[dict[str, object], str, Replicates]]:
    """Each split's and metric's value and replicates, by method."""
    for labels, part in iterate_splits(rows):
        methods = group_by_method(part)
        resampling = _draw(next(iter(methods.values())), how)
        for name in metrics:
            what = find_metric(name)
            everyone = np.zeros(len(resampling.lines), dtype=np.intp)
            yield (
                labels,
                name,
                {
                    method: (float(what.by_group(mine, everyone)[0]), what.resampled(mine, resampling))
                    for method, mine in methods.items()
                },
            )


def _draw(rows: pd.DataFrame, how: Bootstrap) -> Resampling:
    lines, drugs = encode_labels(rows["cell_line_id"]), encode_labels(rows["drug_id"])
    together = np.zeros(len(rows), dtype=np.intp)
    lines, drugs = (together if how.by == "drug" else lines), (together if how.by == "cell_line" else drugs)
    _warn_of_few(lines, drugs, how)
    return Resampling.draw(lines, drugs, how.seed, how.replicates)


def _warn_of_few(lines: Ints, drugs: Ints, how: Bootstrap) -> None:
    counts = {"cell lines": int(lines.max()) + 1, "drugs": int(drugs.max()) + 1}
    if how.by != "both":
        counts = {"cell lines" if how.by == "cell_line" else "drugs": max(counts.values())}
    for noun, count in counts.items():
        if count < FEW:
            message = f"Only {count} {noun} can be drawn: intervals from fewer than {FEW} are too narrow."
            warnings.warn(BdrpWarning(message), stacklevel=5)


def _percentiles(drawn: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, _ends(level))
    return float(low), float(high)


def _ends(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def _family_reach(drawn: Floats, level: float) -> Floats:
    """How far each difference may lie from its estimate if all of them are to be right together, (pairs,)."""
    error = drawn.std(axis=0, ddof=1)
    distance = np.abs(drawn - drawn.mean(axis=0)) / np.where(error > 0, error, 1)
    return np.asarray(error * np.quantile(distance.max(axis=1), level))
