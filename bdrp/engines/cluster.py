"""A Ray cluster: one that runs somewhere, or one of this machine for as long as the work lasts.

Ray is the extra `bdrp[ray]` and is imported here and below `connected` alone. Nothing is asked of a shared disk: what
workers need and what they find travels through the cluster, and whoever asked writes the results.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, Final

import psutil

import bdrp
from bdrp.engines import Engine
from bdrp.errors import DataError

PATIENCE: Final = 5.0
"""Seconds that a worker has to end by itself; chosen."""
ANSWER: Final = 10.0
"""Seconds that a head node has to answer; chosen."""
SETTINGS: Final = b"\0\0\0\4\0\0\0\0\0"
"""An empty frame of settings, with which both sides of HTTP/2 begin; its fourth byte says what it is (RFC 9113)."""
GREETING: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS
QUIET: Final = {"log_to_driver": False, "logging_level": logging.ERROR}


def load_ray() -> ModuleType:
    """The module `ray`.

    Raises:
        DataError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    try:
        import ray
    except ImportError as error:
        raise DataError(
            "The engine ray needs the package ray, which is not installed. Install it with pip install 'bdrp[ray]', or "
            "leave --engine out to work on this machine."
        ) from error
    return ray


@contextmanager
def connected(engine: Engine, workers: int, *, gpu: bool = False) -> Iterator[ModuleType]:
    """The module `ray`, connected to the engine's cluster until the block ends.

    A connection that the process had before is used, and left as it was.

    Args:
        engine: with the cluster's address.
        workers: one processor each of a cluster that is started here.
        gpu: each worker needs one.

    Raises:
        DataError: Ray is not installed, there is no such cluster, or it has no processor or GPU.
    """
    ray = load_ray()
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, engine, workers)
    try:
        _require(ray, "GPU" if gpu else "CPU")
        yield ray
    finally:
        if ours:
            _leave(ray)


def require_release(asked_by: str) -> None:
    """Refuse to work, on a worker, for another release of bdrp than this one.

    Raises:
        DataError: they differ.
    """
    if asked_by != bdrp.__version__:
        raise DataError(
            f"A worker of the cluster has bdrp {bdrp.__version__}, and it is bdrp {asked_by} that asks. Results may "
            "differ between releases, so both must be the same. Install the same release on every node."
        )


def _connect(ray: ModuleType, engine: Engine, workers: int) -> None:
    if engine.address is None:
        _start(ray, workers)
        return
    try:
        if engine.address != "auto":
            _require_answer(engine.address)
        ray.init(address=engine.address, **QUIET)
    except (RuntimeError, ValueError, OSError) as error:
        raise DataError(
            f"The Ray cluster {engine.address} cannot be joined: {_first_line(error)}. Allowed: HOST:PORT of a head "
            "node that runs, with the same releases of Python and Ray; or auto on one of its nodes. Start one with "
            "`ray start --head`, or leave --address out for a cluster of this machine."
        ) from error


def _require_answer(address: str) -> None:
    """Refuse an address where no Ray answers, for which Ray itself would wait without end and deaf to Ctrl-C.

    Raises:
        OSError: nothing answers, or what answers does not speak HTTP/2, as Ray does.
    """
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER) as head:
        if os.environ.get("RAY_USE_TLS", "0") != "0":
            return  # what it says is encrypted
        head.sendall(GREETING)
        if head.recv(4, socket.MSG_WAITALL)[3:] != SETTINGS[3:4]:
            raise ConnectionError("what answers there is not Ray")


def _start(ray: ModuleType, workers: int) -> None:
    try:
        ray.init(address="local", num_cpus=workers, include_dashboard=False, **QUIET)
    except Exception as error:  # Ray raises that very class where its processes are not up after 30 seconds
        ray.shutdown()
        raise DataError(
            f"A Ray cluster cannot be started on this machine: {_first_line(error)}. Its processes need to be up "
            "within 30 seconds. Try again when the machine is less busy, give the --address of a cluster that runs, or "
            "leave --engine out."
        ) from error


def _leave(ray: ModuleType) -> None:
    """End the connection and, with a cluster of this process, its workers: one that hangs outlives Ray's own end."""
    workers = []
    with suppress(psutil.Error):  # it has ended
        nodes = [child for child in psutil.Process().children() if child.name() == "raylet"]
        workers = [worker for node in nodes for worker in node.children(recursive=True)]
    ray.shutdown()
    for worker in psutil.wait_procs(workers, timeout=PATIENCE)[1]:
        with suppress(psutil.Error):
            worker.kill()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


def _require(ray: ModuleType, what: str) -> None:
    held: dict[str, Any] = ray.cluster_resources()
    if not held.get(what):
        raise DataError(
            f"The Ray cluster has no {what}, which each worker needs. It has "
            f"{', '.join(f'{count:g} {name}' for name, count in held.items() if name in ('CPU', 'GPU')) or 'neither'}. "
            "Add a node that has one, or choose another --device."
        )
