"""`bdrp replay`, from a screen to the page of its learning curves."""

from __future__ import annotations

import pandas as pd
import pytest


@pytest.fixture
def screen(tiny_screen, tmp_path):
    tiny_screen.responses.rename(columns={"response": "ln_ic50_um"}).to_csv(tmp_path / "responses.csv", index=False)
    tiny_screen.drugs.to_csv(tmp_path / "drugs.csv")
    tiny_screen.expression.to_csv(tmp_path / "expression.csv")
    names = ("responses", "drugs", "expression")
    return ["--screen", "tables", *(f"--{name}={tmp_path / name}.csv" for name in names)]


def test_a_replay_ends_in_a_page_and_tables_and_goes_on_where_it_stopped(bdrp, screen, tmp_path):
    small = ["epochs=2", "width=16", "hidden=16", "factors=2"]
    flags = ["--by", "bald,thompson", "--seeds", 2, "--start", 120, "--batch", 5, "--rounds", 2, "--hits", 0.1]
    flags += [f"--option={one}" for one in small] + ["--out", tmp_path / "out"]
    ran = bdrp("replay", *screen, *flags)
    assert ran.exit_code == 0, ran.stderr
    summary = pd.read_parquet(tmp_path / "out" / "summary.parquet")
    assert set(summary["by"]) == {"random", "bald", "thompson"} and set(summary["figure"]) == {"rmse", "hits_found"}
    assert len(pd.read_parquet(tmp_path / "out" / "rounds.parquet")) == 3 * 2 * 3
    page = (tmp_path / "out" / "replay.html").read_text(encoding="utf-8")
    assert "Which batches teach most?" in page and page.count("<svg") == 2
    again = bdrp("replay", *screen, *flags)
    assert again.exit_code == 0 and again.stdout == ran.stdout


def test_an_unknown_acquisition_function_is_refused(bdrp, tmp_path):
    ran = bdrp("replay", "--by", "thomson", "--out", tmp_path / "out")
    assert ran.exit_code == 2 and "Did you mean thompson?" in ran.stderr and not (tmp_path / "out").exists()
