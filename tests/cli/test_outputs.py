"""No command writes over what it reads, into a model, or over what is not its own; all files stay as they were."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import bdrp
from bdrp.cli.app import app
from bdrp.predictive import load

TABLES = "--drugs drugs.csv --expression expression.csv"
FIT = f"fit --screen tables --responses responses.csv {TABLES} --method mean_effects --recalibration identity"


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_screen, tiny_split):
    """Tables of a small screen, a model of it, its predictions, and files of a user."""
    place = tmp_path_factory.mktemp("made")
    tiny_screen.responses.rename(columns={"response": "ln_ic50_um"}).to_csv(place / "responses.csv", index=False)
    tiny_screen.drugs.to_csv(place / "drugs.csv")
    tiny_screen.expression.to_csv(place / "expression.csv")
    tiny_split.save(place / "parts.csv")
    model = bdrp.fit(tiny_screen, tiny_split, method="mean_effects", recalibration="identity", out=place / "model")
    bdrp.predict(model, screen=tiny_screen).save(place / "p.parquet")
    (place / "app").mkdir()
    (place / "app" / "manifest.json").write_text('{"name": "my web app"}')
    (place / "app" / "thesis.txt").write_text("thesis")
    shutil.copytree(place / "model", place / "noted")
    (place / "noted" / "notes.txt").write_text("mine")
    (place / "mine").mkdir()
    for name in ("report.html", "scores.json", "queue.csv", "predictions.parquet", "figures.parquet", "posterior.nc"):
        (place / "mine" / name).write_text("mine")
    return place


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """A copy of it all, as the working folder."""
    shutil.copytree(made, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def command(line: str):
    """Run the command; whatever is no refusal is raised as it is."""
    ran = CliRunner().invoke(app, line.split(), env={"COLUMNS": "200"})
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran


def contents(place: Path) -> dict[str, str]:
    files = [path for path in sorted(place.rglob("*")) if path.is_file()]
    return {str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


REFUSED = {
    f"triage {TRIED}": "p.parquet .an input"
    for TRIED in (
        "p.parquet --out p.csv",
        "p.parquet --out p",
        "p.parquet --out p.parquet",
        "p.parquet --out ./model/../p.jsonl",
        "soft.parquet --out p.csv",
        "hard.parquet --out p.csv",
    )
} | {
    "triage p.parquet --out model/queue.csv": "within the model folder model|within the model folder .*/model",
    "triage p.parquet --out mine/queue.csv": "mine/queue.csv .there is something else",
    "triage p.parquet --out drugs.csv": "drugs.csv .there is something else",
    f"predict model {TABLES} --out drugs.csv": "drugs.csv .an input",
    f"predict model {TABLES} --out ./expression.csv": "expression.csv .an input",
    f"predict model {TABLES} --pairs pairs.csv --out pairs.csv": "pairs.csv .an input",
    f"predict model {TABLES} --out responses.csv": "responses.csv .there is something else",
    f"predict model {TABLES} --out model/predictions.parquet": "within model, an input",
    f"predict model {TABLES} --out model/weights.safetensors": "cannot be written as '.safetensors'",
    f"predict model {TABLES} --out noted/predictions.parquet": "within the model folder",
    f"predict model {TABLES} --out mine/predictions.parquet": "there is something else",
    f"predict model {TABLES} --out p.txt": "cannot be written as '.txt'.*Allowed are .parquet, .csv, .xlsx",
    f"predict model {TABLES} --out p": "cannot be written without a suffix",
    f"predict model {TABLES} --out app": "a folder stands there",
    "evaluate model --out model": "within model, an input",
    "evaluate model --out model/report": "within model, an input",
    "evaluate model --out noted": "report.html, noted/scores.json .within the model folder",
    "evaluate model --out mine": "mine/report.html, mine/scores.json .there is something else",
    f"{FIT} --out app --overwrite": "holds no bdrp model.*manifest.json, thesis.txt",
    f"{FIT} --out noted --overwrite": "beside the model lie notes.txt",
    f"{FIT} --out model/inner --overwrite": "lies in the model folder",
    f"{FIT} --out mine --overwrite": "holds no bdrp model",
    f"{FIT} --out drugs.csv --overwrite": "is an input of the same command and would be lost",
    f"{FIT} --split-file model/held_out.parquet --out model --overwrite": "held_out.parquet is an input",
    f"{FIT} --out soft --overwrite": "is a file or a link",
    "demo --out mine --overwrite": "mine/report.html, mine/scores.json .there is something else",
    "demo --out model --overwrite": "lies in the model folder|within the model folder",
    "compare --methods mean_effects --out mine --splits pair": "figures.parquet .there is something else",
    "compare --methods mean_effects --out model/c --splits pair": "within the model folder",
    "ablate --out model/c --splits pair": "within the model folder",
    "transfer --train simulated --test other=simulated --model model --out model/t": "within model, an input",
}


@pytest.mark.parametrize("line", REFUSED)
def test_nothing_of_the_users_is_lost(here, line):
    (here / "pairs.csv").write_text("cell_line_id,drug_id\nSIM0001,D001\n")
    (here / "soft.parquet").symlink_to("p.parquet")
    (here / "hard.parquet").hardlink_to(here / "p.parquet")
    (here / "soft").symlink_to("model")
    before = contents(here)
    ran = command(line)
    assert ran.exit_code == 2, ran.output
    assert re.search(REFUSED[line], ran.stderr.replace("\n", " ")), ran.stderr
    assert contents(here) == before


def test_what_is_refused_is_refused_before_any_work(here, monkeypatch):
    def never(*_, **__):
        raise AssertionError("work was done")

    monkeypatch.setattr("bdrp.fitted.model.TrainedModel.load", never)
    monkeypatch.setattr("bdrp.data.sources.load", never)
    monkeypatch.setattr("bdrp.triage.read_predictions", never)
    for line in (
        f"predict model {TABLES} --out p.txt",
        f"predict model {TABLES} --out drugs.csv",
        "triage p.parquet --out p.csv",
        "evaluate model --out mine",
        "evaluate model --out mine --posterior --screen simulated",
        f"{FIT} --split-file model/held_out.parquet --out model --overwrite",
    ):
        assert command(line).exit_code == 2


def test_earlier_results_are_replaced(here):
    for line in (
        f"predict model {TABLES} --out new.parquet",
        f"predict model {TABLES} --out new.csv",
        f"predict model {TABLES} --out new.xlsx",
        "triage p.parquet --out queue.csv",
        "evaluate model --out report",
        f"{FIT} --out model --overwrite",
    ):
        for _ in range(2):
            ran = command(line)
            assert ran.exit_code == 0, ran.output


def test_the_suffix_decides_what_predict_writes(here):
    for suffix in ("parquet", "csv", "xlsx"):
        assert command(f"predict model {TABLES} --out new.{suffix}").exit_code == 0
    frame = load("new.parquet").to_frame()
    for read in (pd.read_csv("new.csv"), pd.read_excel("new.xlsx")):
        pd.testing.assert_frame_equal(read[list(frame)], frame, check_dtype=False, rtol=1e-12)
    for name in ("new.csv", "new.xlsx"):
        ran = command(f"triage {name} --out queue.csv")
        assert ran.exit_code == 2
        assert "a copy to look at" in ran.stderr.replace("\n", " ")
