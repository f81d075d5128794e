"""The page of an explanation says what its tables hold, and takes no name for anything but text."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bdrp.errors import OutputError
from bdrp.report import explanation
from bdrp.report.explanation import drug_gene_map, page


def test_a_page_has_a_section_a_question(found, unrendered):
    text = page.render_page(found)
    for name in ("markers", "gene-sets", "map", "predictions", "atoms", "intervals", "definitions"):
        assert f'<section id="{name}">' in text
    assert "was not trained on: the drugs that it borrows from" in text
    assert "An association is no cause" in text and "Research use only" in text
    assert text.count("<figure") >= 2 + 1 + 6 + 2 + 1


def test_names_stay_text(found, hostile_name, unrendered):
    names = found.drug_names.copy()
    names[found.drug_ids[0]] = hostile_name
    lines = pd.Series(hostile_name, found.line_names.index)
    text = page.render_page(replace(found, drug_names=names, line_names=lines))
    assert "<script>" not in text and "&lt;script&gt;" in text


def test_drugs_that_nobody_measured_are_explained_as_far_as_can_be(found, unrendered):
    few = found.associations.of_drugs([drug for drug in found.associations.score.index if drug not in found.drug_ids])
    text = page.render_page(replace(found, associations=few, gene_sets=None))
    assert "too few lines for genes to mark them" in text and '<section id="predictions">' in text


def test_assays_of_one_compound_are_shown_once_and_each_has_its_rows_in_the_table(found, unrendered):
    known, ids = found.associations, found.associations.score.index[:2]
    compounds = known.compounds.where(~known.compounds.index.isin(ids), "one compound")
    twins = replace(found, drug_ids=tuple(ids), associations=replace(known, compounds=compounds), gene_sets=None)
    shown = [page.render_page(each).count("surest genes") for each in (twins, replace(twins, associations=known))]
    assert shown == [1, 2]
    assert set(twins.tables()["markers"]["drug_id"]) == set(ids)
    assert drug_gene_map.choose_drugs(twins.associations, ids, 2)[0] == ids[0]
    assert ids[1] not in drug_gene_map.choose_drugs(twins.associations, ids)


def test_few_pairs_are_all_shown_and_of_many_both_ends_of_each_drug(found):
    shared = found.contributions
    chosen = page.chosen(shared)
    assert len(chosen) == page.SHOWN_PAIRS
    first = shared.pairs[shared.pairs["drug_id"] == shared.pairs["drug_id"].iloc[0]]
    assert {first["prediction"].idxmin(), first["prediction"].idxmax()} <= set(chosen)


def test_page_and_tables_are_written_whole_and_over_an_earlier_explanation_alone(found, tmp_path, unrendered):
    formula = "=HYPERLINK(1)"
    harmful = replace(found, line_names=pd.Series(formula, found.line_names.index))
    out = tmp_path / "explained"
    assert explanation.explain(harmful, out) == out / "explain.html"
    assert sorted(path.name for path in out.iterdir()) == [
        *("atoms.csv", "borrowed.csv", "explain.html", "gene_sets.csv"),
        *("genes.csv", "intervals.csv", "markers.csv", "terms.csv"),
    ]
    terms = pd.read_csv(out / "terms.csv")
    assert (terms["line_name"] == f"'{formula}").all()
    explanation.explain(replace(found, gene_sets=None), out)
    assert not (out / "gene_sets.csv").exists()
    (out / "markers.csv").write_text("mine,of\n1,2\n")
    with pytest.raises(OutputError, match=r"markers.csv \(there is something else"):
        explanation.explain(found, out)


def test_a_page_asks_the_network_for_nothing(found):
    text = page.render_page(found)
    assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in text
