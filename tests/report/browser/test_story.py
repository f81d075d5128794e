"""One story, by commands and in a browser: a new line, what to measure on it, and what follows from the answers."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from bdrp.cli.app import app
from bdrp.data.sources import simulated

pytestmark = pytest.mark.slow

LINES, DRUGS, GENES = 100, 30, 60
TABLES = "--responses responses.csv --drugs drugs.csv --expression expression.csv --cell-lines lines.csv".split()
SCREEN = [
    word
    for table in ("responses", "drugs", "expression", "cell_lines")
    for word in ("--screen-option", f"{table}={table.replace('cell_', '')}.csv")
]
ASKED = ["--screen", "tables", *SCREEN]


def bdrp(*words: str) -> str:
    ran = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    assert ran.exit_code == 0, ran.output
    return ran.stdout


@pytest.fixture(scope="module")
def world():
    """A corner of the simulated screen, which answers for every pair of it, and the line that is new."""
    screen = simulated.load()
    lines, drugs = screen.cell_lines.index[: LINES + 1], screen.drugs.index[:DRUGS]
    rows = screen.responses[screen.responses["cell_line_id"].isin(lines) & screen.responses["drug_id"].isin(drugs)]
    return screen, rows.rename(columns={"response": "ln_ic50_um"}), lines[-1]


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    screen, rows, new = world
    made = tmp_path_factory.mktemp("story")
    known = screen.cell_lines.index[:LINES]
    rows[rows["cell_line_id"] != new].to_csv(made / "responses.csv", index=False)
    screen.drugs.loc[screen.drugs.index[:DRUGS]].to_csv(made / "drugs.csv")
    screen.expression.loc[known].iloc[:, :GENES].to_csv(made / "expression.csv")
    screen.cell_lines.loc[known].to_csv(made / "lines.csv")
    screen.expression.loc[[new]].iloc[:, :GENES].to_csv(made / "new_sample.csv")
    return made


def decide(browser, page: Path, into: Path) -> Path:
    """Accept the first pair, measure the second, and after a reload reject the third; export."""
    browser.open(page)
    browser.run("localStorage.clear()")
    browser.reload()
    browser.run("document.getElementById('reviewer').focus()")
    browser.type("Ada")
    browser.press("Escape")
    browser.press("a")
    browser.run("document.getElementById('measured').focus()")
    browser.type("0.8")
    browser.press("Escape")
    browser.press("o")
    browser.reload()
    assert browser.run("document.getElementById('told').textContent").startswith("2 of 8 decided")
    browser.press("r")
    assert browser.troubles() == []
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(into))
    browser.run("document.getElementById('csv').click()")
    end = time.monotonic() + 20
    while not (into / "decisions.csv").exists() and time.monotonic() < end:
        time.sleep(0.05)
    return into / "decisions.csv"


@pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")  # small parts of a small screen, each warned of
def test_a_new_line_is_probed_measured_answered_reviewed_and_ranked_anew(world, folder, browser, monkeypatch):
    monkeypatch.chdir(folder)
    _, rows, new = world
    bdrp("fit", "--screen", "tables", *TABLES, "--split", "cell_line", "--epochs", "2", "--out", "model")

    bdrp("probe", "model", "--drugs", "5", "--expression", "new_sample.csv", *ASKED, "--out", "panel.csv")
    panel = pd.read_csv("panel.csv", dtype=str)["drug_id"].dropna().tolist()
    assert len(set(panel)) == 5
    measured = rows[(rows["cell_line_id"] == new) & rows["drug_id"].isin(panel)]
    measured.to_csv("measured.csv", index=False)
    sample = ["--expression", "new_sample.csv"]
    bdrp("update", "model", "--measured", "measured.csv", *sample, *ASKED, "--out", "model2")

    asked = ["--new-sample", "new_sample.csv", "--line", new, *ASKED]
    assert "unknown: measure it" in bdrp("answer", "model2", *asked, "--out", "answer.html")
    browser.open(folder / "answer.html")
    assert browser.troubles() == [] and new in browser.run("document.body.innerText")

    new_pairs = ["--drugs", "drugs.csv", *sample]
    bdrp("predict", "model2", *new_pairs, "--out", "p2.parquet")
    bdrp("triage", "p2.parquet", "--budget", "8", "--out", "queue.csv", "--page", "review.html")
    decisions = decide(browser, folder / "review.html", folder)

    said = bdrp(
        "review", decisions.name, "model2", "--log", "log.db", "--predictions", "p2.parquet", "--measured", "own.csv"
    )
    assert "3 new" in said
    bdrp("update", "model2", "--measured", "own.csv", *sample, *ASKED, "--out", "model3")
    bdrp("predict", "model3", *new_pairs, "--out", "p3.parquet")
    bdrp("triage", "p3.parquet", "--budget", "8", "--reviewed", "log.db", "--out", "queue3.csv")
    before, after = (pd.read_csv(name, dtype=str)["drug_id"].tolist() for name in ("queue.csv", "queue3.csv"))
    assert not set(before[:3]) & set(after) and len(after) == 8
