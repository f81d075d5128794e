from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from types import ModuleType

import psutil
import pytest

from bdrp.engines import Engine, cluster
from bdrp.errors import DataError

ON_RAY = Engine("ray")


@pytest.fixture(scope="session")
def two_workers() -> Iterator[ModuleType]:
    """The module `ray`, joined to a cluster of this machine with two processors; gone when the tests are."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'bdrp[ray]'")
    with ExitStack() as stack:
        stack.callback(_collect)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("RAY_worker_niceness", "0")  # at Ray's own 15, a busy machine hardly lets a worker start
        try:
            ray = stack.enter_context(cluster.connected(ON_RAY, workers=2))
        except DataError:  # Ray gives its processes 30 seconds, which are few where many tests run
            ray = stack.enter_context(cluster.connected(ON_RAY, workers=2))
        yield ray


def _collect() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Ray stops its processes, and does not wait for them
        gc.collect()


def workers_titled(title: str) -> list[psutil.Process]:
    """The processes of this cluster that do such work: Ray names a worker by what it does."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if title in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            pass  # it has ended
    return found
