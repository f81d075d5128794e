"""The tables of a comparison, one a split: metrics, coverage, differences, densities and ranking of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from bdrp.report import words
from bdrp.report.definitions import LABELS
from bdrp.report.html.table import Column, Table, columns_of

if TYPE_CHECKING:
    from bdrp.studies.comparison import ComparisonResults

_METRICS: Final = ("rmse", "nll", "crps", "interval_score_90", "aurc")
_LEVELS: Final = ("50", "80", "90", "95")
_NAMES: Final = {"interval_score_90": "Interval score, 90 %", "aurc": "AURC", "width_90": "Width of 90 % intervals"}
_RANKING: Final = {
    "kept_at_10": "Retained at 10 %",
    "kept_at_50": "Retained at 50 %",
    "within_drug_kept_at_10": "Within a drug, at 10 %",
    "within_drug_kept_at_50": "Within a drug, at 50 %",
    "within_drug_error_spearman": "Within a drug, Spearman of SD and error",
}


def metrics(findings: ComparisonResults) -> tuple[Table, ...]:
    """Values with their intervals, a table a split."""
    columns = columns_of("Method", *map(label, _METRICS))
    return tuple(
        Table(
            _title(split),
            columns,
            tuple((method, *(_with_interval(mine, name) for name in _METRICS)) for method, mine in methods),
            "95 % intervals with cell lines and drugs resampled.",
        )
        for split, methods in _by_split(findings.intervals)
    )


def coverage(findings: ComparisonResults) -> tuple[Table, ...]:
    """Coverage at four levels with intervals, and at 90 % before recalibration."""
    values = findings.metrics
    before = values[values["figure"] == "uncalibrated_coverage_90"] if len(values) else values
    columns = (
        *columns_of("Method", *(f"{level} % intervals" for level in _LEVELS)),
        Column("90 % before recalibration, mean of folds", "share"),
        Column("Width of 90 % intervals"),
    )
    tables = []
    for split, methods in _by_split(findings.intervals):
        earlier = before[before["split"] == split].groupby("method")["value"].mean()
        rows = tuple(
            (
                method,
                *(_with_interval(mine, f"coverage_{level}", share=True) for level in _LEVELS),
                float(earlier[method]),
                float(mine.loc[mine["figure"] == "width_90", "value"].iloc[0]),
            )
            for method, mine in methods
        )
        tables.append(Table(_title(split), columns, rows, "Share of responses inside."))
    return tuple(tables)


def differences(findings: ComparisonResults, metric: str = "") -> tuple[Table, ...]:
    """Differences between methods with their evidence: of one metric, or of all if it is ""."""
    found = findings.evidence
    if found.empty:
        return ()
    found = found[found["figure"] == metric] if metric else found
    names = [f"{label(row.figure)}: {row.method} less {row.other}" for row in found.itertuples()]
    columns = {
        "methods": Column("Metric: methods"),
        "difference": Column("Difference"),
        "lower": Column("from"),
        "upper": Column("to"),
        "p_better": Column("P(better)", "share"),
        "p_equal": Column("P(equal)", "share"),
        "p_worse": Column("P(worse)", "share"),
        "evidence": Column("Evidence"),
    }
    caption = "“Better” and “worse” speak of the first method."
    return tuple(
        Table.from_records(
            f"{_title(split)}{'' if metric else ': all metrics'}", columns, part.to_dict("records"), caption
        )
        for split, part in found.assign(methods=names).groupby("split", sort=False)
    )


def densities(findings: ComparisonResults) -> tuple[Table, ...]:
    """Expected log predictive densities and stacking weights, a table a split."""
    if findings.tests.empty:
        return ()
    columns = {
        "method": Column("Method"),
        "elpd": Column("ELPD"),
        "se": Column("its error"),
        "difference": Column("less than the best"),
        "difference_se": Column("its error"),
        "weight": Column("Share in the best mixture", "share"),
    }
    elpd = findings.tests[findings.tests["test"] == "elpd"]
    return tuple(
        Table.from_records(_title(split), columns, part.to_dict("records"), "Sums over pairs in nats; lines resampled.")
        for split, part in elpd.groupby("split", sort=False)
    )


def rankings(findings: ComparisonResults) -> tuple[Table, ...]:
    """How well SDs rank errors, means over runs, a table a split."""
    values = findings.metrics
    if values.empty:
        return ()
    named = values[values["figure"].isin(_RANKING)]
    wide = named.pivot_table(index=["split", "method"], columns="figure", values="value", sort=False)
    wide = wide.reindex(columns=list(_RANKING)).reset_index()
    columns = {"method": Column("Method"), **{name: Column(label) for name, label in _RANKING.items()}}
    caption = "Means over all folds and seeds of a method. Retained: 1 is no better than chance."
    return tuple(
        Table.from_records(_title(split), columns, part.to_dict("records"), caption)
        for split, part in wide.groupby("split", sort=False)
    )


def label(metric: str) -> str:
    """What a metric is called."""
    named = (LABELS.get(f"{topic}.{metric}") for topic in ("point", "probabilistic", "selective"))
    return _NAMES.get(metric) or next((label for label in named if label), words.spaced(metric))


def unit(metric: str, unit: str) -> str:
    """The unit of a metric, from that of the response; densities have none."""
    return {"aurc": f"({unit})²", "nll": ""}.get(metric, unit)


def _title(split: object) -> str:
    return f"Split {words.by(split)}"


def _by_split(intervals: pd.DataFrame) -> list[tuple[str, list[tuple[str, pd.DataFrame]]]]:
    if intervals.empty:
        return []
    splits = intervals.groupby("split", sort=False)
    return [(str(split), [(str(m), t) for m, t in part.groupby("method", sort=False)]) for split, part in splits]


def _with_interval(table: pd.DataFrame, metric: str, *, share: bool = False) -> str:
    row = table[table["figure"] == metric].iloc[0]
    write = words.percent if share else words.number
    return f"{write(row['value'])} ({write(row['lower'])} to {write(row['upper'])})"
