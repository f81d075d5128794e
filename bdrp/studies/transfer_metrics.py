"""Metrics of pairs of a target by class and adaptation, with intervals, and how many drugs are covered too little."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp.errors import BdrpWarning
from bdrp.evaluation import significance
from bdrp.evaluation.observed import encode_labels
from bdrp.evaluation.point_metrics import MIN_WITHIN, nan_mean, ranks, root_mean_square, within_group_pearson
from bdrp.evaluation.significance import Bootstrap

METRICS: Final = ("rmse", "nll", "crps", "coverage_90", "width_90", "bias")
FEWEST: Final = 20  # chosen: of fewer pairs of a class no metric says anything
OF_UNSEEN_DRUGS: Final = ("drug unseen", "both unseen", "below 0.3", "0.3 to 0.5", "0.5 to 1")
"""Classes and bins in which a drug errs as a whole, so that another set of drugs would move a metric most."""
LOW: Final = 0.7  # chosen: of a drug whose 90 % intervals cover less, a reader would say that they do not hold
PAIRS_A_DRUG: Final = 10  # chosen: of fewer, 90 % intervals cover less than 70 % by chance in one drug of fourteen


def tabulate_metrics(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Metrics with intervals, a row a split, method and metric, where pairs are enough.

    Whole cell lines are drawn for the intervals, and whole drugs where those were not seen in training.

    `lowest` and `highest` are the metric's values in single draws of labelled pairs.
    """
    sizes = rows.groupby(["split", "method", "seed"]).size().groupby("split").max()
    rows = rows[rows["split"].isin(sizes.index[sizes >= FEWEST])].reset_index(drop=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BdrpWarning)
        table = _intervals(rows)
    notes += [str(each.message) for each in caught if issubclass(each.category, BdrpWarning)]
    single = pd.concat([significance.tabulate(rows, METRICS, by=["seed"]), _spearmans(rows)], ignore_index=True)
    keys = ["split", "method", "figure"]
    drawn = single.groupby(keys, sort=False)["value"].agg(mean="mean", lowest="min", highest="max").reset_index()
    whole = drawn.merge(table[[*keys, "value", "lower", "upper"]], how="left", on=keys)
    whole["value"] = whole["value"].fillna(whole.pop("mean"))
    named = whole["method"].str.rpartition(", ")
    whole = whole.assign(adaptation=named[0], labelled=named[2].astype(int), n=whole["split"].map(sizes).astype(int))
    return whole[["split", "adaptation", "labelled", "figure", "value", "lower", "upper", "lowest", "highest", "n"]]


def _intervals(rows: pd.DataFrame) -> pd.DataFrame:
    by_drug = rows["split"].isin(OF_UNSEEN_DRUGS).to_numpy()
    parts = [(rows[~by_drug], Bootstrap(by="cell_line")), (rows[by_drug], Bootstrap(by="drug"))]
    found = [significance.intervals(part.reset_index(drop=True), METRICS, how) for part, how in parts if len(part)]
    return pd.concat(found, ignore_index=True)


def _spearmans(rows: pd.DataFrame) -> pd.DataFrame:
    keys = ["split", "method", "seed"]
    found = [
        dict(zip(keys, names, strict=True))
        | {"figure": "within_drug_spearman"}
        | {"value": within_drug_spearman(part["mean"].to_numpy(), part["response"].to_numpy(), part["drug_id"])}
        for names, part in rows.groupby(keys, sort=False)
    ]
    return pd.DataFrame(found)


def within_drug_spearman(mean: np.ndarray, response: np.ndarray, drugs: pd.Series) -> float:
    """Spearman's correlation within a drug, averaged over drugs with enough pairs."""
    drug = encode_labels(drugs)
    return nan_mean(within_group_pearson(ranks(mean, drug), ranks(response, drug), drug, MIN_WITHIN))


def tabulate_drugs(rows: pd.DataFrame) -> pd.DataFrame:
    """How drugs fare one by one, a row a split, method and kind of drugs; over draws.

    Args:
        rows: of `capped_rows.score_rows` with split, method, seed and `labelled_drug`: whether a labelled pair is of
            the pair's drug.

    Returns:
        split, method, drugs ("all", "labelled", "never labelled"), count (of drugs with `PAIRS_A_DRUG` pairs, the mean
        over draws), n (their pairs a draw), coverage_90, width_90, rmse (means over all pairs), lowest and highest
        (coverages of single drugs, 5 % and 95 % quantiles), below_70 (the share of drugs covered below `LOW`).
    """
    kinds = {"all": np.ones(len(rows), dtype=bool), "labelled": rows["labelled_drug"].to_numpy(bool)}
    kinds["never labelled"] = ~kinds["labelled"]
    found = [
        {"split": split, "method": method, "drugs": kind, **_of_drugs(part)}
        for kind, chosen in kinds.items()
        for (split, method), part in rows[chosen].groupby(["split", "method"], sort=False)
        if len(part) >= FEWEST
    ]
    return pd.DataFrame(found)


def _of_drugs(part: pd.DataFrame) -> Mapping[str, Any]:
    draws = part["seed"].nunique()
    each = part.groupby(["seed", "drug_id"])["coverage_90"].agg(["size", "mean"])
    covered = each.loc[each["size"] >= PAIRS_A_DRUG, "mean"].to_numpy()
    low, high = np.quantile(covered, [0.05, 0.95]) if len(covered) else (np.nan, np.nan)
    return {
        "count": len(covered) / draws,
        "n": len(part) / draws,
        "coverage_90": float(part["coverage_90"].mean()),
        "width_90": float(part["width_90"].mean()),
        "rmse": root_mean_square(np.sqrt(part["squared_error"].to_numpy())),
        "lowest": float(low),
        "highest": float(high),
        "below_70": float(np.mean(covered < LOW)) if len(covered) else float("nan"),
    }
