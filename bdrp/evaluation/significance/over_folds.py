"""Differences over folds, whose training sets overlap: the corrected t-test, and its Bayesian reading with a ROPE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import t as student

from bdrp.errors import DataError
from bdrp.evaluation.by_group import holm
from bdrp.evaluation.observed import Floats
from bdrp.evaluation.significance.metrics import Direction, find_metric
from bdrp.evaluation.significance.paired import Contrast, iterate_contrasts, iterate_splits

PLACE: Final = ("repeat", "fold")


def corrected_t(values: pd.DataFrame, test_share: float | None = None, level: float = 0.95) -> pd.DataFrame:
    """All pairs of methods by the corrected resampled t-test (Nadeau and Bengio 2003, doi:10.1023/A:1024068626366).

    t = d / sqrt((1/n + q/(1 - q)) s^2) with n - 1 degrees of freedom, d and s^2 the mean and the variance of the n
    differences and q the share of pairs that a fold tests: folds train on nearly the same pairs, so their differences
    vary less than a new data set would make them. Seeds of one fold are averaged first: they are not new data.

    Args:
        values: a table of `tabulate(rows, metrics, by=["fold"])`, with `repeat` where partitions were drawn anew.
        test_share: q; 1 / (number of folds) if None.
        level: of the interval.

    Returns:
        split (where given), figure, method, other, difference (method less other), se, lower, upper, t, df, p_value,
        p_holm (within a split and metric), effect_size (difference over the SD of the folds' differences), folds,
        test_share.

    Raises:
        DataError: a fold lacks a method, there are fewer than two folds or methods, or the share is not one.
    """
    tables = []
    for q, family in _families(values, test_share):
        table = pd.DataFrame([{**pair.labels, **_corrected(pair.differences, q, level)} for pair in family])
        tables.append(table.assign(p_holm=holm(table["p_value"].to_numpy())))
    return pd.concat(tables, ignore_index=True)


def practical_equivalence(
    values: pd.DataFrame, rope: float | None = None, test_share: float | None = None, level: float = 0.95
) -> pd.DataFrame:
    """How probable it is that a method is better, practically equal, or worse.

    Bayesian correlated t-test (Corani and Benavoli 2015, doi:10.1007/s10994-015-5486-z): after the folds, the mean
    difference follows Student's t with n - 1 degrees of freedom around d with scale sqrt((1/n + q/(1 - q)) s^2), the
    correlation of two folds' differences being q. "Equal" is the probability of a difference inside the region of
    practical equivalence (ROPE), which a p-value cannot give.

    Args:
        values: as in `corrected_t`.
        rope: half its width in the metric's unit; if None, that of `Direction`: 1 % of the two methods' mean metric for
            errors, 0.01 for NLL, shares and correlations.
        test_share: q; 1 / (number of folds) if None.
        level: of the credible interval.

    Returns:
        split (where given), figure, method, other, difference, lower, upper, p_better, p_equal, p_worse (of `method`;
        they sum to 1), rope, folds, test_share.

    Raises:
        DataError: as in `corrected_t`; the metric describes and does not judge; or the region is negative.
    """
    _check_rope(rope)
    rows = []
    for q, family in _families(values, test_share):
        direction = _judging(str(family[0].labels["figure"]))
        rows += [
            {**pair.labels, **_practical(pair, _half(pair, direction, rope), direction, q, level)} for pair in family
        ]
    return pd.DataFrame(rows)


def _corrected(differences: Floats, q: float, level: float) -> dict[str, Any]:
    n, mean = len(differences), float(differences.mean())
    se, sd = _scale(differences, q), float(differences.std(ddof=1))
    reach = se * float(student.ppf((1 + level) / 2, n - 1))
    ratio = mean / se if se > 0 else np.sign(mean) * np.inf if mean else 0.0
    return {
        "difference": mean,
        "se": se,
        "lower": mean - reach,
        "upper": mean + reach,
        "t": ratio,
        "df": n - 1,
        "p_value": float(2 * student.sf(abs(ratio), n - 1)),
        "effect_size": mean / sd if sd > 0 else float("nan"),
        "folds": n,
        "test_share": q,
    }


def _practical(pair: Contrast, half: float, direction: Direction, q: float, level: float) -> dict[str, Any]:
    n, mean, scale = len(pair.method), float(pair.differences.mean()), _scale(pair.differences, q)
    below = _cdf(-half, mean, scale, n - 1)
    above = 1 - _cdf(half, mean, scale, n - 1)
    better, worse = (below, above) if direction.good == "low" else (above, below)
    reach = scale * float(student.ppf((1 + level) / 2, n - 1))
    return {
        "difference": mean,
        "lower": mean - reach,
        "upper": mean + reach,
        "p_better": better,
        "p_equal": max(0.0, 1 - better - worse),
        "p_worse": worse,
        "rope": half,
        "folds": n,
        "test_share": q,
    }


def _scale(differences: Floats, q: float) -> float:
    return float(np.sqrt((1 / len(differences) + q / (1 - q)) * differences.var(ddof=1)))


def _cdf(x: float, mean: float, scale: float, df: int) -> float:
    """Student's distribution function; a step where all folds agree, half of it at the step itself."""
    return float(student.cdf((x - mean) / scale, df)) if scale > 0 else float(np.heaviside(x - mean, 0.5))


def _half(pair: Contrast, direction: Direction, rope: float | None) -> float:
    if rope is not None:
        return rope
    size = float(np.mean([np.abs(pair.method).mean(), np.abs(pair.other).mean()]))
    return direction.negligible * (size if direction.relative else 1.0)


def _judging(name: str) -> Direction:
    direction = find_metric(name).direction
    if direction.good == "neither":
        raise DataError(
            f"Neither a low nor a high {name} is better, so no method can be. Allowed: metrics that judge, such as "
            "rmse, nll, crps, interval_score_90, miscoverage_90 or aurc. Compare one of these."
        )
    return direction


def _families(values: pd.DataFrame, test_share: float | None) -> Iterator[tuple[float, list[Contrast]]]:
    """The share that a fold tests, and all pairs of methods, for each split and metric."""
    place = [name for name in PLACE if name in values.columns] or ["fold"]
    for _, part in iterate_splits(values):
        for family in iterate_contrasts(part, place):
            yield _share(part, test_share), family


def _share(values: pd.DataFrame, test_share: float | None) -> float:
    share = 1 / max(values["fold"].nunique(), 2) if test_share is None else test_share
    if not 0 < share < 1:
        raise DataError(
            f"A fold cannot test a share of {share} of the pairs. Allowed: more than 0 and less than 1. "
            "For k folds give 1 / k, or leave it out."
        )
    return share


def _check_rope(rope: float | None) -> None:
    if rope is not None and not 0 <= rope < np.inf:
        raise DataError(
            f"The region of practical equivalence cannot reach {rope} to either side. Allowed: 0 or more, in the "
            "metric's unit. Give the smallest difference that would change what you do, or leave it out."
        )
