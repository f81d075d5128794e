from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from types import ModuleType

import psutil
import pytest

from bdrp.engines import Engine, cluster

ON_RAY = Engine("ray")


@pytest.fixture(scope="session")
def two_workers() -> Iterator[ModuleType]:
    """The module `ray`, joined to a cluster of this machine with two processors; gone when the tests are."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'bdrp[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")  # at Ray's own 15, a busy machine hardly lets a worker start
        with cluster.connected(ON_RAY, workers=2) as ray:
            yield ray
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Ray stops its processes, and does not wait for them
        del ray
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
