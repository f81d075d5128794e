"""The section about training rows: drawn from what the fit left, or a sentence that says why it is empty."""

from __future__ import annotations

import json
from dataclasses import replace

from bdrp.report.definitions import LABELS


def test_the_section_has_its_four_figures_and_its_metrics(case, checked, unrendered, tmp_path):
    written = case.write(tmp_path, posterior=checked)
    text = written.read_text(encoding="utf-8")
    for name in ("k-hat", "loo-pit", "replicated", "replicated-statistics"):
        assert text.count(f'id="figure-{name}"') == 1
    assert f'value="{checked.metrics["elpd"]!r}"' in text and "60 taken at random of 5,000" in text
    record = json.loads((written.parent / "scores.json").read_text(encoding="utf-8"))["posterior"]
    assert record["share_above"] == checked.metrics["share_above"]
    assert [row["statistic"] for row in record["statistics"]] == checked.statistics["statistic"].tolist()


def test_without_draws_the_section_says_why(case, unrendered, tmp_path):
    path = case.write(tmp_path)
    assert "no draws of a posterior were kept with this model" in path.read_text(encoding="utf-8")
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["posterior"] is None


def test_every_metric_of_the_check_has_a_definition(checked):
    undefined = set(checked.metrics) - {"draws", "rows", "of_rows", "good_k"}
    assert [name for name in undefined if f"posterior.{name}" not in LABELS] == []


def test_metrics_that_are_not_defined_are_written_as_missing(case, checked, unrendered, tmp_path):
    alone = replace(checked, metrics=dict(checked.metrics) | {"elpd_se": float("nan")})
    case.write(tmp_path, posterior=alone)
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["posterior"]["elpd_se"] is None
