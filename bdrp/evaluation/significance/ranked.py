"""Which method wins more often: signed ranks of differences, and mean ranks over blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import stats

from bdrp.errors import DataError
from bdrp.evaluation.by_group import holm
from bdrp.evaluation.observed import Floats
from bdrp.evaluation.significance.metrics import find_metric
from bdrp.evaluation.significance.paired import iterate_contrasts, iterate_metrics

BLOCK: Final = ("fold",)


def wilcoxon(values: pd.DataFrame, block: Sequence[str] = BLOCK, level: float = 0.95) -> pd.DataFrame:
    """All pairs of methods by Wilcoxon's signed-rank test over blocks, corrected within a split and metric (Holm 1979).

    Args:
        values: a table of `tabulate(rows, metrics, by=block)`.
        block: what is one observation: "fold", or "cell_line_id" or "drug_id", which give more of them. Blocks are
            taken as independent; five folds can never reach p < 0.05.
        level: of the interval, whose ends are signed-rank quantiles in the normal approximation.

    Returns:
        split (where given), figure, method, other, difference (median of the pairwise means of differences, method
        less other; Hodges and Lehmann 1963), lower, upper, effect_size (matched-pairs rank-biserial correlation, from
        -1 to 1; Kerby 2014), p_value, p_holm, blocks.

    Raises:
        DataError: a block lacks a method, or there are fewer than two blocks or methods.
    """
    tables = []
    for family in iterate_contrasts(values, block):
        table = pd.DataFrame([{**pair.labels, **_signed_ranks(pair.differences, level)} for pair in family])
        table.insert(table.columns.get_loc("p_value") + 1, "p_holm", holm(table["p_value"].to_numpy()))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def friedman(values: pd.DataFrame, block: Sequence[str] = BLOCK) -> pd.DataFrame:
    """Whether any of three or more methods ranks differently from the others over blocks.

    Friedman's test in Iman and Davenport's form, as Demsar (2006, jmlr.org/papers/v7/demsar06a) advises; `kendall_w`
    is the blocks' agreement, from 0 to 1.

    Returns:
        split (where given), figure, chi2, p_value, f, p_iman_davenport, kendall_w, blocks, methods.

    Raises:
        DataError: there are fewer than three methods, or as in `wilcoxon`.
    """
    rows = []
    for labels, wide in iterate_metrics(values, block):
        n, k = wide.shape
        _need_three(k)
        chi2, p = _chi2(wide.to_numpy())
        rest = n * (k - 1) - chi2
        f = (n - 1) * chi2 / rest if rest > 1e-12 else np.inf
        tail = stats.f.sf(f, k - 1, (k - 1) * (n - 1))
        found = {"chi2": chi2, "p_value": p, "f": f, "p_iman_davenport": tail, "kendall_w": chi2 / (n * (k - 1))}
        rows.append({**labels, **{name: float(x) for name, x in found.items()}, "blocks": n, "methods": k})
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class CriticalDifference:
    """Mean ranks, and how far apart two of them must lie.

    Attributes:
        metric: what was ranked.
        split: on which split; "" if only one was given.
        ranks: method, mean_rank (1 is best), value (mean over blocks), the best first.
        pairs: method, other, rank_difference, p_value (Nemenyi), apart (whether the difference is critical).
        distance: the critical difference of mean ranks.
        blocks: how many blocks were ranked.
        level: of all pairs together, 0.95 for a 5 % test.
    """

    metric: str
    split: str
    ranks: pd.DataFrame
    pairs: pd.DataFrame
    distance: float
    blocks: int
    level: float

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The largest sets of two or more neighbours in rank that are not told apart, the best first."""
        names, ranks = self.ranks["method"].tolist(), self.ranks["mean_rank"].to_numpy()
        ends = np.searchsorted(ranks, ranks + self.distance, side="right")
        fresh = np.diff(ends, prepend=0) > 0
        return tuple(tuple(names[i:end]) for i, end in enumerate(ends) if fresh[i] and end - i > 1)


