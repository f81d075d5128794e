from __future__ import annotations

import pytest

from bdrp.report.definitions import DEFINITIONS, LABELS

DERIVED = ("_null_mean", "_null_q95", "_oracle", "_random", "_if_calibrated")


def test_every_metric_is_defined_on_the_page(case):
    metrics = case.scores.to_dict()
    sections = ("point", "probabilistic", "calibration", "selective")
    named = [f"{section}.{key}" for section in sections for key in metrics[section]]
    named += [f"coverage.{key}" for key in metrics["coverage"]["90"]]
    undefined = [
        name
        for name in named
        if name not in LABELS and not name.startswith("selective.drug_sd_") and not name.endswith(DERIVED)
    ]
    assert undefined == []


def test_no_definition_stands_for_a_metric_that_does_not_exist(case):
    metrics = case.scores.to_dict()
    metrics["coverage"] = metrics["coverage"]["90"]
    metrics["selective"]["drug_sd"] = None
    for definition in DEFINITIONS:
        section, _, key = definition.key.partition(".")
        assert section in metrics
        assert not key or key in metrics[section], definition.key


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.key)
def test_definitions_are_whole_sentences(definition):
    assert definition.meaning.endswith((".", "?"))
    assert definition.label
