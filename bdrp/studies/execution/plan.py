"""What a comparison has yet to do, and how long that will take."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from bdrp.data.screen import Screen
from bdrp.errors import BdrpWarning, DataError, ModelFolderError, OutputError
from bdrp.studies.execution import records
from bdrp.studies.execution.records import Record
from bdrp.studies.execution.run_matrix import Run, RunMatrix
from bdrp.studies.folder import check_own

# Chosen: what the default network takes on one core of 2024; a run that has ended corrects the estimate of its method.
SECONDS_A_RUN, SECONDS_A_FIT, SECONDS_A_RESPONSE = 2.0, 3.0, 0.001
"""Of reading and predicting, whatever is fitted; of the network's two fits, fixed and by response."""
BESIDE_NETWORK: Final = {
    "boosting": 1.6,
    "conformal_forest": 1.8,
    "deep_ensemble": 2.6,
    "deterministic": 0.7,
    "factor_analysis": 0.15,
    "gaussian_process": 0.25,
    "mc_dropout": 0.9,
    "mean_effects": 0.02,
    "random_forest": 2.0,
    "ridge": 0.3,
    "variational": 1.2,
}
"""Seconds of a method's fits as a multiple of last_layer's, on GDSC2 with lines held out (docs/benchmarks.md)."""


@dataclass
class Estimates:
    """How long runs take: the median of those that ended, of the same method and split if any; else a rule.

    Attributes:
        responses: how many the screen holds.
        seen: seconds by method with options, and by these and the split.
    """

    responses: int
    seen: dict[tuple[str, ...], list[float]] = field(default_factory=lambda: defaultdict(list))

    def learn(self, run: Run, seconds: float) -> None:
        """Take a finished run into account."""
        for key in self._keys(run):
            self.seen[key].append(seconds)

    def __call__(self, run: Run) -> float:
        """Seconds that a run will take."""
        known = next((self.seen[key] for key in self._keys(run) if key in self.seen), None)
        return median(known) if known else self._by_rule(run.method)

    def _by_rule(self, method: str) -> float:
        network = SECONDS_A_FIT + SECONDS_A_RESPONSE * self.responses
        return SECONDS_A_RUN + BESIDE_NETWORK.get(method, 1.0) * network

    def _keys(self, run: Run) -> tuple[tuple[str, ...], ...]:
        method = (run.method, repr(sorted(run.options.items())))
        return (*method, run.split), method


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        out: the folder of the comparison.
        runs: all runs of the run matrix, under every label.
        done: records of finished runs, by key.
        failed: how many of `todo` failed before and are tried again.
        estimates: how long runs take.
    """

    out: Path
    runs: tuple[Run, ...]
    done: Mapping[str, Record]
    failed: int
    estimates: Estimates

    @property
    def todo(self) -> tuple[Run, ...]:
        """The runs without a finished record, each key once, in order."""
        fresh = {run.key: run for run in reversed(self.runs) if run.key not in self.done}
        return tuple(run for run in self.runs if fresh.get(run.key) is run)

    def seconds(self, workers: int) -> float:
        """How long the rest will take: its sum over the workers, and no less than its longest run."""
        each = [self.estimates(run) for run in self.todo]
        return max(sum(each) / workers, max(each, default=0.0))

    def describe(self, workers: int) -> str:
        """The plan in a sentence or two."""
        all_runs = len({run.key for run in self.runs})
        again = f" ({self.failed} failed before and will be tried again)" if self.failed else ""
        source = "finished runs" if self.estimates.seen else "a rule by method"
        text = f"{all_runs} fits in all, {all_runs - len(self.todo)} already done, {len(self.todo)} to do{again}."
        if not self.todo:
            return text
        many = "1 worker" if workers == 1 else f"{workers} workers"
        return f"{text} Estimated time with {many}: {format_duration(self.seconds(workers))} (from {source})."


def check_workers_and_budget(workers: int, budget: float | None) -> None:
    """Refuse fewer than one worker, and a budget of seconds that is not positive.

    Raises:
        DataError: what was given, and what is allowed.
    """
    if workers < 1:
        raise DataError(f"A comparison cannot be made by {workers} workers. Allowed: one or more. Change --workers.")
    if budget is not None and not budget > 0:  # no number is not positive either
        raise DataError(
            f"A comparison cannot be made in {budget:g} seconds. Allowed: a positive budget, or none. Change --budget."
        )


def make_plan(screen: Screen, matrix: RunMatrix, out: Path | str) -> Plan:
    """Compare a run matrix with what lies in `out`.

    Raises:
        DataError, FitError: see `RunMatrix`.
        OutputError: `out` is a file, or holds something else than a comparison, as may the record of a run.

    Warns:
        BdrpWarning: a record was altered; its run is done again.
    """
    out = Path(out)
    _check_place(out)
    runs, estimates = matrix.runs(screen), Estimates(len(screen.responses))
    done, failed = {}, 0
    for run in {run.key: run for run in runs}.values():
        found = _read(out, run)
        if found is not None and not found.failed:
            done[run.key] = found
            estimates.learn(run, found.seconds)
        failed += found is not None and found.failed
    return Plan(out, runs, done, failed, estimates)


def read_finished(out: Path, runs: Iterable[Run]) -> dict[str, Record]:
    """The records of those runs that ended, failed ones too, by key.

    Warns:
        BdrpWarning: a record was altered.
    """
    found = {run.key: _read(out, run) for run in runs}
    return {key: record for key, record in found.items() if record is not None}


def format_duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> [format_duration(seconds) for seconds in (4.2, 61, 7260)]
    ['4 s', '1 min 1 s', '2 h 1 min']
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _read(out: Path, run: Run) -> Record | None:
    try:
        return records.read_record(out, run)
    except ModelFolderError as error:
        records.check_place(out, run)
        warnings.warn(f"A record is not used, and its run is done again: {error}", BdrpWarning, stacklevel=4)
        return None


def _check_place(out: Path) -> None:
    check_own(out, "comparison", records.RUNS)
    others = records.list_foreign_files(out / records.RUNS) if (out / records.RUNS).is_dir() else []
    if others:
        raise OutputError(
            f"The folder {out / records.RUNS} holds {', '.join(others[:5])}, which is no record of a comparison. A "
            "comparison needs a folder of its own. Choose another --out."
        )
