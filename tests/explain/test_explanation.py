"""Drugs and lines are asked for by name, and what was held out for testing stays out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import DataError
from bdrp.explain import explain
from bdrp.explain.explanation import GENES_A_PAIR, associate_screen
from bdrp.explain.pair_terms import TERMS


@pytest.fixture(scope="module")
def found(trained, tiny_screen):
    return explain(trained[0], tiny_screen, drugs=[tiny_screen.drugs["name"].iloc[2]])


def test_a_drug_is_explained_on_every_line(found, tiny_screen):
    assert found.drug_ids == (tiny_screen.drugs.index[2],)
    assert len(found.contributions.pairs) == len(tiny_screen.expression)
    assert set(found.tables()) == {"markers", "terms", "genes", "intervals", "atoms"}


def test_tables_name_lines_and_drugs_and_sum_to_the_predictions(found, tiny_screen):
    tables = found.tables()
    terms = tables["terms"]
    assert list(terms.columns[:4]) == ["cell_line_id", "drug_id", "line_name", "drug_name"]
    assert set(terms["line_name"]) == set(tiny_screen.cell_lines["name"])
    total = terms.groupby("cell_line_id").agg(total=("contribution", "sum"), prediction=("prediction", "first"))
    np.testing.assert_allclose(total["total"], total["prediction"], atol=1e-5)
    assert len(terms) == len(TERMS) * len(tiny_screen.expression)
    genes = tables["genes"]
    assert (genes.groupby("cell_line_id").size() == GENES_A_PAIR + 1).all()
    shares = tables["intervals"].filter(like="share_").sum(axis=1)
    np.testing.assert_allclose(shares, 1, rtol=1e-6)


def test_pairs_are_asked_for_by_id_or_name(trained, tiny_screen):
    line, drug = tiny_screen.cell_lines["name"].iloc[3], tiny_screen.drugs["name"].iloc[1].lower()
    pairs = pd.DataFrame({"cell_line_id": [line, tiny_screen.expression.index[0]], "drug_id": [drug, drug]})
    found = explain(trained[0], tiny_screen, pairs=pairs)
    assert found.contributions.pairs["cell_line_id"].tolist() == list(tiny_screen.expression.index[[3, 0]])
    assert found.drug_ids == (tiny_screen.drugs.index[1],)


def test_what_was_held_out_for_testing_has_no_part_in_scores(trained, tiny_screen):
    model, _ = trained
    held_out = model.held_out()
    scores = associate_screen(model, tiny_screen)
    total = tiny_screen.responses.groupby("drug_id")["cell_line_id"].nunique()
    missing = held_out.groupby("drug_id")["cell_line_id"].nunique()
    expected = total.sub(missing, fill_value=0)
    assert scores.lines.equals(
        expected.loc[scores.lines.index].astype(int).rename(None).rename_axis(scores.lines.index.name)
    )
    assert len(held_out) > 0


def test_assays_of_one_compound_have_scores_in_common(trained, tiny_screen):
    first, second = tiny_screen.drugs.index[:2]
    drugs = tiny_screen.drugs.copy()
    drugs.loc[second, ["smiles", "structure_key"]] = drugs.loc[first, ["smiles", "structure_key"]]
    scores = associate_screen(trained[0], replace(tiny_screen, drugs=drugs))
    alone = associate_screen(trained[0], tiny_screen)
    pd.testing.assert_series_equal(scores.score.loc[first], scores.score.loc[second], check_names=False)
    assert (alone.score.loc[first] != scores.score.loc[first]).mean() > 0.9
    assert scores.one_a_compound([second, first]) == [second]


def test_a_method_without_terms_is_explained_by_genes_alone(fit, tiny_screen, tiny_split):
    model = fit(tiny_screen, tiny_split, method="ridge", options={})
    found = explain(model, tiny_screen, drugs=[tiny_screen.drugs.index[0]])
    assert found.contributions is None and set(found.tables()) == {"markers"}


def test_gene_sets_are_of_the_drugs_asked_for(trained, tiny_screen):
    genes = list(tiny_screen.expression.columns)
    found = explain(trained[0], tiny_screen, drugs=["D002"], gene_sets={"FIRST": genes[:12], "LAST": genes[30:]})
    assert set(found.gene_sets["drug_id"]) == {"D002"} and len(found.gene_sets) == 2
    assert "gene_sets" in found.tables()


def test_nothing_to_explain_and_too_much_are_refused(trained, tiny_screen, monkeypatch):
    with pytest.raises(DataError, match="There is nothing to explain: no drug and no pair"):
        explain(trained[0], tiny_screen)
    monkeypatch.setattr("bdrp.explain.explanation.MOST_PAIRS", 40)
    with pytest.raises(DataError, match="72 predictions are to be explained. At most 40 can be at once"):
        explain(trained[0], tiny_screen, drugs=["D001", "D002"])


def test_an_explanation_shows_itself_in_one_line(found):
    assert repr(found).startswith("Explanation(") and len(repr(found)) < 200
