from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bdrp import report
from bdrp.report.comparison.page import render_page
from bdrp.studies import comparison
from bdrp.studies.execution.run_matrix import RunMatrix


def test_the_page_stands_alone_and_escapes_hostile_names(found, tmp_path):
    path = report.compare(found, tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "compare.html",
        "comparison.json",
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
