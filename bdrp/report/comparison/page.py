"""The page of a comparison: which method is better on which split, on what evidence, and at what cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from bdrp.report import fits, words
from bdrp.report.comparison import by_method, critical_difference, tables
from bdrp.report.definitions import select_definitions
from bdrp.report.figures.plot import Plot
from bdrp.report.figures.style import Look, looks
from bdrp.report.html.output import write_results
from bdrp.report.html.page import render
from bdrp.report.html.parts import Section, Summary

if TYPE_CHECKING:
    from bdrp.studies.comparison import ComparisonResults

HEADLINE: Final = "crps"  # chosen: judges the whole distribution, in the response's unit, and no single miss rules it
_DRAWN: Final = ("rmse", "nll", "crps", "aurc")
_DEFINED: Final = ("point.rmse", "probabilistic.nll", "probabilistic.crps", "coverage.interval_score", "selective.aurc")
_PAIRS = (
    "Splits are different questions and are never pooled. Differences are the first method less the second. Their 95 % "
    "intervals draw cell lines and drugs anew, which asks whether the difference would hold for others of their kind; "
    "the probabilities over folds (better, practically equal, worse) ask whether it would hold had the methods been "
    "trained on other pairs. Evidence on both sides counts; on one side alone it is called that. “Not told apart” does "
    "not say that methods are equal."
)
_MIXED = (
    "The log predictive density of every held-out response, summed (ELPD). Standard errors let the pairs of one line "
    "vary together. The shares are those of the mixture of all methods that predicts these responses best: a method "
    "with a share near 0 adds nothing to the others."
)
_RETAINED = (
    "The squared error of the surest tenth or half of the pairs, as a share of that of all pairs: overall, and within "
    "each drug, where an SD that only knows which drugs are hard gains nothing."
)
_DRUGS = (
    "Mean ranks over drugs say how consistent a difference is. Drugs share cell lines and are no independent "
    "observations, so these tests do not decide."
)


def compare(findings: ComparisonResults, out: Path | str) -> Path:
    """Write compare.html and the tables of `ComparisonResults.save` into the folder of a comparison.

    Returns:
        The path of compare.html.

    Raises:
        OutputError: they cannot be written.
    """
    return write_results(Path(out) / "compare.html", findings, render_page)


def render_page(findings: ComparisonResults) -> str:
    """The comparison as HTML, readable alone."""
    runs = findings.runs
    methods, splits = list(dict.fromkeys(runs["method"])), list(dict.fromkeys(runs["split"]))
    return render(
        kicker="bdrp comparison of methods",
        beside="figures.parquet, intervals.parquet and comparisons.parquet beside it hold",
        title=f"{words.count(len(methods), 'method')} on {findings.screen['name']}: which is better?",
        subtitle=f"{', '.join(methods)}; split by {', '.join(map(words.spaced, splits))}. Measure: "
        f"{findings.screen['measure']}, in {findings.screen['unit']}.",
        summary=_summary(findings, splits),
        tiles=fits.tiles(findings.runs),
        sections=_sections(findings),
    )


def list_plots(findings: ComparisonResults) -> tuple[Plot, ...]:
    """Every figure of the page, in its order."""
    metrics, coverage, risks = _figures(findings)
    return (*metrics, *coverage, *_rank_plots(findings), *risks)


def _summary(findings: ComparisonResults, splits: list[str]) -> Summary:
    unfinished = int((findings.runs["status"] != "done").sum())
    sentences = tuple(_best(findings, split) for split in splits)
    if unfinished:
        headline = words.missing(unfinished, len(findings.runs))
        return Summary("doubt", headline, sentences)
    return Summary(
        "fair", f"All {words.count(len(findings.runs), 'fit')} finished; by {tables.label(HEADLINE)}:", sentences
    )


def _best(findings: ComparisonResults, split: str) -> str:
    """The method with the lowest headline metric on a split, and from how many others evidence tells it apart."""
    where, table = f"Split {words.by(split)}", findings.intervals
    mine = table[(table["split"] == split) & (table["figure"] == HEADLINE)] if len(table) else table
    if mine.empty:
        return f"{where}: methods have no fold in common yet."
    best = mine.loc[mine["value"].idxmin()]
    value = f"{words.number(best['value'])} ({words.number(best['lower'])} to {words.number(best['upper'])})"
    text = f"{where}: {best['method']} has the lowest {tables.label(HEADLINE)}, {value} {findings.screen['unit']}."
    pairs = findings.evidence
    if pairs.empty:
        return text
    pairs = pairs[(pairs["split"] == split) & (pairs["figure"] == HEADLINE)]
    return f"{text} {' '.join(_against(row, str(best['method'])) for row in pairs.to_dict('records'))}".strip()


def _against(row: dict[str, object], best: str) -> str:
    if best not in (row["method"], row["other"]):
        return ""
    first = row["method"] == best
    evidence = str(row["evidence"])
    if not first:
        swap = {"better": "worse", "worse": "better"}
        evidence = " ".join(swap.get(word, word) for word in evidence.split())
    return f"Beside {row['other'] if first else row['method']}: {evidence}."


def _sections(findings: ComparisonResults) -> tuple[Section, ...]:
    metrics, coverage, risks = _figures(findings)
    return (
        Section("metrics", "How good is each method on each split?", findings.notes, tables.metrics(findings), metrics),
        Section("coverage", "Do intervals cover at their nominal level?", (), tables.coverage(findings), coverage),
        Section(
            "differences",
            "Which differences would hold?",
            (_PAIRS, f"Of {tables.label(HEADLINE)} here; of all metrics in the tables that open on a click."),
            tables.differences(findings, HEADLINE),
            folded=tables.differences(findings),
        ),
        _ranks(findings),
        Section(
            "densities",
            "Which method gives held-out responses the highest density?",
            (_MIXED,),
            tables.densities(findings),
        ),
        Section(
            "risk", "Whose SD tells good predictions from bad ones?", (_RETAINED,), tables.rankings(findings), risks
        ),
        Section("costs", "What does each method cost?", (fits.CHEAP,), (fits.costs(findings.runs),)),
        *fits.missing(findings.runs),
        Section("definitions", "What the metrics mean", definitions=select_definitions(*_DEFINED)),
        Section(
            "provenance", "Data and runs", facts=fits.facts(findings.screen), folded=(fits.addresses(findings.runs),)
        ),
    )


def _figures(findings: ComparisonResults) -> tuple[tuple[Plot, ...], ...]:
    """The figures of metrics, of coverage and of risk against coverage; none where no fit has finished."""
    table, unit, drawn = findings.intervals, str(findings.screen["unit"]), _looks(findings)
    splits = findings.risk.groupby("split", sort=False) if len(findings.risk) else ()
    risks = tuple(by_method.plot_risk(part, str(split), unit, drawn) for split, part in splits)
    if table.empty:
        return (), (), risks
    metrics = tuple(
        by_method.plot_metric(table, name, tables.label(name), tables.unit(name, unit), drawn) for name in _DRAWN
    )
    return metrics, (by_method.plot_metric(table, "coverage_90", "90 % coverage", "%", drawn, 0.9),), risks


def _looks(findings: ComparisonResults) -> dict[str, Look]:
    """The look of each method in every figure of the page, also where another has no finished fit."""
    return looks(map(str, findings.runs["method"]))


def _ranks(findings: ComparisonResults) -> Section:
    title = "Which method ranks best over drugs?"
    drawn = _rank_plots(findings)
    if not drawn:
        return Section("ranks", title, ("Ranks are compared from three methods on, each with a fold in common.",))
    return Section("ranks", title, (_DRUGS,), figures=drawn)


def _rank_plots(findings: ComparisonResults) -> tuple[Plot, ...]:
    chosen = [rank for rank in findings.ranks if rank.metric == HEADLINE]
    return tuple(critical_difference.plot(rank, _looks(findings), "drug") for rank in chosen)
