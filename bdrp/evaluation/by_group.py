"""The same metrics for each drug, each tissue and each cell line, and which of them are calibrated worst."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import bdtr, bdtrc, betaincinv

from bdrp.evaluation.curves import LEVELS, covered, percent
from bdrp.evaluation.observed import Floats, Observed, encode_labels
from bdrp.evaluation.point_metrics import within_group_pearson
from bdrp.predictive import PredictiveDistribution

NOMINAL = 0.9
MIN_PAIRS = 20  # chosen: below, even 100 % coverage is no evidence against 90 %
WORST = 10
TRIALS = 500
MEANS = ("bias", "nll", "crps", "mean_std", "epistemic_share", "extrapolated_share")


def score_rows(pred: PredictiveDistribution, observed: Observed) -> pd.DataFrame:
    """What is averaged over groups, a row a pair."""
    from scoringrules import interval_score

    y = observed.response
    rows = pd.DataFrame({"cell_line_id": observed.cell_lines, "squared_error": np.square(pred.mean - y)})
    metrics = (pred.mean - y, -pred.log_prob(y), pred.crps(y), pred.std, pred.epistemic / pred.variance)
    rows[list(MEANS)] = np.stack([*metrics, observed.is_censored.astype(np.float64)], axis=1)
    for level in LEVELS:
        interval = pred.interval(level)
        rows[f"coverage_{percent(level)}"] = covered(interval, y).astype(np.float64)
        rows[f"width_{percent(level)}"] = interval[:, 1] - interval[:, 0]
        rows[f"interval_score_{percent(level)}"] = interval_score(y, *interval.T, 1 - level, backend="numpy")
    return rows


def tabulate_groups(
    rows: pd.DataFrame, pred: PredictiveDistribution, observed: Observed, labels: pd.Series, names: pd.Series
) -> pd.DataFrame:
    """A row a group, the largest first: size, errors, coverage and width by level, and evidence against 90 %.

    `coverage_90_lower` and `_upper` are a 95 % interval (Jeffreys; Brown, Cai and DasGupta 2001,
    doi:10.1214/ss/1009213286) and `p_value` an exact two-sided binomial test against 0.9, both as if a group's pairs
    were independent; `p_holm` allows for the number of groups (Holm 1979). Pairs of one cell line err together, so
    read a tissue's or a line's p-value as a hint.
    """
    group = encode_labels(labels)
    grouped = rows.assign(group=group).groupby("group", sort=True)
    averages = [f"{what}_{percent(level)}" for level in LEVELS for what in ("coverage", "width")]
    table = pd.DataFrame({"group": pd.unique(labels), "name": names.groupby(group, sort=True).first().to_numpy()})
    table["n"], table["cell_lines"] = grouped.size().to_numpy(), grouped["cell_line_id"].nunique().to_numpy()
    table["rmse"] = np.sqrt(grouped["squared_error"].mean().to_numpy())
    table["pearson"] = within_group_pearson(pred.mean, observed.response, group, 3)
    table[[*MEANS, *averages]] = grouped[[*MEANS, *averages]].mean().to_numpy()
    return _with_evidence(table).sort_values("n", ascending=False, kind="stable", ignore_index=True)


def find_worst_groups(kinds: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The ten groups of each kind whose 90 % coverage is furthest off, among those with at least 20 pairs."""
    tables = [_worst(table).assign(kind=kind) for kind, table in kinds.items()]
    renamed = {"coverage_90_lower": "lower", "coverage_90_upper": "upper"}
    columns = ["kind", "group", "name", "n", "coverage_90", "lower", "upper", "p_value", "p_holm"]
    return pd.concat(tables, ignore_index=True).rename(columns=renamed)[columns]


def worst_deviation(table: pd.DataFrame, kind: str, seed: int) -> dict[str, float]:
    """The largest |coverage - 0.9| of a group, beside what chance alone makes it among so many groups."""
    usable = table[table["n"] >= MIN_PAIRS]
    name = f"worst_{kind}_deviation"
    if usable.empty:
        return {name: np.nan, f"{name}_null_mean": np.nan, f"{name}_null_q95": np.nan}
    n = usable["n"].to_numpy()
    hits = np.random.default_rng(seed).binomial(n, NOMINAL, size=(TRIALS, len(n)))
    null = np.abs(hits / n - NOMINAL).max(axis=1)
    return {
        name: float((usable["coverage_90"] - NOMINAL).abs().max()),
        f"{name}_null_mean": float(null.mean()),
        f"{name}_null_q95": float(np.quantile(null, 0.95)),
    }


def holm(p: Floats) -> Floats:
    """Holm's adjusted p-values, (G,)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def _with_evidence(table: pd.DataFrame) -> pd.DataFrame:
    n = table["n"].to_numpy(dtype=np.intp)
    hits = np.rint(table["coverage_90"].to_numpy(dtype=np.float64) * n)
    lower = np.where(hits > 0, betaincinv(hits + 0.5, n - hits + 0.5, 0.025), 0.0)
    upper = np.where(hits < n, betaincinv(hits + 0.5, n - hits + 0.5, 0.975), 1.0)
    p = np.minimum(1, 2 * np.minimum(bdtr(hits, n, NOMINAL), bdtrc(hits - 1, n, NOMINAL)))
    return table.assign(coverage_90_lower=lower, coverage_90_upper=upper, p_value=p, p_holm=holm(p))


def _worst(table: pd.DataFrame) -> pd.DataFrame:
    usable = table[table["n"] >= MIN_PAIRS]
    order = (usable["coverage_90"] - NOMINAL).abs().sort_values(ascending=False, kind="stable").index
    return usable.loc[order[:WORST]]
