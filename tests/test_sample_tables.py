"""The sample tables of examples/data: what the examples write, and what the commands of the docs take."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

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
