"""Probing panels of a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.design import NEW_DRUGS, probe
from bdrp.errors import DataError, FitError

PARACETAMOL = {"name": "paracetamol", "smiles": "CC(=O)Nc1ccc(O)cc1", "structure_key": "RZVAJINKPMORJF"}


@pytest.fixture(scope="module")
def model(trained):
    return trained[0]


@pytest.fixture(scope="module")
def tables(model, tiny_screen):
    return model.drugs_of(tiny_screen), tiny_screen.expression


def test_a_panel_is_a_table_in_the_order_of_measuring_with_k_0_on_the_same_pairs(model, tables):
    panel = probe(model, *tables, size=3)
    assert panel.table["k"].tolist() == [1, 2, 3] and len(set(panel.ids)) == 3
    assert panel.table["name"].tolist() == tables[0].loc[panel.ids, "name"].tolist()
    assert (panel.table["rmse_after"] <= panel.table["rmse_before"]).all()
    assert (panel.table["gain_low"] <= panel.table["gain_high"]).all()
    assert panel.table["reducible_removed"].is_monotonic_increasing
    assert panel.table.notna().all(axis=None) and "for new-lines" in repr(panel)


def test_a_panel_is_the_same_for_the_same_seed(model, tables):
    pd.testing.assert_frame_equal(probe(model, *tables, size=2).table, probe(model, *tables, size=2).table)


def test_lines_are_taken_as_new_whatever_was_measured_on_them(model, tables):
    drugs, expression = tables
    renamed = expression.set_axis([f"unheard of {line}" for line in expression.index])
    known, new = (probe(model, drugs, each, size=3).table for each in (expression, renamed))
    np.testing.assert_allclose(known["rmse_before"], new["rmse_before"], rtol=1e-6)


def test_candidates_alone_are_chosen(model, tables):
    some = tables[0].index[[1, 4, 6]]
    assert set(probe(model, *tables, size=3, candidates=some).ids) == set(some)


def test_what_was_measured_of_these_very_pairs_is_not_asked_for_first(model, tables, tiny_screen):
    drugs, expression = tables
    line = expression.iloc[:2].mean().to_frame("new line").T.astype("float32")
    first = probe(model, drugs, line, size=1).ids[0]
    asked = pd.DataFrame({"cell_line_id": ["new line"], "drug_id": [first]})
    expected = model.predict(drugs, line, asked).distribution.mean[0]
    rows = pd.DataFrame(
        {"cell_line_id": "new line", "drug_id": [first] * 6, "response": expected + np.linspace(0.0, 0.5, 6)}
    )
    updated = model.update(rows, drugs=drugs, profiles=line)
    assert probe(updated, drugs, line, size=1).ids[0] != first


def test_lines_are_chosen_for_new_drugs(model, tables):
    new = pd.DataFrame([PARACETAMOL], index=["new"])
    panel = probe(model, new, tables[1], size=4, target=NEW_DRUGS)
    assert set(panel.ids) <= set(tables[1].index)
    assert panel.table["rmse_after"].iloc[-1] < 0.9 * panel.table["rmse_before"].iloc[-1]
    assert panel.table["rmse_after"].is_monotonic_decreasing


def test_a_drug_that_was_trained_on_is_no_new_one(model, tables):
    with pytest.raises(DataError, match="12 of the new drugs are ones that the model was trained on"):
        probe(model, *tables, target=NEW_DRUGS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"size": 12}, "A panel of 12 cannot be chosen"),
        ({"size": 0}, "A panel of 0 cannot be chosen"),
        ({"candidates": ["nobody's"]}, "1 candidates are none of the 12 drug_id at hand: nobody's"),
        ({"size": 3, "candidates": ["D001"]}, "cannot be chosen|none of"),
    ],
)
def test_panels_that_cannot_be_are_refused(model, tables, arguments, said):
    with pytest.raises(DataError, match=said):
        probe(model, *tables, **arguments)


def test_methods_without_a_covariance_say_so(fit, tiny_screen, tiny_split, tables):
    ridge = fit(tiny_screen, tiny_split, method="ridge", options={})
    with pytest.raises(FitError, match="Allowed: models of last_layer"):
        probe(ridge, *tables)
