"""The tables of censored responses."""

from __future__ import annotations

from typing import Final

import pandas as pd

from bdrp.report.evaluation.censored_definitions import CENSORED_LABELS
from bdrp.report.evaluation.tables import Metrics
from bdrp.report.html.table import Column, Table, columns_of

_RESAMPLED: Final = "Intervals hold 95 %, cell lines and drugs resampled."


def scores(metrics: Metrics) -> Table:
    """Censoring-aware scores, beside those that take censored values as measured."""
    seen, conventional = metrics["as_observed"], metrics["probabilistic"]
    rows = tuple(
        (CENSORED_LABELS[f"as_observed.{key}"], seen[key], seen[f"{key}_inside"], seen[f"{key}_beyond"], plain)
        for key, plain in (("nll", conventional["nll"]), ("crps", conventional["crps"]))
    )
    counts = tuple(
        (CENSORED_LABELS[f"as_observed.{key}"], seen[key], None, seen[key], None) for key in ("above", "below")
    )
    heads = ("All", "Uncensored", "Censored", "All, censored values taken as measured")
    columns = (Column("Metric"), *columns_of(*heads))
    return Table(
        "Censoring-aware scores",
        columns,
        (*rows, *counts),
        "A censored response counts as beyond its limit, whatever value was published for it.",
    )


def coverage(metrics: Metrics) -> Table:
    """Censoring-aware coverage, a row a level, beside the conventional one."""
    columns = [Column("Central interval")]
    columns += [Column(text, "share") for text in ("Censoring-aware coverage", "from", "to", "Not contradicted")]
    columns += [Column("Coverage, censored values taken as measured", "share")]
    rows = tuple(
        (
            f"{level} %",
            *(seen[key] for key in ("coverage", "lower", "upper", "compatible")),
            metrics["coverage"][level]["coverage"],
        )
        for level, seen in metrics["as_observed"]["coverage"].items()
    )
    return Table("Censoring-aware coverage", tuple(columns), rows, _RESAMPLED)


def right_censored(metrics: Metrics) -> Table:
    """The probability of right-censoring, beside the baseline that knows each drug's base rate."""
    seen = metrics["beyond"]
    suffixes = ("_base_rate", "_if_calibrated", "_lower", "_upper")
    names = [key for key in seen if not key.endswith(suffixes)]
    rows = tuple(
        (CENSORED_LABELS[f"beyond.{name}"], seen[name], *(seen.get(f"{name}{suffix}") for suffix in _ORDER))
        for name in names
    )
    heads = ("This model", "from", "to", "One base rate a drug", "If calibrated")
    columns = (Column("Metric"), *columns_of(*heads))
    return Table("Probability of right-censoring", columns, rows, _RESAMPLED)


_ORDER = ("_lower", "_upper", "_base_rate", "_if_calibrated")


def bins(curve: pd.DataFrame) -> Table:
    """The reliability figure in numbers."""
    columns = {
        "bin": Column("Bin"),
        "n": Column("Pairs"),
        "nominal": Column("Mean probability", "share"),
        "observed": Column("Share right-censored", "share"),
        "lower": Column("from", "share"),
        "upper": Column("to", "share"),
        "null_lower": Column("If calibrated, from", "share"),
        "null_upper": Column("to", "share"),
        "low": Column("Lowest probability", "share"),
        "high": Column("Highest", "share"),
    }
    records = curve.astype({"n": int}).assign(bin=range(1, len(curve) + 1)).to_dict("records")
    title = "Predicted probability and share right-censored, by bin"
    return Table.from_records(title, columns, records, "Bins of equal size by probability.")
