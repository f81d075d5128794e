"""The tables of a comparison, one a split: figures, coverage, differences, densities and ranking of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from bdrp.report import words
from bdrp.report.definitions import LABELS
from bdrp.report.html.table import Column, Table

if TYPE_CHECKING:
    from bdrp.studies.comparison import Findings

_NAMES: Final = {"interval_score_90": "Interval score, 90 %", "aurc": "AURC", "width_90": "Width of 90 % intervals"}
_RANKING: Final = {
    "kept_at_10": "Kept at 10 %",
    "kept_at_50": "Kept at 50 %",
    "within_drug_kept_at_10": "Within a drug, at 10 %",
    "within_drug_kept_at_50": "Within a drug, at 50 %",
    "within_drug_error_spearman": "Within a drug, Spearman of SD and error",
}


def figures(findings: Findings) -> tuple[Table, ...]:
    """Values with their intervals, a table a split."""
    columns = [Column("Method")] + [Column(label(name)) for name in _FIGURES]
    return tuple(
        Table(
            f"Split by {split.replace('_', ' ')}",
            tuple(columns),
            tuple((method, *(_with_interval(mine, name) for name in _FIGURES)) for method, mine in methods),
            "95 % intervals with cell lines and drugs resampled.",
        )
        for split, methods in _by_split(findings.intervals)
    )


_FIGURES: Final = ("rmse", "nll", "crps", "interval_score_90", "aurc")
_LEVELS: Final = ("50", "80", "90", "95")


def coverage(findings: Findings) -> tuple[Table, ...]:
    """Coverage at four levels with intervals, and at 90 % before recalibration."""
    figures = findings.figures
    before = figures[figures["figure"] == "uncalibrated_coverage_90"] if len(figures) else figures
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
        columns = [Column("Method"), *(Column(f"{level} % intervals") for level in _LEVELS)]
        columns += [Column("90 % before recalibration, mean of folds", "share"), Column("Width of 90 % intervals")]
        tables.append(Table(f"Split by {split.replace('_', ' ')}", tuple(columns), rows, "Share of responses inside."))
    return tuple(tables)


def differences(findings: Findings, figure: str = "") -> tuple[Table, ...]:
    """Differences between methods with their evidence: of one figure, or of all if it is ""."""
    found = findings.evidence
    if found.empty:
        return ()
    found = found[found["figure"] == figure] if figure else found
    heads = ("Figure: methods", "Difference", "from", "to", "P(better)", "P(equal)", "P(worse)", "Evidence")
    kinds = {"P(better)": "share", "P(equal)": "share", "P(worse)": "share"}
    columns = tuple(Column(head, kinds.get(head, "number")) for head in heads)
    names = ("difference", "lower", "upper", "p_better", "p_equal", "p_worse", "evidence")
    return tuple(
        Table(
            f"Split by {str(split).replace('_', ' ')}{'' if figure else ': all figures'}",
            columns,
            tuple(
                (f"{label(row['figure'])}: {row['method']} less {row['other']}", *(row[name] for name in names))
                for row in part.to_dict("records")
            ),
            "“Better” and “worse” speak of the first method.",
        )
        for split, part in found.groupby("split", sort=False)
    )


def densities(findings: Findings) -> tuple[Table, ...]:
    """Expected log predictive densities and stacking weights, a table a split."""
    heads = (
        ("ELPD", "elpd"),
        ("its error", "se"),
        ("less than the best", "difference"),
        ("its error", "difference_se"),
    )
    columns = (Column("Method"), *(Column(head) for head, _ in heads), Column("Share in the best mixture", "share"))
    tests = findings.tests
    found = tests[tests["test"] == "elpd"] if len(tests) else tests
    return tuple(
        Table(
            f"Split by {str(split).replace('_', ' ')}",
            columns,
            tuple(tuple(row[name] for name in ("method", *(key for _, key in heads), "weight")) for row in rows),
            "Sums over pairs in nats; lines resampled.",
        )
        for split, rows in (
            (split, part.to_dict("records"))
            for split, part in (found.groupby("split", sort=False) if len(found) else ())
        )
    )


def rankings(findings: Findings) -> tuple[Table, ...]:
    """How well SDs rank errors, means over runs, a table a split."""
    figures = findings.figures
    if figures.empty:
        return ()
    named = figures[figures["figure"].isin(_RANKING)]
    wide = named.pivot_table(index=["split", "method"], columns="figure", values="value", sort=False)
    columns = (Column("Method"), *(Column(label) for label in _RANKING.values()))
    return tuple(
        Table(
            f"Split by {str(split).replace('_', ' ')}",
            columns,
            tuple(
                (str(key[1]), *(float(row.get(name, float("nan"))) for name in _RANKING))
                for key, row in part.iterrows()
            ),
            "Means over all folds and seeds of a method. Kept: 1 is no better than chance.",
        )
        for split, part in wide.groupby(level="split", sort=False)
    )


def _by_split(intervals: pd.DataFrame) -> list[tuple[str, list[tuple[str, pd.DataFrame]]]]:
    if intervals.empty:
        return []
    splits = intervals.groupby("split", sort=False)
    return [(str(split), [(str(m), t) for m, t in part.groupby("method", sort=False)]) for split, part in splits]


def _with_interval(table: pd.DataFrame, figure: str, *, share: bool = False) -> str:
    row = table[table["figure"] == figure].iloc[0]
    write = words.percent if share else words.number
    return f"{write(row['value'])} ({write(row['lower'])} to {write(row['upper'])})"


def label(figure: str) -> str:
    """What a figure is called."""
    named = (LABELS.get(f"{topic}.{figure}") for topic in ("point", "probabilistic", "selective"))
    return _NAMES.get(figure) or next((label for label in named if label), figure.replace("_", " "))


def unit(figure: str, unit: str) -> str:
    """The unit of a figure, from that of the response."""
    return f"({unit})²" if figure == "aurc" else unit
