"""A cluster that runs already, of two nodes: joined by its address, and one of its nodes killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import psutil
import pytest

from .test_predictions_on_ray import ACTOR, ONE_DRUG, list_ethers

pytestmark = pytest.mark.slow
DRUGS, PATIENCE = 200, 240  # compounds, in a part each; seconds
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0", "RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture
def two_nodes(monkeypatch) -> Iterator[SimpleNamespace]:
    """The `address` of a cluster's head, and the raylets of `head` and `second`, each with one processor."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'bdrp[ray]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Ray warns of its own settings
        from ray.cluster_utils import Cluster
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    cluster = Cluster(shutdown_at_exit=False)
    started: list[psutil.Process] = []
    try:
        raylets = []
        for _ in range(2):
            node = cluster.add_node(num_cpus=1, include_dashboard=False)
            pids = {name: infos[0].process.pid for name, infos in node.all_processes.items()}
            started += map(psutil.Process, pids.values())
            raylets.append(psutil.Process(pids["raylet"]))
        yield SimpleNamespace(address=cluster.address, head=raylets[0], second=raylets[1])
    finally:
        for process in [child for raylet in started for child in family(raylet)]:
            with suppress(psutil.Error):
                process.kill()
        with warnings.catch_warnings(), suppress(Exception):
            warnings.simplefilter("ignore")
            cluster.shutdown()


def family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:  # it has ended
        return []


def actor_of(raylet: psutil.Process) -> psutil.Process | None:
    """The worker of this node that answers parts, once there is one."""
    for process in family(raylet)[1:]:
        with suppress(psutil.Error):
            if ACTOR in " ".join(process.cmdline()):
                return process
    return None


@pytest.fixture
def predict(trained, tiny_screen, tmp_path):
    """Start `bdrp predict` of the same compounds into a file, with further words."""
    list_ethers(DRUGS).to_csv(tmp_path / "drugs.csv", index=False)
    tiny_screen.expression.to_csv(tmp_path / "expression.csv")
    tables = ["--drugs", tmp_path / "drugs.csv", "--expression", tmp_path / "expression.csv", "--memory", ONE_DRUG]

    @contextmanager
    def start(out: Path, *words: str | int) -> Iterator[subprocess.Popen[str]]:
        with ExitStack() as stack:
            running = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "bdrp", "predict", *map(str, [trained[1], *tables, "--out", out, *words])],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    env=os.environ | ENVIRONMENT,
                )
            )
            stack.callback(running.kill)
            yield running

    return start


def wait_until(holds: Callable[[], object], running: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert running.poll() is None, running.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_node_killed_amid_the_parts_changes_no_byte(two_nodes, predict, tmp_path):
    with predict(tmp_path / "local.parquet") as running:
        said = running.communicate(timeout=PATIENCE)[0]
    assert running.returncode == 0, said

    out, parts = tmp_path / "ray.parquet", tmp_path / "ray.parquet.parts"
    with predict(out, "--engine", "ray", "--address", two_nodes.address, "--workers", 2) as running:
        wait_until(lambda: actor_of(two_nodes.head), running)
        here = actor_of(two_nodes.head)
        assert here is not None
        here.send_signal(signal.SIGSTOP)  # so that the second node has to work
        begun = len(list(parts.glob("part-*.parquet"))) + 2  # what was under way is finished
        wait_until(lambda: len(list(parts.glob("part-*.parquet"))) > begun, running)
        there = family(two_nodes.second)
        os.kill(two_nodes.second.pid, signal.SIGKILL)
        here.send_signal(signal.SIGCONT)
        finished = len(list(parts.glob("part-*.parquet")))
        said = running.communicate(timeout=PATIENCE)[0]
    assert running.returncode == 0, said
    assert begun < finished < DRUGS
    assert out.read_bytes() == (tmp_path / "local.parquet").read_bytes()
    assert psutil.wait_procs(there, timeout=30)[1] == []  # the node is gone, and its workers with it
    assert two_nodes.head.is_running()  # a cluster that was joined is left as it was


@pytest.mark.parametrize(("answer", "said"), [(None, "refused"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not Ray")])
def test_an_address_where_no_ray_answers_is_refused_at_once(predict, tmp_path, answer, said):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'bdrp[ray]'")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        if answer is None:
            server.close()
        else:
            Thread(target=answer_once, args=(server, answer), daemon=True).start()
        with predict(tmp_path / "p.parquet", "--engine", "ray", "--address", address) as running:
            told = " ".join(running.communicate(timeout=60)[0].split())
    assert running.returncode == 2, told
    assert f"The Ray cluster {address} cannot be joined:" in told and said in told
    assert "Traceback" not in told and not (tmp_path / "p.parquet").exists()


def answer_once(server: socket.socket, answer: bytes) -> None:
    with suppress(OSError), server.accept()[0] as asked:
        asked.recv(64)
        asked.sendall(answer)
