"""`bdrp compare` from tables to report, on a corner of the simulated screen."""

from __future__ import annotations

import re

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def words(tiny_screen, tmp_path_factory):
    """The command on the tiny screen's tables, without --out."""
    made = tmp_path_factory.mktemp("compare")
    tiny_screen.responses.rename(columns={"response": "ln_ic50_um"}).to_csv(made / "responses.csv", index=False)
    for name in ("drugs", "expression", "cell_lines"):
        getattr(tiny_screen, name).to_csv(made / f"{name}.csv")
    flags = {"--responses": "responses", "--drugs": "drugs", "--expression": "expression", "--cell-lines": "cell_lines"}
    tables = [word for flag, name in flags.items() for word in (flag, made / f"{name}.csv")]
    grid = "--methods mean_effects,ridge --splits pair --folds 2 --seeds 1 --device cpu".split()
    return ["compare", "--screen", "tables", *tables, *grid]


def test_plan_only_says_what_would_be_done(bdrp, words, tmp_path):
    ran = bdrp(*words, "--plan", "--out", tmp_path / "out")
    assert ran.exit_code == 0, ran.output
    assert "4 fits in all, 0 already done, 4 to do. Estimated time with 1 worker:" in ran.stdout
    assert not (tmp_path / "out").exists()


def test_a_comparison_is_fitted_reported_and_taken_up_again(bdrp, words, tmp_path):
    out = tmp_path / "out"
    ran = bdrp(*words, "--out", out, "--workers", "2")
    assert ran.exit_code == 0, ran.output
    assert f"report: {out / 'compare.html'}" in ran.stdout
    assert re.search(r"by pair +CRPS +ridge +0\.\d{3} +(not )?told apart from", ran.stdout)
    assert set(pd.read_parquet(out / "figures.parquet")["method"]) == {"mean_effects", "ridge"}
    records = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/record.json")}
    again = bdrp(*words, "--out", out)
    assert "4 fits in all, 4 already done, 0 to do." in again.stdout
    assert {path: path.stat().st_mtime_ns for path in out.glob("runs/*/record.json")} == records
    exported = bdrp("compare", "export", out, "--no-titles")
    assert exported.stdout == f"export: {out / 'export'} (7 csv, 8 tex, 6 svg, 6 pdf)\n"
    assert r"mean\_effects & " in (out / "export" / "metrics-by-pair.tex").read_text()


def test_only_a_finished_comparison_is_exported(bdrp, tmp_path):
    ran = bdrp("compare", "export", tmp_path)
    assert ran.exit_code == 2 and "Run the same `bdrp compare` again" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_budget_that_holds_no_fit_is_said_and_the_same_command_goes_on(bdrp, words, tmp_path):
    for _ in range(2):
        ran = bdrp(*words, "--budget", "0.1", "--out", tmp_path / "out")
        assert ran.exit_code == 0, ran.output
        assert "4 fits were not started: by the estimate, the next one would end after the budget." in ran.stderr
        assert (tmp_path / "out" / "compare.html").exists()


def test_fits_that_failed_for_one_reason_are_one_warning(bdrp, words, tmp_path):
    ran = bdrp(*words, "--splits", "drug", "--folds", "50", "--out", tmp_path / "out")
    assert ran.stderr.count("warning:") == 1
    assert "mean_effects, split by drug, fold 0, seed 0 and 99 more failed: The test part of some folds" in ran.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--methods", "ridge,ridge"], "names a method twice"),
        (["--option", "forest.trees=3"], "names no method of this comparison"),
        (["--option", "ridge.nothing=3"], "ridge has no option nothing"),
        (["--splits", "moon"], "no split 'moon'"),
    ],
)
def test_flags_that_make_no_comparison_are_refused(bdrp, words, tmp_path, more, said):
    ran = bdrp(*words, *more, "--out", tmp_path / "out")
    assert ran.exit_code == 2
    assert said in ran.stderr
    assert not (tmp_path / "out").exists()
