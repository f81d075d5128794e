"""The page of a replay, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.design import acquisitions
from bdrp.report import words
from bdrp.report.html.output import write_results
from bdrp.report.html.page import render
from bdrp.report.html.parts import Section, Summary
from bdrp.report.html.table import Column, Table
from bdrp.report.replay.figures import plot_curves
from bdrp.studies.replay import Replayed
from bdrp.studies.replay.protocol import RANDOM

PAGE: Final = "replay.html"
TITLES: Final = {"rmse": "How soon are other pairs predicted well?", "hits_found": "How soon are hits found?"}
_READ: Final = {
    "rmse": "RMSE on pairs that were kept back; lower is better.",
    "hits_found": "Hits are the most sensitive lines of each drug; the share of all those that could be asked for. "
    "Higher is better.",
}
_CAPTION: Final = (
    "Mean is over all labels (the area under the curve); the difference is to random with the same seeds, with its 95 "
    "% interval over seeds. Labels are those after the first model that are needed for what random has at the end, as "
    "a share of random's. Extra batches are those that random needs beyond the number in brackets for what is reached "
    "then. A dash: not reached."
)


def write(found: Replayed, out: Path | str) -> Path:
    """Write replay.html and its tables into the folder of a replay.

    Returns:
        The path of replay.html.

    Raises:
        OutputError: they cannot be written.
    """
    return write_results(Path(out) / PAGE, found, render_page)


def render_page(found: Replayed) -> str:
    """The page as HTML, readable alone."""
    protocol, metrics = found.protocol, list(dict.fromkeys(found.curves["figure"]))
    return render(
        kicker="bdrp replay",
        beside="rounds.parquet, curves.parquet and summary.parquet hold",
        title="Which batches teach most?",
        subtitle=f"{found.screen['name']}, {words.count(protocol.seeds, 'seed')}: {protocol.start:,} labels, then "
        f"{words.count(protocol.rounds, 'batch', 'batches')} of {protocol.batch}. Scored: pairs of "
        f"{protocol.target.describe()}.",
        summary=_summarise(found),
        tiles=(),
        sections=(*(_section(found, metric) for metric in metrics), _protocol(found)),
    )


def _summarise(found: Replayed) -> Summary:
    sentences = [said for metric in TITLES if (said := tell(found, metric))]
    closing = (
        "A replay asks a screen that was measured whole. What it shows holds for batches of this size from this "
        "many labels on, with updates in closed form.",
    )
    return Summary("fair", sentences[0] if sentences else "Nothing was replayed.", (*sentences[1:], *closing))


def tell(found: Replayed, metric: str) -> str:
    """The best acquisition function of a metric beside random, in a sentence; "" where there is none."""
    table = found.summary[(found.summary["figure"] == metric) & (found.summary["by"] != RANDOM)]
    if table.empty:
        return ""
    sign = 1 if metric == "rmse" else -1
    best = table.loc[(sign * table["difference"]).idxmin()]
    random = found.summary[(found.summary["figure"] == metric) & (found.summary["by"] == RANDOM)].iloc[0]
    if not sign * best["low"] < 0 or not sign * best["high"] < 0:
        return f"No acquisition function is shown to beat random by {words.spaced(metric)} ({best['by']} is nearest)."
    needs = (
        f", and needs {words.percent(best['share_of_random'], 0)} of random's labels for what random has at the end"
        if pd.notna(best["share_of_random"])
        else ""
    )
    if metric == "rmse":
        fall = 1 - best["area"] / random["area"]
        return f"{best['by']} has a mean RMSE {words.percent(fall)} below that of random{needs}."
    last = f"{words.percent(best['last'], 0)} of the hits, random {words.percent(random['last'], 0)}"
    return f"{best['by']} finds {last}{needs}."


def _section(found: Replayed, metric: str) -> Section:
    curves = found.curves[found.curves["figure"] == metric]
    table = found.summary[found.summary["figure"] == metric]
    return Section(
        metric.replace("_", "-"),
        TITLES[metric],
        (_READ[metric],),
        figures=(plot_curves(curves, tell(found, metric) or _READ[metric]),),
        tables=(_table(table),),
    )


def _table(summary: pd.DataFrame) -> Table:
    columns = {
        "by": Column("Chosen by", "words"),
        "area": Column("Mean"),
        "difference": Column("Less random"),
        "interval": Column("95 %", "words"),
        "last": Column("At the end"),
        "share_of_random": Column("Labels", "share"),
        "extra": Column("Extra batches of random", "words"),
    }
    rows = []
    for row in summary.to_dict("records"):
        row["interval"] = f"{words.signed(row['low'], 3)} to {words.signed(row['high'], 3)}"
        known = pd.notna(row["extra_batches"]) and row["by"] != RANDOM
        row["extra"] = f"{words.number(row['extra_batches'], 1)} ({row['batches']:.0f})" if known else words.MISSING
        row["share_of_random"] = row["share_of_random"] if pd.notna(row["share_of_random"]) else None
        rows.append(row)
    return Table.from_records("By acquisition function", columns, rows, _CAPTION)


def _protocol(found: Replayed) -> Section:
    protocol, coverage = found.protocol, found.rounds.groupby("by")["coverage_90"].mean()
    facts = (
        ("Labels to begin with", protocol.start),
        ("Batch", protocol.batch),
        ("Rounds", protocol.rounds),
        ("Seeds", protocol.seeds),
        ("Pairs that can be asked for, at most", protocol.pool),
        ("Fitted anew", f"every {protocol.refit_every} rounds" if protocol.refit_every else "never"),
        ("Hits", f"{words.percent(protocol.hits)} of a drug's lines"),
        *((f"90 % coverage, {by}", words.percent(float(value))) for by, value in coverage.items()),
    )
    texts = tuple(f"{by}: {acquisitions.load(by).DESCRIPTION}." for by in protocol.names)
    return Section("protocol", "How was it replayed?", texts, facts=facts)
