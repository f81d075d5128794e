"""Fits by a cluster of two workers: the records of the local engine, whatever becomes of a worker."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from pathlib import Path

import pytest

from bdrp.errors import BdrpWarning
from bdrp.fitted import held_out
from bdrp.studies.execution import pool, ray_crew, records
from bdrp.studies.execution.run_matrix import RunMatrix

from .conftest import ON_RAY

pytestmark = pytest.mark.slow
SMALL = {"epochs": 2, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 2}
PATIENCE = 120  # seconds

WAITS = """
import os, time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from bdrp.inference.mean_effects import MeanEffectsFit, MeanEffectsMethod

@dataclass(frozen=True)
class Waits(MeanEffectsMethod):
    name: ClassVar[str] = "waits"
    place: str = ""

    def fit(self, batch, runtime):
        {then}
        return super().fit(batch, runtime)

METHOD = Waits
"""
FIRST_WAITS = """
        told = Path(self.place, "worker")
        if not told.exists():
            Path(self.place, "draft").write_text(str(os.getpid()))
            os.rename(Path(self.place, "draft"), told)
            time.sleep(120)
"""


def compare(screen, matrix, out, **how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        return pool.run_comparison(screen, matrix, out, device="cpu", **how)


def read_results(out: Path) -> dict[str, bytes]:
    """What the runs of a comparison predicted, by run and file."""
    runs = sorted((out / records.RUNS).iterdir())
    return {f"{run.name}/{name}": (run / name).read_bytes() for run in runs for name in held_out.FILES}


def test_fits_on_ray_are_those_of_this_machine_to_the_byte(two_workers, tiny_screen, tmp_path):
    methods = {"mean": "mean_effects", "network": "last_layer", "ensemble": "deep_ensemble"}
    options = {"network": SMALL, "ensemble": SMALL | {"members": 2}}
    matrix = RunMatrix(methods, ["cell_line"], 2, 1, options)
    plan, outcome = compare(tiny_screen, matrix, tmp_path / "ray", workers=2, engine=ON_RAY)
    assert (len(outcome.done), outcome.failed, outcome.left) == (6, [], [])
    compare(tiny_screen, matrix, tmp_path / "local", workers=1)
    found = read_results(tmp_path / "ray")
    assert len(found) == 18 and found == read_results(tmp_path / "local")
    for run in plan.runs:
        told, here = (records.read_record(tmp_path / name, run).content for name in ("ray", "local"))
        assert all(told[key] == here[key] for key in ("config", "split", "recalibrator", "notices"))
    again, nothing = compare(tiny_screen, matrix, tmp_path / "ray", engine=ON_RAY)
    assert again.todo == () and nothing == pool.Outcome()  # what is finished stays finished, on either engine


def test_a_worker_killed_in_a_fit_changes_nothing(two_workers, tiny_screen, tmp_path):
    (tmp_path / "waits.py").write_text(WAITS.format(then=FIRST_WAITS.strip()))
    methods = {"waits": str(tmp_path / "waits.py"), "ridge": "ridge"}
    matrix = RunMatrix(methods, ["pair"], 2, 1, {"waits": {"place": str(tmp_path)}})
    killed: list[int] = []

    def kill() -> None:
        told, until = tmp_path / "worker", time.monotonic() + PATIENCE
        while not told.exists() and time.monotonic() < until:
            time.sleep(0.05)
        killed.append(int(told.read_text()))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    _, outcome = compare(tiny_screen, matrix, tmp_path / "ray", workers=2, engine=ON_RAY)
    killer.join(PATIENCE)
    assert killed and killed[0] != os.getpid()
    assert (len(outcome.done), outcome.failed) == (4, [])
    compare(tiny_screen, matrix, tmp_path / "local", workers=1)
    assert read_results(tmp_path / "ray") == read_results(tmp_path / "local")


def test_a_run_that_kills_its_workers_is_recorded_and_the_others_are_done(
    two_workers, tiny_screen, tmp_path, monkeypatch
):
    monkeypatch.setattr(ray_crew, "RETRIES", 1)
    (tmp_path / "dies.py").write_text(WAITS.replace("Waits", "Dies").replace('"waits"', '"dies"').format(
        then="Path(self.place, str(os.getpid())).touch(); os._exit(9)"
    ))  # fmt: skip
    place = tmp_path / "begun"
    place.mkdir()
    matrix = RunMatrix(
        {"dies": str(tmp_path / "dies.py"), "ridge": "ridge"}, ["pair"], 2, 1, {"dies": {"place": str(place)}}
    )
    _, outcome = compare(tiny_screen, matrix, tmp_path / "out", workers=2, engine=ON_RAY)
    assert [run.label for run in outcome.done] == ["ridge", "ridge"]
    assert [(run.label, error) for run, error in outcome.failed] == [("dies", ray_crew.DIED)] * 2
    assert len(list(place.iterdir())) == 4  # each of two runs was begun twice


def test_ctrl_c_leaves_what_is_finished_and_no_work(two_workers, tiny_screen, tmp_path):
    (tmp_path / "waits.py").write_text(WAITS.format(then=FIRST_WAITS.strip()))
    methods = {"ridge": "ridge", "waits": str(tmp_path / "waits.py")}
    matrix = RunMatrix(methods, ["pair"], 2, 1, {"waits": {"place": str(tmp_path)}})
    told, out = tmp_path / "worker", tmp_path / "out"

    def interrupt() -> None:
        until = time.monotonic() + PATIENCE
        while not (told.exists() and len(list(out.glob("runs/*/record.json"))) == 3) and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            compare(tiny_screen, matrix, out, workers=2, engine=ON_RAY)
        thread.join(PATIENCE)
    finally:
        signal.signal(signal.SIGINT, before)
    left = compare(tiny_screen, matrix, out)[0]
    assert len(left.done) == 3 and [run.label for run in left.todo] == ["waits"]
