from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from bdrp import report
from bdrp.evaluation.significance import CriticalDifference
from bdrp.report.comparison.page import render_page
from bdrp.studies import comparison
from bdrp.studies.comparison import ComparisonResults
from bdrp.studies.execution.run_matrix import RunMatrix

RISK = ["split", "method", "kept", "rmse"]
SPLITS = ("pair", "cell_line")
CRPS = {"mean_effects": 0.9, "ridge": 0.5}
SCORES = {"rmse": 1.0, "nll": 1.5, "interval_score_90": 5.0, "aurc": 0.8, "width_90": 3.0}
LEVELS = {f"coverage_{level}": level / 100 for level in (50, 80, 90, 95)}
RANKING = ("kept_at_10", "kept_at_50", "within_drug_kept_at_10", "within_drug_kept_at_50", "within_drug_error_spearman")
SCREEN = {
    "name": "tiny",
    "measure": "ln_ic50_um",
    "unit": "ln(µM)",
    "checksums": {"responses.csv": "sha256:0123"},
    "tables": {"responses": "4567"},
    "folds": 2,
    "partition": "drawn",
}


@pytest.fixture
def found(hostile_name) -> ComparisonResults:
    """A comparison as a hand would write it: three methods, one with a hostile label, on two folds of two splits."""
    crps = {**CRPS, hostile_name: 0.7}
    each = [(split, method) for split in SPLITS for method in crps]
    runs = pd.DataFrame([{"method": m, "split": s, "fold": fold} for s, m in each for fold in (0, 1)]).assign(
        seed=0, status="done", fit_seconds=2.0, predict_seconds=0.1, peak_memory_bytes=2**30, responses=173
    )
    intervals = [
        {"split": split, "method": method, "figure": name, "value": value}
        for split, method in each
        for name, value in {**SCORES, **LEVELS, "crps": crps[method]}.items()
    ]
    figures = [
        {"split": split, "method": method, "fold": 0, "seed": 0, "figure": name, "value": 0.4, "n": 173}
        for split, method in each
        for name in ("uncalibrated_coverage_90", *RANKING)
    ]
    pairs = [("mean_effects", "ridge", "worse on both"), (hostile_name, "ridge", "not told apart")]
    evidence = [
        {"split": split, "figure": figure, "method": method, "other": other, "evidence": known}
        for split in SPLITS
        for figure in ("rmse", "crps")
        for method, other, known in pairs
    ]
    ranks = pd.DataFrame({"method": ["ridge", hostile_name, "mean_effects"], "mean_rank": [1.0, 2.0, 3.0]})
    return ComparisonResults(
        runs=runs.assign(recalibrator="identity", error="", address="a" * 64),
        metrics=pd.DataFrame(figures),
        intervals=pd.DataFrame(intervals).eval("lower = value - 0.05\nupper = value + 0.05"),
        evidence=pd.DataFrame(evidence).assign(difference=0.4, lower=0.1, upper=0.7, p_better=0, p_equal=0, p_worse=1),
        tests=pd.DataFrame([{"split": split, "method": method, "test": "elpd"} for split, method in each]).assign(
            elpd=-300.0, se=5.0, difference=0.0, difference_se=0.0, weight=0.5
        ),
        ranks=tuple(CriticalDifference("crps", split, ranks, pd.DataFrame(), 0.5, 12, 0.95) for split in SPLITS),
        risk=pd.DataFrame([(s, m, kept, kept) for s, m in each for kept in (0.1, 1.0)], columns=RISK),
        notes=("Something <b>weak</b>.",),
        screen=SCREEN,
    )


def test_the_page_stands_alone_and_escapes_hostile_names(found, tmp_path):
    path = report.compare(found, tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "compare.html",
        "comparisons.parquet",
        "figures.parquet",
        "intervals.parquet",
    ]
    html = path.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;b&gt;weak&lt;/b&gt;" in html
    assert not re.search(r"""(?:src|href)=["'](?!#)""", html)
    HTMLParser().feed(html)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert sorted(ids) == sorted(set(ids))


def test_the_page_says_who_is_best_and_on_what_evidence(found, unrendered):
    html = render_page(found)
    assert "All 12 fits finished" in html
    assert html.count("Dashed: the nominal level.") == 1  # below the figure that has such a line
    assert "Split by cell line: ridge has the lowest CRPS, 0.500 (0.450 to 0.550) ln(µM)." in html
    assert "Beside mean_effects: better on both." in html
    assert "CRPS: mean_effects less ridge" in html
    assert html.count("figure-critical-difference") == 2
    assert html.count('id="figure-risk-') == 2
    assert 'id="figure-coverage-90-by-method"' in html
    for name in ("RMSE", "90\u202f% coverage"):
        assert f"Each dot is a method's {name} on one split's held-out pairs".replace("'", "&#39;") in html


@pytest.mark.parametrize(
    ("partition", "expected"), [("drawn", "2, drawn with a seed"), ("published", "by the hash of each")]
)
def test_the_page_says_how_the_folds_were_made(found, unrendered, partition, expected):
    html = render_page(replace(found, screen={**found.screen, "partition": partition}))
    assert expected in html


def test_missing_fits_are_told_with_their_errors(found, unrendered):
    runs = found.runs.copy()
    runs.loc[0, ["status", "error"]] = ["failed", "<b>no memory</b>"]
    html = render_page(replace(found, runs=runs))
    assert "1 of 12 fits are missing" in html
    assert "&lt;b&gt;no memory&lt;/b&gt;" in html


def test_a_comparison_without_a_finished_fit_is_a_page_that_says_so(tiny_screen, tmp_path):
    runs = RunMatrix({"ridge": "ridge"}, ["pair"], 2, 1).runs(tiny_screen)
    html = render_page(comparison.gather_results(tmp_path, runs))
    assert "2 of 2 fits are missing; there are no results yet." in html
    assert "Measure: ln_ic50_um, in ln(µM)" in html
    assert "no run has finished" in html
