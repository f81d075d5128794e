"""What each component of a model contributes: a metric without it less that with it, on the same held-out pairs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bdrp.data.screen import MEASURES
from bdrp.display import Displayed
from bdrp.errors import BdrpWarning
from bdrp.evaluation import significance
from bdrp.evaluation.significance.metrics import find_metric
from bdrp.studies import comparison
from bdrp.studies.components import (
    BETTER,
    COMPONENTS,
    CONTRIBUTES,
    FLOOR,
    FULL,
    HARMS,
    NONE,
    NONE_SHOWN,
    ON_FOLDS,
    OVERALL,
    SHUFFLED_LABELS,
    WORSE,
)
from bdrp.studies.execution import plan as planning
from bdrp.studies.execution.records import Record
from bdrp.studies.execution.run_matrix import Run

JUDGED: Final = ("rmse", "nll", "crps")
PLACE: Final = ["fold", "seed"]

Finished = list[tuple[Run, Record]]


@dataclass(frozen=True, repr=False)
class Contributions(Displayed):
    """What the runs of an ablation say; splits are never pooled.

    Attributes:
        runs: of `comparison.describe_run`, a row a run.
        table: split, part, against, figure, value, against_value, contribution (`part`, a component, less `against`),
            lower, upper (95 %, cell lines and drugs drawn anew), folds_lower, folds_upper (95 %, of the corrected
            t-test over folds; nan where there is one fold), folds, seeds, said. `against` is "full" in rows about a
            component; the others hold the whole model and shuffled labels against mean effects. `said` is "none" where
            the first interval lies within what is practically equal, "none shown" where it is wider and holds 0;
            otherwise "contributes" or "harms" of a component, "better" or "worse" of the others, with " on these folds
            alone" where the second interval is lacking or does not leave out 0.
        notes: what makes the table weaker or smaller than it looks, in sentences.
        screen: name, measure, unit and checksums; folds, how many, and partition, how they were made.
    """

    runs: pd.DataFrame
    table: pd.DataFrame
    notes: tuple[str, ...]
    screen: Mapping[str, Any]

    def save(self, out: Path) -> None:
        """Write ablation.parquet.

        Raises:
            OutputError: it cannot be written.
        """
        comparison.write_table(self.table, out / "ablation.parquet")


def gather_contributions(out: Path, runs: Sequence[Run]) -> Contributions:
    """Read the records of an ablation's runs and compare each component with the whole model, split by split.

    Warns:
        BdrpWarning: a record was altered since it was written.
    """
    found = planning.read_finished(out, {run.key: run for run in runs}.values())
    notes: list[str] = []
    tables: list[pd.DataFrame] = []
    for split in dict.fromkeys(run.split for run in runs):
        mine = [run for run in runs if run.split == split]
        done = [(run, found[run.key]) for run in mine if run.key in found and not found[run.key].failed]
        tables += _of_split(split, mine, done, notes)
    return Contributions(
        runs=pd.DataFrame([comparison.describe_run(run, found.get(run.key)) for run in runs]),
        table=pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(),
        notes=tuple(dict.fromkeys(notes)),
        screen=runs[0].where | {"unit": MEASURES[runs[0].screen["measure"]].unit},
    )


def _of_split(split: str, runs: Sequence[Run], done: Finished, notes: list[str]) -> Iterator[pd.DataFrame]:
    """Tables of one split, two labels in memory at a time."""
    kept: dict[str, pd.DataFrame] = {}
    for label, against in _pairs({run.label for run in runs}):
        if against not in kept:
            kept[against] = _rows(against, done)
        both = _shared(split, _rows(label, done), kept[against], notes)
        if both.empty:
            notes.append(comparison.note_on_split(split, f"{label} and {against} have no finished fold in common."))
            continue
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", BdrpWarning)
            yield _compared(both, label, against, runs[0].folds)
        notes += [
            comparison.note_on_split(split, each.message) for each in caught if issubclass(each.category, BdrpWarning)
        ]


def _pairs(labels: set[str]) -> list[tuple[str, str]]:
    """What is compared with what: components with the whole, the whole and shuffled labels with mean effects."""
    wanted = [(name, FULL) for name in COMPONENTS]
    wanted += [(FULL, FLOOR), (SHUFFLED_LABELS, FLOOR), (SHUFFLED_LABELS, OVERALL)]
    return [(label, against) for label, against in wanted if label in labels and against in labels]


def _rows(label: str, done: Finished) -> pd.DataFrame:
    tables = []
    for run, record in done:
        if run.label == label:
            held_out = record.held_out()
            rows = significance.pair_rows(held_out.predictions, held_out.observed)
            tables.append(rows.assign(method=label, split=run.split, fold=run.fold, seed=run.seed))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=PLACE)


def _shared(split: str, one: pd.DataFrame, other: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The rows of those folds and seeds that both finished."""
    places = [pd.MultiIndex.from_frame(rows[PLACE]) for rows in (one, other)]
    common = places[0].intersection(places[1]).unique()
    if 0 < len(common) < len(places[0].union(places[1]).unique()):
        sentence = "not all fits finished: some comparisons rest on fewer folds than others."
        notes.append(comparison.note_on_split(split, sentence))
    kept = [rows[place.isin(common)] for rows, place in zip((one, other), places, strict=True)]
    return pd.concat(kept, ignore_index=True) if len(common) else pd.DataFrame()


def _compared(rows: pd.DataFrame, label: str, against: str, folds: int) -> pd.DataFrame:
    """A row a metric; `label` comes first in the rows, so differences are label less against."""
    found = significance.differences(rows, JUDGED).rename(columns={"method": "part", "other": "against"})
    values = significance.tabulate(rows, JUDGED, by=["split"]).set_index(["figure", "method"])["value"]
    table = found[["split", "part", "against", "figure", "difference", "lower", "upper"]]
    table = table.rename(columns={"difference": "contribution"})
    table["value"], table["against_value"] = (
        [float(values[name, which]) for name in table["figure"]] for which in (label, against)
    )
    table = table.merge(_over_folds(rows, folds), on="figure", how="left")
    table["folds"], table["seeds"] = rows["fold"].nunique(), rows["seed"].nunique()
    return table.assign(said=[_name_effect(row) for row in table.to_dict("records")])


def _over_folds(rows: pd.DataFrame, folds: int) -> pd.DataFrame:
    """The interval of each difference over training sets."""
    if rows["fold"].nunique() < 2:
        return pd.DataFrame({"figure": JUDGED, "folds_lower": float("nan"), "folds_upper": float("nan")})
    tested = significance.corrected_t(significance.tabulate(rows, JUDGED, by=PLACE), 1 / folds)
    return tested[["figure", "lower", "upper"]].rename(columns={"lower": "folds_lower", "upper": "folds_upper"})


def _name_effect(row: Mapping[str, Any]) -> str:
    """What a difference shows; all metrics here are losses, so a rise without a component is what it contributes."""
    direction = find_metric(row["figure"]).direction
    scale = (abs(row["value"]) + abs(row["against_value"])) / 2 if direction.relative else 1.0
    if max(-row["lower"], row["upper"]) <= direction.negligible * scale:
        return NONE
    more, less = (CONTRIBUTES, HARMS) if row["against"] == FULL else (WORSE, BETTER)
    if row["lower"] > 0:
        return more if row["folds_lower"] > 0 else more + ON_FOLDS
    if row["upper"] < 0:
        return less if row["folds_upper"] < 0 else less + ON_FOLDS
    return NONE_SHOWN
