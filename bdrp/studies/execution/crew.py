"""Who does runs: so many at a time, each with an end that can be waited for."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, Self

from bdrp.data.screen import Screen
from bdrp.engines import LOCAL, Engine
from bdrp.studies.execution import worker
from bdrp.studies.execution.run_matrix import Run
from bdrp.studies.execution.worker import RunEnd

THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Crew(Protocol):
    """Workers for a screen's runs; gone when the block ends, whatever they were doing.

    Attributes:
        size: how many runs they do at a time.
    """

    size: int

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def submit(self, run: Run, out: Path, device: str) -> Future[RunEnd]:
        """Do a run and record it below `out`; a BrokenProcessPool where nobody knows which run is to blame."""

    def renew(self) -> None:
        """Be ready again after a BrokenProcessPool."""


def hire(engine: Engine, screen: Screen, size: int, device: str) -> Crew:
    """The crew of an engine.

    Raises:
        DataError: there is none; see `bdrp.engines.cluster.connected`.
    """
    if engine == LOCAL:
        return ProcessCrew(screen, size)
    from bdrp.studies.execution.ray_crew import RayCrew

    return RayCrew(engine, screen, size, device)


class ProcessCrew:
    """Processes of this machine, one thread each."""

    def __init__(self, screen: Screen, size: int) -> None:
        self.screen, self.size = screen, size

    def __enter__(self) -> Self:
        self.others = set(multiprocessing.active_children())
        self.pool = self._pool()
        return self

    def __exit__(self, *error: object) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)
        ours = set(multiprocessing.active_children()) - self.others
        if error[0] is not None:  # Ctrl-C, or a full disk: nobody waits for fits that nobody will record
            for process in ours:
                process.terminate()
        for process in ours:
            process.join()

    def submit(self, run: Run, out: Path, device: str) -> Future[RunEnd]:
        """See `Crew`."""
        return self.pool.submit(worker.run_in_process, run, out, device)

    def renew(self) -> None:
        """See `Crew`."""
        self.pool.shutdown(wait=True, cancel_futures=True)
        self.pool = self._pool()

    def _pool(self) -> ProcessPoolExecutor:
        fresh = multiprocessing.get_context("spawn")  # torch and its threads do not survive a fork
        return ProcessPoolExecutor(self.size, fresh, worker.prepare_process, (self.screen,))


@contextmanager
def one_thread_each() -> Iterator[None]:
    """What processes that are started in the block read before they load numpy."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
