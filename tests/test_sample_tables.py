"""The sample tables of examples/data: what the examples write, and what the commands of the docs take."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from bdrp.cli.app import app

EXAMPLES = Path(__file__).parents[1] / "examples"
TABLES = ["--responses", "responses.csv", "--drugs", "drugs.csv", "--expression", "expression.csv"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(EXAMPLES / "data", tmp_path_factory.mktemp("sample") / "data")


def test_the_sample_tables_are_those_that_the_example_writes(tmp_path: Path) -> None:
    found = importlib.util.spec_from_file_location("your_own_tables", EXAMPLES / "your_own_tables.py")
    assert found is not None and found.loader is not None
    example = importlib.util.module_from_spec(found)
    found.loader.exec_module(example)
    example.write_tables(tmp_path)
    example.write_wells(tmp_path)
    example.write_xenografts(tmp_path)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_text() for path in (EXAMPLES / "data").glob("*.csv")}


@pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")
def test_the_commands_of_the_docs_run_on_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for words in (
        ["check", *TABLES, "--cell-lines", "lines.csv"],
        ["fit", "--screen", "tables", *TABLES, "--cell-lines", "lines.csv", "--method", "ridge", "--out", "model"],
        ["predict", "model", "--drugs", "new_drugs.csv", "--expression", "new_samples.csv", "--out", "new.parquet"],
        ["curves", "plates.csv", "--out", "screen"],
    ):
        ran = CliRunner().invoke(app, words)
        assert ran.exit_code == 0, f"{words[0]}: {ran.stderr}"
    assert (folder / "screen" / "curves.html").is_file()


@pytest.mark.filterwarnings("ignore::bdrp.errors.BdrpWarning")
def test_best_average_responses_of_xenografts_are_a_measure_of_their_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through fit, predict and answer, in percent of the tumour's volume; the lowest, which shrank most, come first."""
    monkeypatch.chdir(folder)
    tables = ["--responses", "pdx_responses.csv", *TABLES[2:], "--cell-lines", "lines.csv", "--unit", "own_low"]
    options = ["column=best_average_response", "own_unit=% of volume"]
    said = [word for option in options for word in ("--screen-option", option)]
    read = [
        *(
            word
            for name in ("responses", "drugs", "expression")
            for word in ("--screen-option", f"{name}={_file(name)}")
        ),
        *("--screen", "tables", "--unit", "own_low"),
    ]
    samples = ["--expression", "new_samples.csv", "--drugs", "drugs.csv"]
    for words in (
        ["fit", "--screen", "tables", *tables, *said, "--method", "ridge", "--out", "pdx"],
        ["predict", "pdx", *samples, "--out", "pdx.csv"],
        [
            "answer",
            "pdx",
            *read,
            *said,
            "--new-sample",
            "new_samples.csv",
            "--line",
            "SIM0160",
            "--out",
            "pdx_answer.html",
        ],
    ):
        ran = CliRunner().invoke(app, words)
        assert ran.exit_code == 0, f"{words[0]}: {ran.stderr}"
    assert "% of volume" in (folder / "pdx_answer.html").read_text(encoding="utf-8")
    predicted = pd.read_csv(folder / "pdx.csv")
    assert predicted["mean"].between(-120, 160).all() and len(predicted) == 50


def _file(name: str) -> str:
    return "pdx_responses.csv" if name == "responses" else f"{name}.csv"
