"""What a page says of the many fits behind it: how many finished, what is missing, what they cost, where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from bdrp.report import words
from bdrp.report.html.parts import Section, Tile
from bdrp.report.html.table import Table, columns_of

CHEAP: Final = (
    "Seconds are of one process with one thread; a fit fits twice, the second time on the calibration part too."
)


def tiles(runs: pd.DataFrame) -> tuple[Tile, ...]:
    """How many fits finished, on how much."""
    done = runs[runs["status"] == "done"]
    responses = done.drop_duplicates(["split", "fold"])["responses"].sum()
    seconds = done.drop_duplicates("address")[["fit_seconds", "predict_seconds"]].sum().sum()
    return (
        Tile("Fits finished", words.number(len(done)), f"of {len(runs)}"),
        Tile("Failed", words.number(int((runs["status"] == "failed").sum())), "each with its error below"),
        Tile("Methods", words.number(runs["method"].nunique()), "on the same held-out pairs"),
        Tile("Splits", words.number(runs["split"].nunique()), "never pooled"),
        Tile(
            "Folds, seeds", f"{runs['fold'].nunique()} · {runs['seed'].nunique()}", "folds are the same for all seeds"
        ),
        Tile("Held-out responses", words.number(int(responses)), f"{words.number(seconds, 0)} seconds of fits in all"),
    )


def costs(runs: pd.DataFrame) -> Table:
    """Seconds and memory of each method on each split."""
    heads = ("Method and split", "Fits", "Seconds a fit", "Seconds to predict", "Peak memory, GiB")
    rows = []
    for (method, split), part in runs[runs["status"] == "done"].groupby(["method", "split"], sort=False):
        middle = part[["fit_seconds", "predict_seconds", "peak_memory_bytes"]].median()
        memory = float(middle["peak_memory_bytes"]) / 2**30
        cost = (len(part), float(middle["fit_seconds"]), float(middle["predict_seconds"]), memory)
        rows.append((f"{method}, {words.by(split)}", *cost))
    return Table("Medians over fits", columns_of(*heads, digits=2), tuple(rows), "")


def missing(runs: pd.DataFrame) -> tuple[Section, ...]:
    """A section on fits that failed or were not started, none where all finished."""
    absent = runs[runs["status"] != "done"]
    if absent.empty:
        return ()
    rows = tuple((_run(row), row["status"], row["error"] or None) for row in absent.to_dict("records"))
    table = Table("Fits that are missing", columns_of("Fit", "Status", "Error"), rows)
    return (Section("missing", "What is missing?", ("The same command tries them again.",), (table,)),)


def addresses(runs: pd.DataFrame) -> Table:
    """Where the record of each fit lies."""
    rows = tuple((_run(row), row["recalibrator"] or None, row["address"][:16]) for row in runs.to_dict("records"))
    return Table("Every fit and its record", columns_of("Fit", "Recalibration", "Address begins"), rows)


def facts(screen: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What the screen is, to the checksum, and how it was cut."""
    files = tuple((f"File {name}", str(value)) for name, value in screen["checksums"].items())
    tables = tuple((f"Table {name}, sha256", str(value)) for name, value in screen["tables"].items())
    made = "by the hash of each id alone (published)" if screen["partition"] == "published" else "drawn with a seed"
    named = (("Screen", str(screen["name"])), ("Measure", f"{screen['measure']}, {screen['unit']}"))
    return (*named, ("Folds of each split", f"{screen['folds']}, {made}"), *files, *tables)


def _run(row: dict[str, object]) -> str:
    return f"{row['method']}, {words.by(row['split'])}, fold {row['fold']}, seed {row['seed']}"
