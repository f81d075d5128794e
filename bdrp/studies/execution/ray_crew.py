"""Runs by the workers of a Ray cluster: a fit is a task, and a task whose worker dies is done again by another.

Workers send back what they found; records are written here, so that no disk has to be shared.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

from bdrp import __version__
from bdrp.data.screen import Screen
from bdrp.engines import Engine, cluster
from bdrp.fitted.held_out import HeldOut
from bdrp.studies.execution import worker
from bdrp.studies.execution.run_matrix import Run
from bdrp.studies.execution.worker import RunEnd

RETRIES: Final = 3
"""How often a run is done again whose worker died; chosen: more than three times, it is the run that kills it."""
DIED: Final = (
    f"The worker died in this run, {RETRIES + 1} times. Seen: no error from Python, so its system ended it, most often "
    "for want of memory. Use fewer --workers, or nodes with more memory."
)


class RayCrew:
    """So many tasks at a time, one processor each, and one GPU where the device is "cuda"; see `Crew`."""

    def __init__(self, engine: Engine, screen: Screen, size: int, device: str) -> None:
        self.engine, self.screen, self.size, self.gpu = engine, screen, size, device.startswith("cuda")
        self.in_hand: set[Any] = set()
        self.leaving = False

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.ray = stack.enter_context(cluster.connected(self.engine, self.size, gpu=self.gpu))
            self.task = self.ray.remote(num_cpus=1, num_gpus=int(self.gpu), max_retries=RETRIES)(fit_on_worker)
            self.sent = self.ray.put(self.screen)  # once for all runs
            self.waiting = stack.enter_context(ThreadPoolExecutor(self.size, "waiting-for-ray"))
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self.leaving = True
        if error[0] is not None:  # Ctrl-C, or a full disk: nobody waits for fits that nobody will record
            self.waiting.shutdown(wait=False, cancel_futures=True)
            for task in tuple(self.in_hand):
                self.ray.cancel(task, force=True)
        self.stack.close()

    def submit(self, run: Run, out: Path, device: str) -> Future[RunEnd]:
        """See `Crew`; a run that kills its workers ends as failed."""
        return self.waiting.submit(self._do, run, out, device)

    def renew(self) -> None:
        """Nothing: Ray starts another worker for one that died."""

    def _do(self, run: Run, out: Path, device: str) -> RunEnd:
        from ray.exceptions import RayError, RayTaskError

        task = self.task.remote(__version__, self.sent, run, device)
        self.in_hand.add(task)
        try:
            found = self.ray.get(task)
        except RayTaskError as error:
            raise error.cause from None
        except RayError:
            if self.leaving:
                raise
            found = {"error": {"kind": "WorkerDied", "message": DIED}, "seconds": {"fit": 0.0}}, None
        finally:
            self.in_hand.discard(task)
        return worker.record(run, out, *found)


def fit_on_worker(asked_by: str, screen: Screen, run: Run, device: str) -> tuple[dict[str, Any], HeldOut | None]:
    """Do a run on a worker, on one thread; its record's content and held-out predictions.

    Raises:
        DataError: the worker's release of bdrp is another one.
    """
    cluster.require_release(asked_by)
    import torch

    torch.set_num_threads(1)
    return worker.fit_run(screen, run, device)
