from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from bdrp import report
from bdrp.report.ablation.page import render_page
from bdrp.studies.ablation import Contributions


def _row(part, against, metric, contribution, said):
    ends = {"lower": contribution - 0.05, "upper": contribution + 0.05}
    values = {"value": 1 + contribution, "against_value": 1.0, "contribution": contribution}
    place = {"split": "cell_line", "part": part, "against": against, "figure": metric}
    folds = {"folds_lower": np.nan, "folds_upper": np.nan, "folds": 1, "seeds": 1}
    return {**place, **values, **ends, **folds, "said": said}


@pytest.fixture
def found():
    """Contributions as a hand would write them."""
    rows = []
    for metric in ("rmse", "nll", "crps"):
        rows += [
            _row("no_expression", "full", metric, 0.3, "contributes"),
            _row("concatenation", "full", metric, 0.01, "none shown"),
            _row("point", "full", metric, -0.2, "harms on these folds alone"),
            _row("shuffled_labels", "full", metric, 20.0, "contributes"),
            _row("full", "mean_effects", metric, -0.4, "better"),
            _row("shuffled_labels", "mean_effects", metric, 0.9, "worse"),
            _row("shuffled_labels", "overall_mean", metric, 0.0, "none"),
        ]
    labels = ["full", "no_expression", "concatenation", "point", "shuffled_labels", "mean_effects"]
    runs = pd.DataFrame({"method": labels}).assign(
        split="cell_line",
        fold=0,
        seed=0,
        status="done",
        fit_seconds=1.0,
        predict_seconds=0.1,
        peak_memory_bytes=1e9,
        responses=100,
        recalibrator="identity",
        error="",
        address="a" * 64,
    )
    screen = {
        "name": "tiny",
        "measure": "ln_ic50_um",
        "unit": "ln(µM)",
        "checksums": {},
        "tables": {},
        "folds": 2,
        "partition": "drawn",
    }
    return Contributions(runs, pd.DataFrame(rows), ("Something <b>weak</b>.",), screen)


def test_the_page_stands_alone(found, tmp_path):
    path = report.ablate(found, tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["ablation.html", "ablation.parquet"]
    html = path.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;b&gt;weak&lt;/b&gt;" in html
    assert not re.search(r"""(?:src|href)=["'](?!#)""", html)
    HTMLParser().feed(html)


def test_the_summary_tells_contributions_from_none_and_says_where_a_part_harms(found, unrendered):
    html = render_page(found)
    assert "All 6 fits finished" in html
    assert (
        "Split by cell line: worse with labels → shuffled (20.000), expression → none (0.300); no difference shown "
        "with pairing → concatenation (0.010); better with Bayesian head → point (−0.200, on these folds alone)."
    ) in html
    assert "Split by cell line: shuffled labels do not beat mean effects." in html
    assert html.count('id="figure-contributions-') == 3


def test_shuffled_labels_that_beat_mean_effects_are_the_headline(found, unrendered):
    leaking = found.table.copy()
    leaking.loc[leaking["against"] == "overall_mean", "said"] = "better on these folds alone"
    html = render_page(replace(found, table=leaking))
    assert "Shuffled labels beat what knows nothing: something of the test part is seen." in html
    assert "shuffled labels beat the overall mean by RMSE." in html


def test_an_ablation_without_a_finished_fit_is_a_page_that_says_so(found):
    runs = found.runs.assign(status="left")
    html = render_page(replace(found, runs=runs, table=pd.DataFrame(), notes=("Nothing has finished.",)))
    assert "6 of 6 fits are missing" in html
    assert "Nothing has finished." in html
