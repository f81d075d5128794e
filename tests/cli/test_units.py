"""`--unit` and `--dose-unit` say what a table holds, on every command that reads one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bdrp.cli.app import app
from bdrp.data.quantities import QUANTITIES

SMILES = ["CCO", "c1ccccc1", "CC(=O)O", "CCN", "CCCl", "CCBr", "COC", "CC#N"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """60 lines x 8 drugs as pIC50 under the name 'response', and highest doses of 1,000 nM."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines, drugs = [f"L{at:02d}" for at in range(60)], [f"D{at}" for at in range(len(SMILES))]
    pairs = pd.MultiIndex.from_product([lines, drugs], names=["cell_line_id", "drug_id"]).to_frame(index=False)
    pairs["response"] = (6 + np.tile(rng.normal(0, 1, len(drugs)), len(lines)) + rng.normal(0, 0.4, len(pairs))).round(
        4
    )
    pairs.assign(max_conc=1000).to_csv("responses.csv", index=False)
    pd.DataFrame({"drug_id": drugs, "smiles": SMILES}).to_csv("drugs.csv", index=False)
    genes = pd.DataFrame(rng.normal(5, 2, (len(lines), 4)).round(3), columns=list("ABCD"))
    genes.assign(cell_line_id=lines)[["cell_line_id", *"ABCD"]].to_csv("expression.csv", index=False)
    return tmp_path


TABLES = ["--responses", "responses.csv", "--drugs", "drugs.csv", "--expression", "expression.csv"]
FIT = ["fit", "--screen", "tables", *TABLES, "--method", "mean_effects", "--no-refit", "--out", "model"]


@pytest.mark.filterwarnings("ignore")
def test_a_fit_reads_what_the_flags_say(folder: Path) -> None:
    refused = CliRunner().invoke(app, FIT)
    assert refused.exit_code == 2
    assert "look like pIC50 (-log10 of M) (--unit pic50)" in refused.stderr
    refused = CliRunner().invoke(app, [*FIT, "--unit", "pic50"])
    assert refused.exit_code == 2
    assert "say --dose-unit nm or um" in refused.stderr
    ran = CliRunner().invoke(app, [*FIT, "--unit", "pic50", "--dose-unit", "nm"])
    assert ran.exit_code == 0, ran.stderr
    assert "response is pIC50 (-log10 of M); converted: ln(10) * (6 - pIC50)." in ran.stderr


@pytest.mark.parametrize("command", ["compare", "ablate"])
def test_studies_take_the_same_flags(folder: Path, command: str) -> None:
    options = [word for name in TABLES[::2] for word in ("--screen-option", f"{name[2:]}={name[2:]}.csv")]
    what = ["--methods", "mean_effects"] if command == "compare" else []
    asked = [command, "--screen", "tables", *options, *what, "--splits", "pair", "--plan", "--out", "study"]
    ran = CliRunner().invoke(app, [*asked, "--unit", "pic50", "--dose-unit", "nm"])
    assert ran.exit_code == 0, ran.stderr
    assert "converted: ln(10) * (6 - pIC50)" in ran.stderr


def test_the_units_that_docs_name_are_all_that_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "screens.md").read_text(encoding="utf-8")
    for name, quantity in QUANTITIES.items():
        pattern = quantity.kind in ("ec50", "gi50", "gr50") or name.endswith(("_um", "_mm", "_pm"))
        assert pattern or f"`{name}`" in page, name
