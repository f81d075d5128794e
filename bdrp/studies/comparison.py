"""What finished runs say together: metrics a fold, intervals, differences between methods, ranks, ranking of errors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp.data.screen import MEASURES
from bdrp.display import Displayed
from bdrp.errors import BdrpWarning
from bdrp.evaluation import significance
from bdrp.evaluation.curves import miscalibration_area
from bdrp.evaluation.density_comparison import compare as compare_densities
from bdrp.evaluation.selective import error_ranking_metrics, risk_curve
from bdrp.evaluation.significance import METRICS, CriticalDifference
from bdrp.evaluation.significance.evidence import combine_evidence
from bdrp.files import atomic, outputs, tables
from bdrp.studies.execution import plan as planning
from bdrp.studies.execution.records import Record
from bdrp.studies.execution.run_matrix import Run

JUDGED: Final = ("rmse", "nll", "crps", "interval_score_90", "aurc")
BY_DRUG: Final = ("rmse", "nll", "crps")  # chosen: scores that a drug's few pairs can carry
SHOWN: Final = (*JUDGED, "coverage_50", "coverage_80", "coverage_90", "coverage_95", "width_90")
RETAINED_SHARES: Final = np.arange(1, 101) / 100
PLACE: Final = ["fold", "seed"]


@dataclass(frozen=True, repr=False)
class ComparisonResults(Displayed):
    """Tables of a comparison; splits are never pooled.

    Attributes:
        runs: a row a run and label: method (its label), split, fold, seed, status (done, failed or left), fit_seconds,
            predict_seconds, peak_memory_bytes, responses, error, address (the run key).
        metrics: tidy: method, split, fold, seed, figure, value, n; `uncalibrated_…` are before recalibration.
        intervals: of `significance.intervals`, on the folds and seeds that all methods finished.
        evidence: of `significance.evidence.evidence`.
        tests: rows of every other test, named in the column `test`.
        ranks: critical differences over drugs, where there are three methods.
        risk: split, method, kept (share), rmse.
        notes: what makes these tables weaker or smaller than they look, in sentences.
        screen: name, measure, unit and checksums; folds, how many, and partition, how they were made.
    """

    runs: pd.DataFrame
    metrics: pd.DataFrame
    intervals: pd.DataFrame
    evidence: pd.DataFrame
    tests: pd.DataFrame
    ranks: tuple[CriticalDifference, ...]
    risk: pd.DataFrame
    notes: tuple[str, ...]
    screen: Mapping[str, Any]

    @property
    def comparisons(self) -> pd.DataFrame:
        """Every comparison of two or more methods, one table."""
        bootstrap = self.evidence.assign(test="bootstrap") if len(self.evidence) else self.evidence
        found = [table for table in (bootstrap, self.tests) if len(table)]
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame({"test": pd.Series(dtype=str)})

    def save(self, out: Path) -> None:
        """Write figures.parquet, intervals.parquet, comparisons.parquet, and the rest as comparison.json.

        Raises:
            OutputError: they cannot be written.
        """
        from bdrp.studies import saved_comparison

        named = {"figures": self.metrics, "intervals": self.intervals, "comparisons": self.comparisons}
        for name, table in named.items():
            write_table(table, out / f"{name}.parquet")
        saved_comparison.save_rest(self, out)


@dataclass(frozen=True)
class _SplitResults:
    """What one split says; empty tables where there is nothing to compare."""

    metrics: pd.DataFrame
    intervals: pd.DataFrame = field(default_factory=pd.DataFrame)
    evidence: pd.DataFrame = field(default_factory=pd.DataFrame)
    tests: pd.DataFrame = field(default_factory=pd.DataFrame)
    ranks: tuple[CriticalDifference, ...] = ()
    risk: pd.DataFrame = field(default_factory=pd.DataFrame)


def gather_results(out: Path, runs: Sequence[Run]) -> ComparisonResults:
    """Read the records of a run matrix's runs and compare the methods, split by split.

    Warns:
        BdrpWarning: a record was altered since it was written.
    """
    found = planning.read_finished(out, {run.key: run for run in runs}.values())
    notes: list[str] = []
    splits = list(dict.fromkeys(run.split for run in runs))
    parts = []
    for split in splits:
        mine = [run for run in runs if run.split == split and run.key in found]
        part = _of_split(split, [(run, found[run.key]) for run in mine if not found[run.key].failed], notes)
        parts += [] if part is None else [part]
    joined = {name: _stacked([getattr(part, name) for part in parts]) for name in ("metrics", "intervals", "evidence")}
    return ComparisonResults(
        runs=pd.DataFrame([describe_run(run, found.get(run.key)) for run in runs]),
        **joined,
        tests=_stacked([part.tests for part in parts]),
        ranks=tuple(rank for part in parts for rank in part.ranks),
        risk=_stacked([part.risk for part in parts]),
        notes=tuple(dict.fromkeys(notes)),
        screen=runs[0].where | {"unit": MEASURES[runs[0].screen["measure"]].unit},
    )


def describe_run(run: Run, record: Record | None) -> dict[str, Any]:
    """A row of `ComparisonResults.runs`, from a run and its record if there is one."""
    content = {} if record is None else record.content
    taken, failed = content.get("seconds", {}), record is not None and record.failed
    test = content.get("split", {}).get("parts", {}).get("test", {})
    return {
        **{"method": run.label, "split": run.split, "fold": run.fold, "seed": run.seed},
        "status": "left" if record is None else "failed" if failed else "done",
        "fit_seconds": np.nan if failed else taken.get("fit", np.nan),
        "predict_seconds": taken.get("predict", np.nan),
        "peak_memory_bytes": content.get("peak_memory_bytes") or np.nan,
        "responses": test.get("responses", np.nan),
        "recalibrator": content.get("recalibrator", ""),
        "error": content.get("error", {}).get("message", ""),
        "address": run.key,
    }


def note_on_split(split: str, note: object) -> str:
    """A note about one split."""
    return f"Split by {split.replace('_', ' ')}: {note}"


def _of_split(split: str, done: Sequence[tuple[Run, Record]], notes: list[str]) -> _SplitResults | None:
    """Everything about one split, whose rows alone are held in memory."""
    if not done:
        notes.append(note_on_split(split, "no run has finished."))
        return None
    rows, before, areas = (
        pd.concat(tables, ignore_index=True)
        for tables in zip(*(_pairs(run, record) for run, record in done), strict=True)
    )
    found = [_metrics(rows), _rankings(rows), areas, _metrics(before, "uncalibrated_"), _costs(done)]
    metrics = pd.concat(found, ignore_index=True)
    shared = _shared(split, rows, notes)
    if shared.empty:
        return _SplitResults(metrics)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BdrpWarning)
        values = significance.intervals(shared, SHOWN)
        several = shared["method"].nunique() > 1
        differences = significance.differences(shared, JUDGED) if several else pd.DataFrame()
    notes += [note_on_split(split, each.message) for each in caught if issubclass(each.category, BdrpWarning)]
    if not several:
        return _SplitResults(metrics, values, risk=_risk(split, shared))
    folds, equivalence = _over_folds(split, shared, done[0][0].folds, notes)
    drugs, ranks = _over_drugs(shared)
    equal = equivalence.assign(test="practical_equivalence") if len(equivalence) else equivalence
    tests = _stacked([folds, equal, drugs, _densities(split, shared)])
    return _SplitResults(
        metrics, values, combine_evidence(differences, equivalence), tests, ranks, _risk(split, shared)
    )


def _pairs(run: Run, record: Record) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rows of one run after and before recalibration, and its miscalibration area with what chance makes of it."""
    held_out, place = record.held_out(), {"method": run.label, "split": run.split, "fold": run.fold, "seed": run.seed}
    after, before = (
        significance.pair_rows(pred, held_out.observed).assign(**place)
        for pred in (held_out.predictions, held_out.uncalibrated)
    )
    area = miscalibration_area(held_out.predictions.cdf(held_out.observed["response"].to_numpy()), run.seed)
    areas = pd.DataFrame({"figure": list(area), "value": list(area.values()), "n": len(after)}).assign(**place)
    return after, before, areas


