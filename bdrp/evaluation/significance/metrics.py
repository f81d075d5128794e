"""Metrics as functions of weighted pairs, so that they can be resampled and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
import pandas as pd

from bdrp.errors import DataError
from bdrp.evaluation.curves import LEVELS, percent
from bdrp.evaluation.observed import Floats, Ints
from bdrp.evaluation.resampling import Resampling

Good = Literal["low", "high", "neither"]


@dataclass(frozen=True)
class Direction:
    """Which way is good, and which differences nobody would act on.

    Attributes:
        good: "neither" where a metric describes and does not judge, such as the width of intervals.
        negligible: the half width of the region of practical equivalence: in the metric's unit, or, if `relative`, as a
            share of the two methods' mean metric. Chosen: 1 %, as Benavoli et al. (2017, jmlr.org/papers/v18/16-305)
            take for accuracies, for errors in the unit of the response; 0.01 for NLL (nats: the density at the response
            changes by 1 %), for shares and for correlations. Another random start moves the RMSE of one network on
            unseen lines of GDSC2 by about as much.
    """

    good: Good
    negligible: float
    relative: bool = False


_ERROR: Final = Direction("low", 0.01, relative=True)
_LOSS: Final = Direction("low", 0.01)
_CORRELATION: Final = Direction("high", 0.01)
_DESCRIPTION: Final = Direction("neither", 0.01)


class Metric(Protocol):
    """A number that describes how one method did on some pairs."""

    @property
    def direction(self) -> Direction:
        """Which way is good."""
        ...

    def by_group(self, rows: pd.DataFrame, groups: Ints) -> Floats:
        """The metric of each group of rows, (G,); groups are numbered from 0."""
        ...

    def resampled(self, rows: pd.DataFrame, resampling: Resampling) -> Floats:
        """The metric in each replicate, (B,)."""
        ...


@dataclass(frozen=True)
class MetricOfMeans:
    """A metric that is a function of means over pairs: replicates cost no pass over the pairs.

    Attributes:
        direction: which way is good.
        columns: what is averaged, from rows to (N, M).
        combine: the metric from the means, from (..., M) to (...).
    """

    direction: Direction
    columns: Callable[[pd.DataFrame], Floats]
    combine: Callable[[Floats], Floats]

    def by_group(self, rows: pd.DataFrame, groups: Ints) -> Floats:
        """The metric of each group of rows, (G,)."""
        sums = [np.bincount(groups, weights=column) for column in self.columns(rows).T]
        return self.combine(np.stack(sums, axis=1) / np.bincount(groups)[:, None])

    def resampled(self, rows: pd.DataFrame, resampling: Resampling) -> Floats:
        """The metric in each replicate, (B,)."""
        return self.combine(resampling.means(self.columns(rows)))


@dataclass(frozen=True)
class RiskArea:
    """The area under the curve of mean squared error against the share of pairs retained, surest first.

    AURC (Geifman, Uziel and El-Yaniv 2019, arxiv.org/abs/1805.08206) averages the error of the pairs retained; AUGRC
    (Traub et al. 2024, arxiv.org/abs/2407.01032), here `generalised`, counts the pairs set aside as free of error, so
    a few errors among the surest pairs do not outweigh the rest. A replicate takes a pass over all pairs; a pair
    that was drawn several times is retained or set aside with all its copies at once.
    """

    direction: Direction
    generalised: bool

    def by_group(self, rows: pd.DataFrame, groups: Ints) -> Floats:
        """The metric of each group of rows, (G,)."""
        order = np.argsort(groups, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(groups))[:-1])
        return np.array([self._ranked(rows.iloc[some]).area(np.ones(len(some))) for some in members])

    def resampled(self, rows: pd.DataFrame, resampling: Resampling) -> Floats:
        """The metric in each replicate, (B,)."""
        ranked = self._ranked(rows)
        lines, drugs = resampling.lines[ranked.order], resampling.drugs[ranked.order]
        drawn = zip(resampling.of_line, resampling.of_drug, strict=True)
        return np.array([ranked.area(of_line[lines] * of_drug[drugs]) for of_line, of_drug in drawn])

    def _ranked(self, rows: pd.DataFrame) -> _Ranked:
        std = rows["mean_std"].to_numpy()
        order = np.argsort(std, kind="stable")
        starts = np.flatnonzero(np.diff(std[order], prepend=-np.inf))
        return _Ranked(order, rows["squared_error"].to_numpy()[order], starts, self.generalised)


@dataclass(frozen=True)
class _Ranked:
    """Losses in rising order of the SD; a new SD begins at each of `starts`."""

    order: Ints
    loss: Floats
    starts: Ints
    generalised: bool

    def area(self, weights: Floats) -> float:
        retained, total = np.cumsum(weights), np.cumsum(weights * self._shared(weights))
        share = retained[-1] if self.generalised else np.maximum(retained, 1e-300)
        return float(np.sum(weights * total / share) / retained[-1])

    def _shared(self, weights: Floats) -> Floats:
        """Pairs that the SD cannot tell apart share their mean loss."""
        if len(self.starts) == len(self.loss):
            return self.loss
        size = np.diff(self.starts, append=len(self.loss))
        weight = np.add.reduceat(weights, self.starts)
        mean = np.add.reduceat(weights * self.loss, self.starts) / np.where(weight > 0, weight, 1)
        return np.repeat(mean, size)


def _mean(direction: Direction, column: str) -> MetricOfMeans:
    return MetricOfMeans(direction, lambda rows: rows[[column]].to_numpy(np.float64), lambda means: means[..., 0])


def _absolute_error(rows: pd.DataFrame) -> Floats:
    return np.abs(rows[["bias"]].to_numpy(np.float64))


def _moments(normalised: bool) -> Callable[[pd.DataFrame], Floats]:
    """Rows to prediction, response, their squares and product, (N, 5); less the mean effects if `normalised`."""

    def columns(rows: pd.DataFrame) -> Floats:
        x, y, naive = (rows[name].to_numpy(np.float64) for name in ("mean", "response", "mean_effects"))
        # Centring first loses no digits to large means; neither metric depends on a shift of both.
        centre = naive if normalised else np.full(len(y), y.mean())
        x, y = x - centre, y - centre
        return np.stack([x, y, x * x, y * y, x * y], axis=1)

    return columns


def _pearson(means: Floats) -> Floats:
    x, y, xx, yy, xy = np.moveaxis(means, -1, 0)
    variances = np.maximum(xx - x * x, 0) * np.maximum(yy - y * y, 0)
    return np.where(variances > 0, (xy - x * y) / np.sqrt(np.where(variances > 0, variances, 1)), np.nan)


def _r_squared(means: Floats) -> Floats:
    _, y, xx, yy, xy = np.moveaxis(means, -1, 0)
    variance = yy - y * y
    return np.where(variance > 0, 1 - (xx - 2 * xy + yy) / np.where(variance > 0, variance, 1), np.nan)


def _of_levels() -> Mapping[str, Metric]:
    metrics: dict[str, Metric] = {}
    for level in LEVELS:
        name = percent(level)
        covered = _mean(_DESCRIPTION, f"coverage_{name}")
        metrics[f"coverage_{name}"] = covered
        metrics[f"miscoverage_{name}"] = MetricOfMeans(_LOSS, covered.columns, _Distance(level))
        metrics[f"width_{name}"] = _mean(_DESCRIPTION, f"width_{name}")
        metrics[f"interval_score_{name}"] = _mean(_ERROR, f"interval_score_{name}")
    return metrics


@dataclass(frozen=True)
class _Distance:
    """How far a share lies from what was promised."""

    level: float

    def __call__(self, means: Floats) -> Floats:
        return np.abs(means[..., 0] - self.level)


METRICS: Final[Mapping[str, Metric]] = {
    "rmse": MetricOfMeans(
        _ERROR, lambda rows: rows[["squared_error"]].to_numpy(np.float64), lambda means: np.sqrt(means[..., 0])
    ),
    "mae": MetricOfMeans(_ERROR, _absolute_error, lambda means: means[..., 0]),
    "bias": _mean(_DESCRIPTION, "bias"),
    "r2": MetricOfMeans(_CORRELATION, _moments(normalised=False), _r_squared),
    "pearson": MetricOfMeans(_CORRELATION, _moments(normalised=False), _pearson),
    "normalised_r2": MetricOfMeans(_CORRELATION, _moments(normalised=True), _r_squared),
    "normalised_pearson": MetricOfMeans(_CORRELATION, _moments(normalised=True), _pearson),
    "nll": _mean(_LOSS, "nll"),
    "crps": _mean(_ERROR, "crps"),
    **_of_levels(),
    "aurc": RiskArea(_ERROR, generalised=False),
    "augrc": RiskArea(_ERROR, generalised=True),
}


def find_metric(name: str) -> Metric:
    """A metric by name.

    Raises:
        DataError: there is none of that name.
    """
    if name not in METRICS:
        raise DataError(f"There is no metric {name!r} to compare. Allowed: {', '.join(METRICS)}. Choose one of these.")
    return METRICS[name]


def tabulate(rows: pd.DataFrame, metrics: Iterable[str], by: Sequence[str] = ()) -> pd.DataFrame:
    """Metrics of each method in each group of rows, tidy: split, the columns of `by`, method, figure, value, n.

    Args:
        rows: stacked rows of `pair_rows` with a column method; a split is a group of its own where there are several.
        metrics: names from `METRICS`.
        by: columns of `rows`, such as ("fold", "seed"), "drug_id", "cell_line_id", "tissue" or "extrapolated".

    Raises:
        DataError: a metric is unknown or a column is missing.
    """
    labels = [*(["split"] if "split" in rows.columns and "split" not in by else []), *by, "method"]
    require_columns(rows, labels)
    groups, places = _numbered(rows, labels)
    size = np.bincount(groups)
    tables = [places.assign(figure=name, value=find_metric(name).by_group(rows, groups), n=size) for name in metrics]
    return pd.concat(tables, ignore_index=True)


def require_columns(table: pd.DataFrame, columns: Iterable[str]) -> None:
    """Raise a DataError that names the columns that are missing."""
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise DataError(
            f"Methods cannot be compared: the table lacks {', '.join(missing)}; seen: "
            f"{', '.join(map(str, table.columns))}. Allowed: rows of pair_rows with a column method, and split, fold "
            "and seed where there are several. Add the column with assign()."
        )


def _numbered(rows: pd.DataFrame, labels: list[str]) -> tuple[Ints, pd.DataFrame]:
    grouped = rows.groupby(labels, sort=False, dropna=False)
    places = rows[labels].drop_duplicates(ignore_index=True)
    return grouped.ngroup().to_numpy(np.intp), places