def critical_difference(
    values: pd.DataFrame, block: Sequence[str] = BLOCK, level: float = 0.95
) -> tuple[CriticalDifference, ...]:
    """Mean ranks with Nemenyi's critical difference, one for each split and metric (Demsar 2006).

    CD = q sqrt(k (k + 1) / (6 N)) for k methods on N blocks, q the quantile of the studentised range with infinite
    degrees of freedom over sqrt(2). Ties share their mean rank. Read it after `friedman`.

    Raises:
        DataError: the metric describes and does not judge, or as in `friedman`.
    """
    return tuple(_critical(labels, wide, level) for labels, wide in iterate_metrics(values, block))


def _critical(labels: Mapping[str, object], wide: pd.DataFrame, level: float) -> CriticalDifference:
    (n, k), name = wide.shape, str(labels["figure"])
    _need_three(k)
    good = find_metric(name).direction.good
    if good == "neither":
        raise DataError(
            f"Neither a low nor a high {name} is better, so methods cannot be ranked by it. Allowed: metrics that "
            "judge, such as rmse, nll, crps, interval_score_90, miscoverage_90 or aurc. Rank by one of these."
        )
    mean_ranks = stats.rankdata(wide if good == "low" else -wide, axis=1).mean(axis=0)
    rank_se = np.sqrt(k * (k + 1) / (6 * n))
    distance = float(stats.studentized_range.ppf(level, k, np.inf) / np.sqrt(2) * rank_se)
    table = pd.DataFrame({"method": wide.columns.astype(str), "mean_rank": mean_ranks, "value": wide.mean().to_numpy()})
    table = table.sort_values("mean_rank", kind="stable", ignore_index=True)
    split = str(labels.get("split", ""))
    return CriticalDifference(name, split, table, _nemenyi(table, rank_se, distance), distance, n, level)


def _nemenyi(ranks: pd.DataFrame, rank_se: float, distance: float) -> pd.DataFrame:
    names, places = ranks["method"].tolist(), ranks["mean_rank"].to_numpy()
    pairs = list(combinations(range(len(names)), 2))
    apart = np.array([places[two] - places[one] for one, two in pairs])
    p = stats.studentized_range.sf(apart / rank_se * np.sqrt(2), len(names), np.inf)
    table = pd.DataFrame([(names[one], names[two]) for one, two in pairs], columns=["method", "other"])
    return table.assign(rank_difference=-apart, p_value=np.minimum(p, 1), apart=apart > distance)


def _chi2(values: Floats) -> tuple[float, float]:
    """Friedman's statistic and p-value of blocks x methods; 0 and 1, not 0 / 0, where every block ties all methods."""
    if np.all(values == values[:, :1]):
        return 0.0, 1.0
    found = stats.friedmanchisquare(*values.T)
    return float(found.statistic), float(found.pvalue)


def _signed_ranks(differences: Floats, level: float) -> dict[str, Any]:
    low, middle, high = _hodges_lehmann(differences, level)
    nonzero = differences[differences != 0]
    ranks = stats.rankdata(np.abs(nonzero))
    p = float(stats.wilcoxon(nonzero).pvalue) if nonzero.size else 1.0
    effect = float(np.sum(np.sign(nonzero) * ranks) / np.sum(ranks)) if nonzero.size else 0.0
    found = {"difference": middle, "lower": low, "upper": high, "effect_size": effect, "p_value": p}
    return {**found, "blocks": len(differences)}


def _hodges_lehmann(differences: Floats, level: float) -> tuple[float, float, float]:
    """The median of the Walsh averages, and those that the signed-rank test would just not reject."""
    n = len(differences)
    walsh = np.sort(np.add.outer(differences, differences)[np.triu_indices(n)] / 2)
    statistic_sd = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    cut = int(np.clip(np.floor(n * (n + 1) / 4 - stats.norm.ppf((1 + level) / 2) * statistic_sd), 0, len(walsh) // 2))
    return float(walsh[cut]), float(np.median(walsh)), float(walsh[-1 - cut])


def _need_three(methods: int) -> None:
    if methods < 3:
        raise DataError(
            f"Mean ranks are compared from three methods on; there are {methods}. Allowed: three or more. "
            "Compare two methods with wilcoxon or corrected_t."
        )
