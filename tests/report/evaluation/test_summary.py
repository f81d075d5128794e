from __future__ import annotations

from dataclasses import replace

import pytest

from bdrp.report.evaluation.summary import Evidence, summarise

GOOD = Evidence(
    pairs=31_000,
    split="cell_line",
    unit="ln(µM)",
    measure="ln_ic50_um",
    coverage_90=0.896,
    coverage_lower=0.889,
    coverage_upper=0.903,
    width_90=4.0,
    rmse=1.27,
    baseline_rmse=1.51,
    surest_tenth_rmse=0.7,
    baseline_tenth_rmse=0.75,
    censored=0.6,
)


def words(**changes):
    summary = summarise(replace(GOOD, **changes))
    return summary.tone, " ".join([summary.headline, *summary.sentences]).replace("\u202f", " ")


def test_a_good_model_is_praised_with_its_numbers():
    tone, text = words()
    assert tone == "fair"
    assert "90 % intervals cover 89.6 % of 31,000 responses of cell lines that the model never saw" in text
    assert "they cover at their nominal level" in text
    assert "4.00 ln(µM) wide on average, from end to end a factor of 55 in concentration" in text
    assert "off by 1.27 ln(µM) (RMSE), 16 % less than the mean-effects baseline" in text
    assert "60 % of these responses are censored" in text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"coverage_90": 0.8, "coverage_upper": 0.85}, "too narrow"),
        ({"coverage_90": 0.97, "coverage_lower": 0.95}, "too wide"),
        ({"coverage_90": 0.97, "coverage_lower": None}, "too wide"),
        ({"coverage_90": 0.8, "coverage_lower": 0.68, "coverage_upper": 0.91}, "chance may explain it"),
        ({"rmse": 1.6}, "no better than the mean-effects baseline"),
        ({"pairs": 5, "coverage_90": 1.0}, "too few to tell"),
    ],
)
def test_a_fault_is_named_and_the_tone_changes(changes, expected):
    tone, text = words(**changes)
    assert tone == "doubt"
    assert expected in text
    assert (": they cover at their nominal level." in text) == ("rmse" in changes)


def test_an_sd_that_ranks_nothing_is_called_so():
    assert "does not tell good predictions from bad ones" in words(surest_tenth_rmse=1.26)[1]
    assert (
        "RMSE is 0.70, against 1.27 for all and 0.75 when ranked by nothing but each drug's usual error." in words()[1]
    )
    assert "usual error" not in words(baseline_tenth_rmse=None)[1]
    assert "smallest SD" not in words(surest_tenth_rmse=None)[1]


def test_unknown_metrics_are_left_out_of_the_words():
    _, text = words(baseline_rmse=None, surest_tenth_rmse=None, censored=None, measure="auc_fraction")
    assert "None" not in text and "nan" not in text and "baseline" not in text and "concentration" not in text
