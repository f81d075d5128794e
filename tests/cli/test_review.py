"""From a queue on disk to decisions in a log, a queue without them, and a table for an update."""

from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import bdrp
from bdrp.cli.app import app
from bdrp.data import quantities, reading
from bdrp.data.user_tables import responses
from bdrp.triage.review import AuditLog

KEYS = ["cell_line_id", "drug_id"]


def command(*arguments: object):
    """Run the command; whatever is no refusal is raised as it is."""
    ran = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_screen, tiny_split):
    """A model folder, its predictions and a queue of ten pairs of them."""
    place = tmp_path_factory.mktemp("review")
    bdrp.fit(tiny_screen, tiny_split, method="mean_effects", recalibration="identity", out=place / "model")
    bdrp.predict(bdrp.TrainedModel.load(place / "model"), screen=tiny_screen).save(place / "p.parquet")
    assert command("triage", place / "p.parquet", "--budget", 10, "--out", place / "queue.csv").exit_code == 0
    return place


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """A copy of it all, as the working folder."""
    shutil.copytree(made, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def answer(name: str, **answers: object) -> pd.DataFrame:
    """Fill columns of queue.csv, the first rows as told, and save it under another name."""
    queue = pd.read_csv("queue.csv", dtype=str, keep_default_na=False)
    for column, values in answers.items():
        queue[column] = [*values, *[""] * (len(queue) - len(values))]
    queue.to_csv(name, index=False)
    return queue


def test_decided_pairs_are_recorded_left_out_of_the_next_queue_and_counted(here):
    queue = answer("ann.csv", decision=["accept", "reject", "assay", "skip"], reviewer=["Ann"] * 4)
    assert set(queue["model"]) == {bdrp.TrainedModel.load("model").manifest["digest"]}
    ran = command("review", "ann.csv", "model", "--log", "log.db", "--predictions", "p.parquet", "--out", "next.csv")
    assert ran.exit_code == 0, ran.output
    assert "decisions: 4 (" in ran.stdout and "by 1 reviewers" in ran.stdout
    assert "log: log.db (4 new, 0 recorded before)" in ran.stdout
    assert "(3 decided before are left out)" in ran.stdout
    following = pd.read_csv("next.csv", dtype=str)
    decided, skipped = set(map(tuple, queue[KEYS][:3].to_numpy())), tuple(queue[KEYS].iloc[3])
    asked = set(map(tuple, following[KEYS].to_numpy()))
    assert not decided & asked and skipped in asked
    assert following["threshold"].nunique() == 1 and following["threshold"][0] == queue["threshold"][0]

    again = command("triage", "p.parquet", "--reviewed", "log.db", "--out", "again.csv")
    assert again.exit_code == 0, again.output
    pd.testing.assert_frame_equal(pd.read_csv("again.csv", dtype=str), following)


def test_a_queue_that_nobody_filled_is_told_so(here):
    ran = command("review", here / "queue.csv", here / "model", "--log", here / "log.db", "--reviewer", "me")
    assert ran.exit_code == 0 and "no row has a decision: the column decision takes accept, reject" in ran.output


def test_the_same_file_twice_changes_nothing(here):
    answer("ann.csv", decision=["accept"], reviewer=["Ann"])
    for said in ("1 new, 0 recorded before", "0 new, 1 recorded before"):
        assert said in command("review", "ann.csv", "model", "--log", "log.db").stdout
    assert len(AuditLog("log.db").entries()) == 1


def test_conflicts_are_told_and_written_and_gone_once_they_are_settled(here):
    answer("ann.csv", decision=["accept", "accept"], reviewer=["Ann"] * 2, time=["2026-03-01", ""])
    answer("ben.csv", decision=["reject", "accept"], reviewer=["Ben"] * 2, time=["2026-03-01", ""])
    answer("change.csv", decision=["accept"], reviewer=["Ben"], time=["2026-03-02"])
    flags = ("model", "--log", "log.db", "--conflicts", "conflicts.csv")
    assert command("review", "ann.csv", *flags).stderr == ""
    ran = command("review", "ben.csv", *flags)
    assert "warning: reviewers differ on 1 pairs" in ran.stderr and "accept; reject (Ann; Ben)" in ran.stdout
    assert pd.read_csv("conflicts.csv")["decisions"].tolist() == ["accept; reject"]
    assert "differ" not in command("review", "change.csv", *flags).stderr
    assert not Path("conflicts.csv").exists()


def test_measured_values_come_out_as_responses_that_bdrp_reads(here):
    queue = answer(
        "ann.csv",
        decision=["assay"] * 3,
        reviewer=["Ann"] * 3,
        measured=["250", ">10", "-1.5"],
        measured_unit=["nM", "µM", "ln(µM)"],
    )
    ran = command("review", "ann.csv", "model", "--log", "log.db", "--measured", "measured.csv")
    assert "measured: measured.csv (3 values); next: bdrp update MODEL --measured measured.csv" in ran.stdout
    raw = reading.read_table(Path("measured.csv"))
    read = responses.read_responses(raw, dict(zip(KEYS, KEYS, strict=True)), quantities.Stated(), Path("measured.csv"))
    assert read.measure.name == "ln_ic50_um"
    pd.testing.assert_frame_equal(read.rows[KEYS], queue[KEYS][:3].astype("str"))
    np.testing.assert_allclose(read.rows["response"], [np.log(0.25), np.log(10), -1.5])
    assert read.rows["upper_limit"].notna().tolist() == [False, True, False]


def test_decisions_that_name_no_model_are_noted_and_a_missing_measurement_too(here):
    answer("ann.csv", decision=["accept"], reviewer=["Ann"], model=[])
    ran = command("review", "ann.csv", "model", "--log", "log.db", "--measured", "measured.csv")
    assert "note: 1 decisions do not say which model they are about" in ran.stderr
    assert "note: there are no measured values among the decisions" in ran.stderr
    assert not Path("measured.csv").exists()


def test_the_log_is_exported(here):
    answer("ann.csv", decision=["accept"], reviewer=["Ann"])
    ran = command("review", "ann.csv", "model", "--log", "log.db", "--export", "log.json")
    assert "exported log: log.json (1 decisions)" in ran.stdout
    assert pd.read_json("log.json")["decision"].tolist() == ["accept"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--out", "next.csv"], "--out ranks predictions anew, and no --predictions are given"),
        (["--predictions", "p.parquet", "--out", "ann.csv"], "ann.csv .an input of the same command"),
        (["--measured", "ann.csv"], "ann.csv .an input"),
        (["--conflicts", "model/c.csv"], "within"),
        (["--export", "log.txt"], "Allowed are .parquet, .csv, .xlsx"),
        (["--export", "queue.csv"], "queue.csv .there is something else"),
        (["--log", "p.parquet"], "p.parquet .there is something else"),
        (["--log", "model/log.db"], "within the model folder|within .*model"),
        (["--predictions", "missing.parquet"], "no predictions at missing.parquet"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_recorded(here, flags, said):
    answer("ann.csv", decision=["accept"], reviewer=["Ann"])
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    ran = command("review", "ann.csv", "model", *([] if "--log" in flags else ["--log", "log.db"]), *flags)
    assert ran.exit_code == 2
    assert pd.Series([ran.stderr.replace("\n", " ")]).str.contains(said).all(), ran.stderr
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_a_wrong_row_records_nothing_of_its_file(here):
    answer("ann.csv", decision=["accept", "maybe"], reviewer=["Ann"] * 2)
    ran = command("review", "ann.csv", "model", "--log", "log.db")
    assert ran.exit_code == 2 and "there is no decision 'maybe'" in ran.stderr
    assert not Path("log.db").exists()


def test_decisions_on_another_model_are_refused(here, made, tiny_screen, tiny_split):
    answer("ann.csv", decision=["accept"], reviewer=["Ann"])
    options = {"method": "ridge", "recalibration": "identity"}
    bdrp.fit(tiny_screen, tiny_split, out=here / "other", **options)
    ran = command("review", "ann.csv", "other", "--log", "log.db")
    assert ran.exit_code == 2 and "it is about another model" in ran.stderr
    assert command("review", "ann.csv", "other", "--earlier", "model", "--log", "log.db").exit_code == 0


def test_a_log_that_is_none_is_refused_by_triage_and_so_is_one_that_settles_all(here):
    missing = command("triage", "p.parquet", "--reviewed", "none.db", "--out", "q.csv")
    assert missing.exit_code == 2 and "There is no log of decisions at none.db" in missing.stderr
    sqlite3.connect("other.db").close()
    Path("other.db").write_bytes(b"")
    assert "is no log of decisions" in command("triage", "p.parquet", "--reviewed", "other.db", "--out", "q.csv").stderr
    everything = pd.read_parquet("p.parquet")[KEYS].assign(decision="accept", reviewer="Ann")
    everything.to_csv("all.csv", index=False)
    assert command("review", "all.csv", "model", "--log", "log.db").exit_code == 0
    ran = command("triage", "p.parquet", "--reviewed", "log.db", "--out", "q.csv")
    assert ran.exit_code == 2 and "predicted pairs are reviewed already" in ran.stderr


def test_the_python_of_the_docs_runs(here):
    shutil.copy("p.parquet", "predictions.parquet")
    queue = pd.read_excel("queue.xlsx", dtype=str)
    queue.loc[:1, "decision"], queue.loc[0, "measured"], queue.loc[0, "measured_unit"] = "assay", "0.5", "µM"
    queue.to_excel("queue.xlsx", index=False)
    page = Path(__file__).parents[2] / "docs" / "review.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    names: dict[str, object] = {}
    exec(code, names)
    assert len(names["entries"]) == 2 and names["queue"].attrs["pairs_reviewed"] == 2
