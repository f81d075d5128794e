"""The page of a transfer, from tables made by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bdrp import report
from bdrp.report.figures.style import VERMILION
from bdrp.report.transferability.page import render_page
from bdrp.studies import transfer_scores
from bdrp.studies.transfer import TransferResults

FIGURES = ("rmse", "nll", "crps", "coverage_90", "width_90", "bias", "within_drug_spearman")


def rows(seen: str, name: str, labelled: int, **values: float) -> pd.DataFrame:
    table = pd.DataFrame({"figure": FIGURES, "value": [values.get(figure, 1.0) for figure in FIGURES]})
    ends = {"lower": table["value"] - 0.05, "upper": table["value"] + 0.05}
    drawn = {"lowest": table["value"], "highest": table["value"]}
    return table.assign(
        seen=seen, adaptation=name, labelled=labelled, n=100, target="far", measure="ln_ic50_um", **ends, **drawn
    )


@pytest.fixture
def found() -> TransferResults:
    metrics = [rows("pair seen", "raw", 0, coverage_90=0.61, rmse=2.0)]
    metrics += [
        rows("pair seen", "recalibrated", 50, coverage_90=0.8),
        rows("pair seen", "posterior as prior", 50, coverage_90=0.9),
    ]
    whole = pd.concat(metrics, ignore_index=True)
    shift = pd.concat(
        [
            whole.rename(columns={"seen": "bin"}).assign(kind=kind, bin=one)
            for kind, one in (("line distance", "trained line"), ("drug similarity", "trained compound"))
        ],
        ignore_index=True,
    )
    shared = {"seen": "pair seen", "adaptation": "the other laboratory", "labelled": 0, "n": 60.0, "target": "far"}
    concordance = pd.DataFrame([{**shared, "rmse": 1.7, "rmse_within_drug": 1.1, "within_drug_spearman": 0.4}])
    expression = {
        "lines": 9,
        "genes": 50,
        "batch": 0.0,
        "batch_share": None,
        "profile_pearson": 1.0,
        "composition": 0.1,
    }
    chance = {"auroc_null_lower": 0.31, "auroc_null_upper": 0.69}
    target = {
        "target": "far",
        "measure": "ln_ic50_um",
        "unit": "ln(µM)",
        "pairs": {key: {"pair seen": 100} for key in ("of", "scored", "labelled")},
        "left_out": [500],
        "agreement": None,
        "expression": expression,
        "found": {"raw, 0": [{}], "recalibrated, 50": [{"offset": 1.0, "slope": 0.9, "factor": 1.2}]},
        "unseen": {"drug": {**chance, "auroc": 0.93, "unseen_groups": 4, "seen_groups": 11}},
        "notes": ["Only 9 cell lines can be drawn."],
    }
    model = {
        "method": "last_layer",
        "measure": "ln_ic50_um",
        "recalibrator": "identity",
        "split": {"description": "a fifth"},
    }
    about = {"train": "near", "method": "last_layer", "seed": 3, "draws": 2, "models": [model]}
    return TransferResults(whole, shift, concordance, pd.DataFrame(), (target,), about)


def test_the_page_says_what_was_found_and_what_was_left_out(found, unrendered):
    page = render_page(found).replace("\u202f", " ")
    for expected in (
        "From near to far: does the model hold?",
        "Raw, 90 % intervals cover 61 % to 61 % of the targets' responses".replace("'", "&#39;"),
        "With 50 labelled pairs: 80 % to 80 % recalibrated, 90 % to 90 % posterior as prior.",
        "far: 500 labelled pairs would leave too few to score.",
        "far: Only 9 cell lines can be drawn.",
        "posterior as prior, 50",
        "source screen's measurement".replace("'", "&#39;"),
    ):
        assert expected in page, expected
    assert page.count("<svg") == 2
    assert 'class="summary doubt"' in page


def test_the_page_says_whether_what_is_new_is_known_to_be(found, unrendered):
    asked = "Does the epistemic SD know what it has never seen?"
    page = render_page(found)
    for expected in (asked, "far: drugs", "0.930", "0.310", "0.690"):
        assert expected in page, expected
    before = tuple({name: value for name, value in each.items() if name != "unseen"} for each in found.targets)
    assert asked not in render_page(replace(found, targets=before))


def test_a_page_without_a_posterior_names_none(found):
    metrics, shift = (table[table["adaptation"] != "posterior as prior"] for table in (found.metrics, found.shift))
    page = render_page(replace(found, metrics=metrics, shift=shift, about={**found.about, "draws": 1}))
    for figure in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert "recalibrated" in figure
        assert "posterior as prior" not in figure
        assert VERMILION.lower() not in figure.lower()
    assert "over both adaptations" not in page
    assert "at most, drawn once" in page


def test_without_the_source_screen_the_page_stands(found, unrendered):
    bare = TransferResults(found.metrics, found.shift, pd.DataFrame(), pd.DataFrame(), found.targets, found.about)
    page = render_page(bare)
    assert "How well does it do on the source screen?" not in page
    assert page.count("<svg") == 2


def test_the_tables_are_written_beside_it(found, tmp_path):
    path = report.transfer(found, tmp_path / "out")
    assert path.read_text().startswith("<!DOCTYPE html>")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "transfer.parquet"), found.metrics)
    assert len(pd.read_parquet(tmp_path / "out" / "ceiling.parquet")) == 1
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        "ceiling.parquet",
        "drugs.parquet",
        "shift.parquet",
        "transfer.html",
        "transfer.parquet",
    ]


def test_bins_hold_what_they_say():
    distance, similarity = np.array([-1, 0.01, 0.5, 0.95]), np.array([1.0, 0.999, 0.5, 0.31, 0.1])
    assert transfer_scores._binned(distance, transfer_scores.LINE_BINS).tolist() == list(transfer_scores.LINE_BINS)
    assert transfer_scores._binned(similarity, transfer_scores.DRUG_BINS).tolist() == [
        "trained compound",
        "0.5 to 1",
        "0.5 to 1",
        "0.3 to 0.5",
        "below 0.3",
    ]
