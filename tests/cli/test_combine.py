"""`bdrp combine`, from a model folder to a table."""

from __future__ import annotations

import pandas as pd


def test_pairs_of_drugs_are_ranked_and_written(bdrp, trained, tiny_screen, tmp_path):
    tiny_screen.responses.rename(columns={"response": "ln_ic50_um"}).to_csv(tmp_path / "responses.csv", index=False)
    tiny_screen.drugs.to_csv(tmp_path / "drugs.csv")
    tiny_screen.expression.to_csv(tmp_path / "expression.csv")
    names = ("responses", "drugs", "expression")
    screen = ["--screen", "tables", *(f"--screen-option={name}={tmp_path / name}.csv" for name in names)]
    drugs = [word for name in tiny_screen.drugs["name"].iloc[:3] for word in ("--drug", name)]
    flags = ["--line", "SIM0005", "--yardstick", "quantile", "--out", tmp_path / "pairs.csv"]
    ran = bdrp("combine", trained[1], *screen, *drugs, *flags)
    assert ran.exit_code == 0, ran.stderr
    table = pd.read_csv(tmp_path / "pairs.csv")
    assert len(table) == 3 and (table["chance"] >= table["chance_a"] - 1e-9).all()
    assert "synergy" in ran.stdout and table["drug_a"].iloc[0] in ran.stdout
    wrong = bdrp("combine", trained[1], *screen, "--line", "nowhere", "--out", tmp_path / "pairs.csv")
    assert wrong.exit_code == 2 and "no cell line 'nowhere'" in wrong.stderr
