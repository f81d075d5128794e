"""`bdrp predict` of a library: killed and gone on with, cut to what is looked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from bdrp.cli import predict
from bdrp.fitted.question import BYTES_A_DRUG, BYTES_A_PAIR
from bdrp.fitted.stream import GIB, MEMORY

DRUGS = 60
ONE_DRUG = str((36 * BYTES_A_PAIR + BYTES_A_DRUG + 1) / GIB)


@pytest.fixture(scope="module")
def library(trained, tiny_screen, tmp_path_factory):
    """A model folder and tables of 60 new compounds and 36 lines."""
    place = tmp_path_factory.mktemp("library")
    smiles = [f"{'C' * (1 + at % 10)}O{'C' * (1 + at // 10)}" for at in range(DRUGS)]
    table = pd.DataFrame({"drug_id": [f"new {at}" for at in range(DRUGS)], "smiles": smiles})
    table.to_csv(place / "drugs.csv", index=False)
    tiny_screen.expression.to_csv(place / "expression.csv")
    return ["predict", trained[1], "--drugs", place / "drugs.csv", "--expression", place / "expression.csv"]


def test_a_run_that_is_killed_goes_on_to_the_same_bytes(bdrp, library, tmp_path):
    asked, out = [*map(str, library), "--memory", ONE_DRUG], tmp_path / "p.parquet"
    parts = tmp_path / "p.parquet.parts"
    with subprocess.Popen(
        [sys.executable, "-m", "bdrp", *asked, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as running:
        while len(list(parts.glob("part-*.parquet"))) < 3 and running.poll() is None:
            time.sleep(0.001)
        running.send_signal(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
    finished = len(json.loads((parts / "parts.json").read_text())["finished"])  # the last may lie there unnoted
    assert 2 <= finished < DRUGS and not out.exists()
    ran = bdrp(*asked, "--out", out)
    assert ran.exit_code == 0 and f"an earlier run had finished {finished} parts" in ran.stderr
    assert bdrp(*asked, "--out", tmp_path / "whole.parquet").exit_code == 0
    assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.parquet", "whole.parquet"]


def test_the_best_of_a_library_are_kept_with_further_quantiles(bdrp, library, tmp_path):
    ran = bdrp(*library, "--out", tmp_path / "p.parquet", "--top", 2, "--quantiles", "0.01,0.995")
    assert ran.exit_code == 0 and "(72 of 2,160 pairs)" in ran.stdout
    found = pd.read_parquet(tmp_path / "p.parquet")
    assert (found.groupby("cell_line_id").size() == 2).all() and list(found.columns[-2:]) == ["q01", "q99.5"]
    ran = bdrp(*library, "--out", tmp_path / "p.parquet", "--top", 3, "--per", "drug", "--memory", ONE_DRUG)
    assert ran.exit_code == 0 and "(180 of 2,160 pairs)" in ran.stdout


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--per", "tissue"), "Allowed: line or drug"),
        (("--quantiles", "high"), "--quantiles 'high' is no list of numbers"),
        (("--quantiles", "1.5"), "Quantiles need probabilities"),
        (("--memory", "1000000"), "GiB that are free"),
    ],
)
def test_flags_that_cannot_be_are_refused(bdrp, library, tmp_path, flags, said):
    ran = bdrp(*library, "--out", tmp_path / "p.parquet", *flags)
    assert ran.exit_code == 2 and said in ran.stderr and not list(tmp_path.iterdir())


def test_help_and_python_mean_the_same_memory():
    assert predict.MEMORY == MEMORY
