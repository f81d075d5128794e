from __future__ import annotations

import re
import warnings
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bdrp import report
from bdrp.report.comparison.page import render_page
from bdrp.studies import comparison
from bdrp.studies.execution import plan, worker
from bdrp.studies.execution.run_matrix import RunMatrix


@pytest.fixture(scope="module")
def found(tiny_screen, tmp_path_factory, hostile_name):
    """Three methods, one with a hostile label, on two folds of two splits; and one that always fails."""
    out = tmp_path_factory.mktemp("comparison")
    labels = {"mean_effects": "mean_effects", "ridge": "ridge", hostile_name: "ridge"}
    made = plan.make_plan(tiny_screen, RunMatrix(labels, ["pair", "cell_line"], 2, 1), out)
    for run in made.todo:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            worker.fit_and_record(tiny_screen, run, out, "cpu")
    return comparison.gather_results(out, made.runs)


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
    assert not re.search(r"""(?:src|href)=["'](?!#)""", html)
    HTMLParser().feed(html)


def test_the_page_says_who_is_best_and_on_what_evidence(found):
    html = render_page(found)
    assert "All 12 fits finished" in html
    assert html.count("Dashed: what was promised.") == 1  # below the figure that has such a line
    assert "Split by cell line: ridge has the lowest CRPS" in html
    assert "ridge less mean_effects" in html or "mean_effects less ridge" in html
    assert html.count("picture-critical-difference") == 2
    assert html.count('id="picture-risk-') == 2
    assert 'id="picture-coverage-90-by-method"' in html


@pytest.mark.parametrize(
    ("partition", "said"), [("drawn", "2, drawn with a seed"), ("published", "by the hash of each")]
)
def test_the_page_says_how_the_folds_were_made(found, partition, said):
    html = render_page(replace(found, screen={**found.screen, "partition": partition}))
    assert said in html


def test_missing_fits_are_told_with_their_errors(found):
    runs = found.runs.copy()
    runs.loc[0, ["status", "error"]] = ["failed", "<b>no memory</b>"]
    html = render_page(replace(found, runs=runs))
    assert "1 of 12 fits are missing" in html
    assert "&lt;b&gt;no memory&lt;/b&gt;" in html


def test_a_comparison_without_a_finished_fit_is_a_page_that_says_so(tiny_screen, tmp_path):
    runs = RunMatrix({"ridge": "ridge"}, ["pair"], 2, 1).runs(tiny_screen)
    html = render_page(comparison.gather_results(tmp_path, runs))
    assert "2 of 2 fits are missing; nothing can be said yet." in html
    assert "Measure: ln_ic50_um, in ln(µM)" in html
    assert "no run has finished" in html