def _metrics(rows: pd.DataFrame, prefix: str = "") -> pd.DataFrame:
    table = significance.tabulate(rows, METRICS, by=PLACE)
    table["figure"] = prefix + table["figure"]
    return table[["method", "split", *PLACE, "figure", "value", "n"]]


def _rankings(rows: pd.DataFrame) -> pd.DataFrame:
    """How well SDs rank errors, overall and within drugs, a run; the areas are among the other metrics."""
    tables = []
    for where, mine in rows.groupby(["method", "split", *PLACE], sort=False):
        found = error_ranking_metrics(
            mine["squared_error"].to_numpy(),
            mine["mean_std"].to_numpy(),
            pd.factorize(mine["drug_id"])[0].astype(np.intp),
        )
        others = {name: value for name, value in found.items() if name not in METRICS}
        table = pd.DataFrame({"figure": list(others), "value": list(others.values()), "n": len(mine)})
        tables.append(table.assign(**dict(zip(["method", "split", *PLACE], where, strict=True))))
    return _stacked(tables)[["method", "split", *PLACE, "figure", "value", "n"]]


def _densities(split: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Expected log predictive densities of the same held-out pairs, and the mixture that predicts them best."""
    ordered = rows.sort_values(["method", *PLACE, "cell_line_id", "drug_id"], kind="stable")
    scores = {str(method): -mine["nll"].to_numpy() for method, mine in ordered.groupby("method")}
    lines = ordered.loc[ordered["method"] == next(iter(scores)), "cell_line_id"]
    return compare_densities(scores, lines).reset_index().assign(test="elpd", split=split)


def _costs(done: Sequence[tuple[Run, Record]]) -> pd.DataFrame:
    """Seconds and memory as metrics."""
    rows = [describe_run(run, record) for run, record in done]
    wide = pd.DataFrame(rows)[["method", "split", *PLACE, *COSTS, "responses"]].rename(columns={"responses": "n"})
    wide["n"] = wide["n"].astype(int)
    return wide.melt(["method", "split", *PLACE, "n"], var_name="figure").dropna(subset="value")


COSTS: Final = ("fit_seconds", "predict_seconds", "peak_memory_bytes")


def _shared(split: str, rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The rows of those folds and seeds that every method finished: methods are compared on the same pairs alone."""
    finished = rows[["method", *PLACE]].drop_duplicates()
    methods = finished["method"].nunique()
    common = finished.groupby(PLACE)["method"].nunique() == methods
    kept = common[common].index
    if len(kept) < len(common):
        compared = f"methods are compared on {len(kept)} of {len(common)} folds and seeds"
        notes.append(note_on_split(split, f"{compared}, those that all {methods} of them finished."))
    return rows[pd.MultiIndex.from_frame(rows[PLACE]).isin(kept)].reset_index(drop=True)


def _over_folds(split: str, rows: pd.DataFrame, folds: int, notes: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The corrected t-test and practical equivalence; a fold tests 1 / folds, however many of them finished."""
    if rows["fold"].nunique() < 2:
        notes.append(note_on_split(split, "only one fold has finished, so nothing is known of other training pairs."))
        return pd.DataFrame(), pd.DataFrame()
    values = significance.tabulate(rows, JUDGED, by=PLACE)
    tested = significance.corrected_t(values, 1 / folds).assign(test="corrected_t")
    return tested, significance.practical_equivalence(values, test_share=1 / folds)


def _over_drugs(rows: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CriticalDifference, ...]]:
    """Signed ranks, Friedman's test and critical differences over drugs."""
    block = ["drug_id"]
    values = significance.tabulate(rows, BY_DRUG, by=block)
    if rows["drug_id"].nunique() < 2:
        return pd.DataFrame(), ()
    tables = [significance.wilcoxon(values, block).assign(test="wilcoxon_over_drugs")]
    ranks: tuple[CriticalDifference, ...] = ()
    if rows["method"].nunique() > 2:
        tables.append(significance.friedman(values, block).assign(test="friedman_over_drugs"))
        ranks = significance.critical_difference(values, block)
        tables += [
            rank.pairs.assign(test="nemenyi_over_drugs", split=rank.split, figure=rank.metric, blocks=rank.blocks)
            for rank in ranks
        ]
    return pd.concat(tables, ignore_index=True), ranks


def _risk(split: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The RMSE of the surest 1, 2, ... 100 % of pairs of each method."""
    return _stacked(list(_curves(split, rows)))


def _curves(split: str, rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for method, mine in rows.groupby("method", sort=False):
        curve = risk_curve(mine["squared_error"].to_numpy(), mine["mean_std"].to_numpy())
        at = np.maximum(np.ceil(RETAINED_SHARES * len(curve) - 1e-9).astype(int), 1) - 1
        yield pd.DataFrame({"split": split, "method": method, "kept": RETAINED_SHARES, "rmse": np.sqrt(curve[at])})


def _stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def is_table(path: Path) -> bool:
    """Whether a file is a table of a comparison, an ablation or a transfer; one of nothing has no columns."""
    columns = set(tables.columns(path))
    return not columns or bool(columns & {"figure", "test", "adaptation", "bin"})


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet, whole or not at all.

    Raises:
        OutputError: it cannot be written, or something else than a table of a study stands in its place.
    """
    outputs.guard({path: is_table})
    with atomic.refusing("The table", path):
        tables.write(table, path, {})
