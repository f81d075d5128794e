"""The section about training rows: drawn from what the fit left, or a sentence that says why it is empty."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bdrp.report.definitions import LABELS
from bdrp.report.evaluation.figures import posterior
from bdrp.report.figures.svg import render


@pytest.fixture(scope="module")
def written(case, checked, tmp_path_factory):
    return case.write(tmp_path_factory.mktemp("report"), posterior=checked)


def test_the_section_has_its_four_figures_and_its_metrics(written, checked):
    text = written.read_text(encoding="utf-8")
    for name in ("k-hat", "loo-pit", "replicated", "replicated-statistics"):
        assert text.count(f'id="picture-{name}"') == 1
    assert f'value="{checked.metrics["elpd"]!r}"' in text and "60 taken at random of 5,000" in text
    record = json.loads((written.parent / "scores.json").read_text(encoding="utf-8"))["posterior"]
    assert record["share_above"] == checked.metrics["share_above"]
    assert [row["statistic"] for row in record["statistics"]] == checked.statistics["statistic"].tolist()


def test_without_draws_the_section_says_why(case, tmp_path):
    path = case.write(tmp_path)
    assert "no draws of a posterior were kept with this model" in path.read_text(encoding="utf-8")
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["posterior"] is None


def test_a_claim_names_the_rows_that_cannot_be_relied_on(checked):
    rows = checked.rows.assign(k_hat=np.where(np.arange(60) < 15, 0.9, 0.1))
    assert "above 0.7 for 25.0\u202f% of 60 training rows" in posterior.plot_k_hat(rows, 0.7).claim
    fine = posterior.plot_k_hat(checked.rows.assign(k_hat=0.1), 0.7)
    assert fine.claim.endswith("leave-one-out can be relied on.")


@pytest.mark.parametrize("value", [np.inf, -np.inf, 0.0, 5.0])
def test_extreme_k_hats_are_drawn(checked, value):
    assert render(posterior.plot_k_hat(checked.rows.assign(k_hat=value), 0.7)).startswith("<svg")


def test_a_statistic_outside_its_range_is_named(checked):
    table = checked.statistics.assign(observed=checked.statistics["median"])
    assert "7 of 7 statistics" in posterior.plot_statistics(table).claim
    table.loc[table["statistic"] == "q95", "observed"] = 100.0
    assert "6 of 7 statistics" in posterior.plot_statistics(table).claim
    assert "95 % quantile not" in posterior.plot_statistics(table).claim


def test_replicates_that_do_not_vary_are_drawn(checked):
    flat = checked.statistics.assign(lower=1.0, median=1.0, upper=1.0, observed=1.0)
    assert "7 of 7" in posterior.plot_statistics(flat).claim


def test_every_figure_of_the_check_has_a_definition(checked):
    undefined = set(checked.metrics) - {"draws", "rows", "of_rows", "good_k"}
    assert [name for name in undefined if f"posterior.{name}" not in LABELS] == []


def test_figures_that_are_not_defined_are_written_as_missing(case, checked, tmp_path):
    alone = replace(checked, metrics=dict(checked.metrics) | {"elpd_se": float("nan")})
    case.write(tmp_path, posterior=alone)
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["posterior"]["elpd_se"] is None
