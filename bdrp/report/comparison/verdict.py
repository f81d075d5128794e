"""Which method is best by each metric on each split, and which others the evidence tells it apart from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bdrp.report import words
from bdrp.report.comparison.tables import label, unit
from bdrp.report.html.table import Column, Table

if TYPE_CHECKING:
    from bdrp.studies.comparison import ComparisonResults

JUDGED: Final = ("rmse", "nll", "crps", "interval_score_90", "aurc")
"""Metrics that say which method is better, all of them low where it is; coverage and width describe."""


@dataclass(frozen=True)
class Verdict:
    """The best method by one metric on one split.

    Attributes:
        split: what was held out.
        metric: one of `JUDGED`.
        method: the one with the lowest value.
        value, lower, upper: of it, with the 95 % interval over lines and drugs.
        unit: of these; "" where the metric has none.
        apart_from: the methods than which it is better, by pairs, by folds or by both.
        not_apart_from: those of which nothing shows that they are worse.
    """

    split: str
    metric: str
    method: str
    value: float
    lower: float
    upper: float
    unit: str
    apart_from: tuple[str, ...]
    not_apart_from: tuple[str, ...]

    @property
    def evidence(self) -> str:
        """From how many of the others it is told apart, and from which not."""
        others = len(self.apart_from) + len(self.not_apart_from)
        if not others:
            return "the only method"
        if not self.not_apart_from:
            return "told apart from the other" if others == 1 else f"told apart from all {others} others"
        return f"not told apart from {', '.join(self.not_apart_from)}"


def find_verdicts(results: ComparisonResults) -> list[Verdict]:
    """The verdict by each metric of `JUDGED` on each split that has finished fits of a fold in common."""
    table = results.intervals
    if table.empty:
        return []
    judged = table[table["figure"].isin(JUDGED)]
    return [
        _of_metric(results, str(split), metric, judged[(judged["split"] == split) & (judged["figure"] == metric)])
        for split in dict.fromkeys(judged["split"])
        for metric in JUDGED
    ]


def tabulate(verdicts: list[Verdict]) -> Table:
    """Verdicts as a table for a paper."""
    columns = {
        "split": Column("Split"),
        "metric": Column("Metric"),
        "method": Column("Best"),
        "value": Column("Value (95 % interval)"),
        "evidence": Column("Evidence"),
    }
    rows = [
        {
            "split": words.by(each.split),
            "metric": f"{label(each.metric)}, {each.unit}" if each.unit else label(each.metric),
            "method": each.method,
            "value": f"{words.number(each.value)} ({words.number(each.lower)} to {words.number(each.upper)})",
            "evidence": each.evidence,
        }
        for each in verdicts
    ]
    return Table.from_records("Which method is best", columns, rows, CAPTION)


CAPTION: Final = (
    "Lower is better in every metric. Told apart: other lines and drugs, other folds, or both, would leave it better; "
    "not told apart does not say equal."
)


def _of_metric(results: ComparisonResults, split: str, metric: str, mine: Any) -> Verdict:
    best = mine.loc[mine["value"].idxmin()]
    name, others = str(best["method"]), [str(each) for each in mine["method"] if each != best["method"]]
    better = _worse_than(results, split, metric, name)
    return Verdict(
        split,
        metric,
        name,
        float(best["value"]),
        float(best["lower"]),
        float(best["upper"]),
        unit(metric, str(results.screen["unit"])),
        tuple(other for other in others if other in better),
        tuple(other for other in others if other not in better),
    )


def _worse_than(results: ComparisonResults, split: str, metric: str, name: str) -> set[str]:
    """The methods that evidence shows to be worse than the one of this name."""
    found = results.evidence
    if found.empty:
        return set()
    found = found[(found["split"] == split) & (found["figure"] == metric)]
    first = found[(found["method"] == name) & found["evidence"].str.startswith("better")]["other"]
    second = found[(found["other"] == name) & found["evidence"].str.startswith("worse")]["method"]
    return {*map(str, first), *map(str, second)}
