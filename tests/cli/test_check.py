"""`bdrp check` says what a fit would read, and all that has to be changed at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bdrp.cli.app import app

SMILES = ["CCO", "c1ccccc1", "CC(=O)O", "CCN", "CCCl", "CCBr", "COC", "CC#N"]
LINES, DRUGS = [f"L{at:02d}" for at in range(60)], [f"D{at}" for at in range(len(SMILES))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """60 lines x 8 drugs as pIC50 under the name 'response', and highest doses of 1,000 nM."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    pairs = pd.MultiIndex.from_product([LINES, DRUGS], names=["cell_line_id", "drug_id"]).to_frame(index=False)
    pairs["response"] = (6 + np.tile(rng.normal(0, 1, 8), 60) + rng.normal(0, 0.4, 480)).round(4)
    pairs.assign(max_conc=1000).to_csv("responses.csv", index=False)
    pd.DataFrame({"drug_id": DRUGS, "smiles": SMILES}).to_csv("drugs.csv", index=False)
    write_expression(rng.normal(5, 2, (60, 4)).round(3), LINES)
    return tmp_path


def write_expression(values: np.ndarray, lines: list[str]) -> None:
    table = pd.DataFrame(values, columns=list("ABCD"), index=pd.Index(lines, name="cell_line_id"))
    table.to_csv("expression.csv")


def check(*flags: str) -> tuple[int, str, str]:
    tables = [word for name in ("responses", "drugs", "expression") for word in (f"--{name}", f"{name}.csv")]
    ran = CliRunner().invoke(app, ["check", *tables, *flags], env={"COLUMNS": "400"})
    return ran.exit_code, ran.stdout, ran.stderr


def test_what_a_fit_would_read_is_said_and_nothing_is_written(folder: Path) -> None:
    before = sorted(folder.iterdir())
    write_expression(np.ones((61, 4)) * np.linspace(2, 9, 61)[:, None], [*LINES[:-2], "M1", "M2", "M3"])
    code, said, noted = check("--unit", "pic50", "--dose-unit", "nm")
    assert code == 0
    assert "response is pIC50 (-log10 of M); lines by cell_line_id (such as L00, L01, ...), drugs by drug_id" in said
    assert "464 responses (ln IC50 in ln(µM)) of 464 pairs, 58 lines by 8 drugs" in said
    assert "lines of the responses with expression: 58 of 60; not L58, L59; 3 more there are not asked for" in said
    assert "drugs of the responses with a structure: 8 of 8" in said
    assert said.splitlines()[-1] == "a fit would read this"
    assert "converted: ln(10) * (6 - pIC50)" in noted and "16 responses dropped" in noted
    assert sorted(folder.iterdir()) == before


def test_everything_to_change_is_named_at_once(folder: Path) -> None:
    write_expression(2 ** np.random.default_rng(1).normal(5, 2, (60, 4)), [f"Z{line}" for line in LINES])
    pd.DataFrame({"drug_id": DRUGS, "smiles": [*SMILES[:6], "xx(", "c1cc"]}).to_csv("drugs.csv", index=False)
    (folder / "lines.csv").write_text("cell_line_id,tissue\nQ1,Lung\n")
    code, said, refused = check("--cell-lines", "lines.csv")
    assert code == 2
    errors = [line for line in refused.splitlines() if line.startswith("error:")]
    expected = (
        "expression.csv looks like TPM",
        "drugs.csv has 2 drugs whose structure cannot be used",
        "lines.csv describes none of the lines",
        "There are no lines of the responses with expression",
        "look like pIC50 (-log10 of M) (--unit pic50)",
    )
    assert [any(words in error for error in errors) for words in expected] == [True] * 5
    assert len(errors) == 5 and said.splitlines()[-1] == "5 things to change"
    assert "If the response is a concentration, then also: " in refused and "--dose-unit nm" in refused


def test_each_thing_that_is_changed_is_one_thing_less(folder: Path) -> None:
    (folder / "drugs.csv").write_text("drug_id,smiles\nD0,xx(\n")
    assert check()[1].splitlines()[-1] == "2 things to change"
    assert check("--unit", "pic50", "--dose-unit", "nm")[1].splitlines()[-1] == "1 thing to change"


def test_tables_that_lack_are_named_beside_what_the_others_lack(folder: Path) -> None:
    ran = CliRunner().invoke(app, ["check", "--responses", "responses.csv", "--json"])
    found = json.loads(ran.stdout)
    assert ran.exit_code == found["exit_code"] == 2
    found = found["results"]
    assert found["fits"] is False
    lacking, response = found["to_change"]
    assert lacking.startswith("No table of drugs and none of expression is given.") and "--drugs PATH" in lacking
    assert "--unit pic50" in response


def test_json_holds_the_ids_that_do_not_join(folder: Path) -> None:
    write_expression(np.ones((60, 4)) * np.linspace(2, 9, 60)[:, None], [*LINES[:-1], "M1"])
    code, said, _ = check("--unit", "pic50", "--dose-unit", "nm", "--json")
    found = json.loads(said)["results"]
    assert code == 0 and found["fits"] is True
    assert found["joined"][1]["unknown"] == ["L59"] and found["joined"][1]["unused"] == ["M1"]


def test_what_check_passes_a_fit_reads_and_the_other_way_round(folder: Path) -> None:
    rng = np.random.default_rng(2)
    for lines in (LINES, [f"Z{line}" for line in LINES]):
        for values in (rng.normal(5, 2, (60, 4)), 2 ** rng.normal(5, 2, (60, 4))):
            write_expression(values, lines)
            for flags in ((), ("--unit", "pic50"), ("--unit", "pic50", "--dose-unit", "nm")):
                tables = ["--responses", "responses.csv", "--drugs", "drugs.csv", "--expression", "expression.csv"]
                fit = ["fit", "--screen", "tables", *tables, *flags, "--split-file", "none.csv", "--out", "model"]
                fitted = CliRunner().invoke(app, fit)
                assert ("none.csv" in fitted.stderr) == (check(*flags)[0] == 0), (lines[0], flags)


def test_a_screen_that_can_be_loaded_is_described_and_one_that_cannot_is_refused(folder: Path) -> None:
    ran = CliRunner().invoke(app, ["check", "--screen", "simulated"], env={"COLUMNS": "400"})
    assert ran.exit_code == 0 and "160 lines by 87 drugs" in ran.stdout
    ran = CliRunner().invoke(app, ["check", "--screen", "gdsc2", "--root", "."], env={"COLUMNS": "400"})
    assert ran.exit_code == 2 and "bdrp fetch gdsc2" in ran.stderr
