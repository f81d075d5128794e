"""Predictions by a cluster of two workers: the file of the local engine, byte for byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest

from bdrp.data.identifiers import structure_key
from bdrp.errors import DataError
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.predict import ask
from bdrp.fitted.question import BYTES_A_DRUG, BYTES_A_PAIR
from bdrp.fitted.stream import GIB, stream
from bdrp.predictive.selection import Selection

from .conftest import ON_RAY, workers_titled

pytestmark = pytest.mark.slow
DRUGS, PATIENCE = 40, 240  # compounds, seconds
ONE_DRUG = (36 * BYTES_A_PAIR + BYTES_A_DRUG + 1) / GIB
ACTOR = "Map(Answerer)"
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from bdrp.cli import main
main()
"""


def list_ethers(many: int) -> pd.DataFrame:
    smiles = [f"{'C' * (1 + at % 20)}O{'C' * (1 + at // 20)}" for at in range(many)]
    return pd.DataFrame({"drug_id": [f"new {at}" for at in range(many)], "smiles": smiles})


@pytest.fixture(scope="module")
def question(trained, tiny_screen):
    library = list_ethers(DRUGS)
    drugs = library.assign(name=library["drug_id"], structure_key=[*map(structure_key, library["smiles"])])
    return ask(TrainedModel.load(trained[1]), drugs=drugs.set_index("drug_id"), expression=tiny_screen.expression)


@pytest.fixture(scope="module")
def local(question, tmp_path_factory):
    """What the local engine writes, in a part a drug."""
    out = tmp_path_factory.mktemp("local") / "p.parquet"
    stream(question, out, memory=ONE_DRUG)
    return out.read_bytes()


def test_a_worker_killed_amid_the_parts_changes_no_byte(two_workers, question, local, tmp_path):
    killed: list[int] = []

    def kill_one(finished: int, parts: int) -> None:
        if finished == 3:
            killed.extend(process.pid for process in workers_titled(ACTOR)[:1])
            os.kill(killed[0], signal.SIGKILL)

    out = tmp_path / "p.parquet"
    written = stream(question, out, memory=ONE_DRUG, engine=ON_RAY, workers=2, report=kill_one)
    assert killed and (written.asked, written.resumed) == (36 * DRUGS, 0)
    assert out.read_bytes() == local
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


def test_parts_of_the_local_engine_are_gone_on_with(two_workers, question, local, tmp_path):
    out, half = tmp_path / "p.parquet", DRUGS // 2

    def stop(finished: int, parts: int) -> None:
        if finished == half:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream(question, out, memory=ONE_DRUG, report=stop)
    assert stream(question, out, memory=ONE_DRUG, engine=ON_RAY, workers=2).resumed == half
    assert out.read_bytes() == local


def test_the_lowest_with_further_quantiles_are_those_of_the_local_engine(two_workers, question, tmp_path):
    chosen = {"memory": 9 * ONE_DRUG, "selection": Selection(top=3, quantiles=(0.01,))}
    stream(question, tmp_path / "here.parquet", **chosen)
    stream(question, tmp_path / "there.parquet", **chosen, engine=ON_RAY, workers=2)
    assert (tmp_path / "here.parquet").read_bytes() == (tmp_path / "there.parquet").read_bytes()


def test_what_a_worker_refuses_is_said_here(two_workers, trained, tiny_screen, tmp_path):
    said = {"name": ["A", "B"], "smiles": ["CCO", "no structure"], "structure_key": ["a", "b"]}
    drugs = pd.DataFrame(said, index=pd.Index(["a", "b"], dtype="str", name="drug_id"))
    asked = ask(TrainedModel.load(trained[1]), drugs=drugs, expression=tiny_screen.expression)
    with pytest.raises(DataError) as here:
        stream(asked, tmp_path / "here.parquet")
    with pytest.raises(DataError) as there:
        stream(asked, tmp_path / "there.parquet", engine=ON_RAY)
    assert str(there.value) == str(here.value)


def test_ctrl_c_stops_the_cluster_and_keeps_the_parts(trained, tiny_screen, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'bdrp[ray]'")
    many = 20 * DRUGS  # they take some seconds
    list_ethers(many).to_csv(tmp_path / "drugs.csv", index=False)
    tiny_screen.expression.to_csv(tmp_path / "expression.csv")
    tables = ["--drugs", tmp_path / "drugs.csv", "--expression", tmp_path / "expression.csv"]
    out, parts = tmp_path / "p.parquet", tmp_path / "p.parquet.parts"
    words = ["predict", trained[1], *tables, "--out", out, "--memory", ONE_DRUG, "--engine", "ray", "--workers", 2]
    running = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"},
        start_new_session=True,  # Ctrl-C reaches every process of a terminal's command, and here its workers too
    )
    until = time.monotonic() + PATIENCE
    while not list(parts.glob("part-*.parquet")) and running.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    if running.poll() is not None:
        said = running.communicate()[0].decode()
        if "cannot be started" in said:
            pytest.skip("Ray did not start within the 30 seconds that it gives itself: the machine is too busy")
        raise AssertionError(said)
    workers = psutil.Process(running.pid).children(recursive=True)
    os.killpg(running.pid, signal.SIGINT)
    said = running.communicate(timeout=PATIENCE)[0].decode()
    assert running.returncode == 130, said
    finished = len(list(parts.glob("part-*.parquet")))
    assert 1 <= finished < many and not out.exists() and len(workers) > 2
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    assert "Traceback" not in said
