"""Many fits over workers: what is finished stays finished, and one that fails stops no other."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bdrp.data.screen import Screen
from bdrp.engines import LOCAL, Engine
from bdrp.files import sealed_folder
from bdrp.progress import Advance, show_bar
from bdrp.studies.execution import plan as planning
from bdrp.studies.execution import records
from bdrp.studies.execution.crew import Crew, hire, one_thread_each
from bdrp.studies.execution.plan import Plan
from bdrp.studies.execution.run_matrix import Run, RunMatrix
from bdrp.studies.execution.worker import RunEnd

DIED: Final = (
    "The worker process died in this run. Seen: no error from Python, so the system ended it, most often for want of "
    "memory. Use fewer --workers, or a machine with more memory."
)


@dataclass
class Outcome:
    """What came of a plan's runs: those that ended well, the errors of those that failed, those left for another time.

    Attributes:
        done: runs that ended well.
        failed: runs and their errors.
        left: runs that were not started, for the budget would not have held them.
    """

    done: list[Run] = field(default_factory=list)
    failed: list[tuple[Run, str]] = field(default_factory=list)
    left: list[Run] = field(default_factory=list)


def run_comparison(
    screen: Screen,
    matrix: RunMatrix,
    out: Path | str,
    *,
    workers: int = 1,
    budget: float | None = None,
    device: str = "auto",
    progress: bool = False,
    engine: Engine = LOCAL,
) -> tuple[Plan, Outcome]:
    """Do what is yet to be done of a run matrix; see `execute_plan`.

    Raises:
        BdrpError: see `bdrp.studies.execution.plan.make_plan` and `execute_plan`.
    """
    plan = planning.make_plan(screen, matrix, out)
    return plan, execute_plan(
        plan, screen, workers=workers, budget=budget, device=device, progress=progress, engine=engine
    )


def execute_plan(
    plan: Plan,
    screen: Screen,
    *,
    workers: int = 1,
    budget: float | None = None,
    device: str = "auto",
    progress: bool = False,
    engine: Engine = LOCAL,
) -> Outcome:
    """Fit what is to be done, `workers` at a time, each on one thread.

    Args:
        plan: from `bdrp.studies.execution.plan.make_plan`.
        screen: the plan's.
        workers: how many at a time.
        budget: seconds; a run is not started if it is expected to end later, and no other is then.
        device: "auto", "cpu" or "cuda".
        progress: show a progress bar.
        engine: whose workers they are.

    Raises:
        DataError: fewer than one worker, a budget that is not positive, or an engine that is not there.
        OutputError: the folder, or a record in it, cannot be written.
        KeyboardInterrupt: Ctrl-C; finished runs are kept.
    """
    planning.check_workers_and_budget(workers, budget)
    todo = deque(plan.todo)
    if not todo:
        return Outcome()
    sealed_folder.reserve(plan.out / records.RUNS)  # also what marks it as a comparison, should no fit start
    with (
        one_thread_each(),
        hire(engine, screen, min(workers, len(todo)), device) as crew,
        show_bar("compare", len(todo), shown=progress) as advance,
    ):
        return _Shift(plan, crew, advance, budget, device, todo).work()


class _Shift:
    """One pass over the runs to do."""

    def __init__(
        self, plan: Plan, crew: Crew, advance: Advance, budget: float | None, device: str, todo: deque[Run]
    ) -> None:
        self.plan, self.crew, self.advance, self.device = plan, crew, advance, device
        self.todo = todo
        self.alone: deque[Run] = deque()  # runs in hand when a process died: one of them is to blame, so each by itself
        self.running: dict[Future[RunEnd], Run] = {}
        self.outcome = Outcome()
        self.end = None if budget is None else time.monotonic() + budget

    def work(self) -> Outcome:
        while True:
            self._start()
            if not self.running:
                return self.outcome
            for future in wait(self.running, return_when=FIRST_COMPLETED).done:
                if isinstance(future.exception(), BrokenProcessPool):
                    self._bury()
                    break
                self._note(self.running.pop(future), future.result())

    def _start(self) -> None:
        while self._may_start():
            queue = self.alone or self.todo
            if self.end is not None and time.monotonic() + self.plan.estimates(queue[0]) > self.end:
                self.outcome.left += [*self.alone, *self.todo]
                self.alone.clear()
                self.todo.clear()
                return
            run = queue.popleft()
            self.running[self.crew.submit(run, self.plan.out, self.device)] = run

    def _may_start(self) -> bool:
        if self.alone:
            return not self.running
        return bool(self.todo) and len(self.running) < self.crew.size

    def _note(self, run: Run, ended: RunEnd) -> None:
        if ended.error:
            self.outcome.failed.append((run, ended.error))
        else:
            self.outcome.done.append(run)
            self.plan.estimates.learn(run, ended.seconds)
        failed = len(self.outcome.failed)
        last = "failed" if ended.error else planning.format_duration(ended.seconds)
        counted = f", {failed} failed" if failed else ""
        self.advance(len(self.outcome.done) + failed, note=f"{run}: {last}{counted}")

    def _bury(self) -> None:
        """A process died: a run that was alone is to blame; several are tried again one by one."""
        runs = list(self.running.values())
        self.running.clear()
        self.crew.renew()
        if len(runs) > 1:
            self.alone.extend(runs)
            return
        content = {"error": {"kind": "BrokenProcessPool", "message": DIED}, "seconds": {"fit": 0.0}}
        records.write_record(self.plan.out, runs[0], content, None)
        self._note(runs[0], RunEnd(0.0, DIED))
