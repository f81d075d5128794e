from __future__ import annotations

import pytest

from bdrp.report.definitions import LABELS
from bdrp.report.evaluation.censored_definitions import CENSORED_DEFINITIONS, CENSORED_LABELS
from bdrp.report.evaluation.page_figures import PageFigures

DERIVED = ("_lower", "_upper", "_base_rate", "_if_calibrated", "_inside", "_beyond")


def test_every_metric_of_limits_is_defined_and_nothing_else(case):
    metrics = case.scores.to_dict()
    topics = {
        "as_observed": [*metrics["as_observed"], *metrics["as_observed"]["coverage"]["90"]],
        "beyond": [*metrics["beyond"], "base_rate"],
    }
    named = {f"{topic}.{key}" for topic, keys in topics.items() for key in keys if not key.startswith(("low", "upp"))}
    assert {name for name in named if not name.endswith(DERIVED)} | {"beyond.base_rate"} == set(CENSORED_LABELS)
    assert not set(LABELS) & set(CENSORED_LABELS)


@pytest.mark.parametrize("definition", CENSORED_DEFINITIONS, ids=lambda definition: definition.key)
def test_definitions_of_censored_metrics_are_whole_sentences(definition):
    assert definition.meaning.endswith((".", "?"))
    assert definition.label


def figures(case):
    """The figures of a case, none of them drawn."""
    return PageFigures(case.scores, case.pred, case.observed["response"].to_numpy(float))


def test_the_figure_of_right_censoring_says_what_came_true_and_what_the_baseline_scores(case):
    seen = case.scores.metrics["beyond"]
    (plot,) = figures(case).right_censored()
    assert f"Brier score {seen['brier']:.3f}" in plot.claim
    assert f"base rate alone scores {seen['brier_base_rate']:.3f}" in plot.claim


def test_without_limits_the_page_says_so(make_case, unrendered, tmp_path):
    path = make_case(drugs=1, tissues=1, limits=False, recalibrated=False).write(tmp_path)
    text = path.read_text()
    assert "The highest tested doses are not known" in text
    assert 'id="figure-right-censored"' not in text
