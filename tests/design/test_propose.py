"""Batches of a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp import design
from bdrp.design import Costs, Target
from bdrp.design.candidates import KEYS, name_pairs
from bdrp.errors import DataError, FitError


@pytest.fixture(scope="module")
def model(trained):
    return trained[0]


@pytest.fixture(scope="module")
def new_lines(tiny_screen):
    """Two lines that the screen lacks, like its own."""
    means = [tiny_screen.expression.iloc[at : at + 2].mean() for at in (0, 7)]
    return pd.DataFrame(means, index=pd.Index(["new 1", "new 2"], name="cell_line_id")).astype("float32")


def test_a_batch_is_of_pairs_that_nothing_was_measured_of_each_once(model, tiny_screen):
    table = design.propose(model, tiny_screen, size=20).table
    known = pd.MultiIndex.from_frame(tiny_screen.responses[KEYS])
    keys = pd.MultiIndex.from_frame(table[KEYS])
    assert len(table) == 20 and not keys.isin(known).any() and not keys.duplicated().any()
    assert table["rank"].tolist() == list(range(1, 21)) and table.notna().all(axis=None)
    assert table["drug_name"].tolist() == tiny_screen.drugs.loc[table["drug_id"], "name"].tolist()


def test_predictions_of_a_batch_are_those_of_the_model(model, tiny_screen):
    table = design.propose(model, tiny_screen, size=5, by="bald").table
    pred = model.predict(tiny_screen.tested_drugs(), tiny_screen.profiles, table[KEYS]).distribution
    np.testing.assert_allclose(table["mean"], pred.mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(table["epistemic_std"], pred.epistemic_std, rtol=1e-3)


def test_a_smaller_batch_is_the_beginning_of_a_larger_one(model, tiny_screen):
    small, large = (design.propose(model, tiny_screen, by="bald", size=size).table for size in (4, 8))
    pd.testing.assert_frame_equal(small, large.head(4))


def test_batches_differ_between_what_is_looked_for(model, tiny_screen):
    names = ("bald", "epig", "greedy_mean", "random")
    found = {
        by: frozenset(map(tuple, design.propose(model, tiny_screen, by=by, size=10).table[KEYS].to_numpy()))
        for by in names
    }
    assert len(set(found.values())) == len(names)


def test_epig_turns_to_the_target_that_is_stated(model, tiny_screen):
    drug = tiny_screen.drugs.index[3]
    of_drug = design.propose(model, tiny_screen, size=15, target=[f"drug={drug}"])
    of_all = design.propose(model, tiny_screen, size=15)
    share = [(each.table["drug_id"] == drug).mean() for each in (of_drug, of_all)]
    assert share[0] > share[1] and drug in of_drug.target


def test_new_lines_are_what_is_measured_where_there_are_any(model, tiny_screen, new_lines):
    found = design.propose(model, tiny_screen, size=6, expression=new_lines)
    assert set(found.table["cell_line_id"]) <= {"new 1", "new 2"} and found.candidates == 24
    assert found.expected.after < found.expected.before


def test_what_was_measured_since_the_fit_is_not_asked_for_again(model, tiny_screen, new_lines):
    drugs = model.drugs_of(tiny_screen)
    first = design.propose(model, tiny_screen, size=4, by="bald", expression=new_lines).table
    rows = first[KEYS].assign(response=first["mean"])
    updated = model.update(rows, drugs=drugs, profiles=new_lines)
    second = design.propose(updated, tiny_screen, size=20, by="bald", expression=new_lines).table
    assert not pd.MultiIndex.from_frame(second[KEYS]).isin(pd.MultiIndex.from_frame(first[KEYS])).any()
    assert len(second) == 20


def test_what_a_batch_is_expected_to_bring_is_what_an_update_leaves(model, tiny_screen, new_lines):
    """The variance that is left does not depend on what is measured where noise is taken for normal."""
    found = design.propose(model, tiny_screen, size=3, by="variance", expression=new_lines)
    assert found.table["epistemic_std"].iloc[0] == found.table["epistemic_std"].max()
    assert found.expected.after <= found.expected.before and found.expected.pairs < 24


def test_candidates_are_pairs_or_a_list_by_id_or_name(tiny_screen):
    lines = tiny_screen.cell_lines["name"]
    drugs = tiny_screen.drugs["name"]
    pair = pd.DataFrame({"cell_line_id": [lines.iloc[0].lower()], "drug_id": [drugs.index[1]]})
    assert name_pairs(pair, lines, drugs, lines.index).to_numpy().tolist() == [[lines.index[0], drugs.index[1]]]
    some = pd.DataFrame({"drug_id": [drugs.iloc[2]]})
    assert len(name_pairs(some, lines, drugs, lines.index[:5])) == 5
    with pytest.raises(DataError, match="Like it are|such as"):
        name_pairs(pd.DataFrame({"drug_id": ["nobody's"]}), lines, drugs, lines.index)
    with pytest.raises(DataError, match="Needed are cell_line_id and drug_id"):
        name_pairs(pd.DataFrame({"dose": [1]}), lines, drugs, lines.index)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"by": "epg"}, "Did you mean epig"),
        ({"target": ["tisue=Lung"]}, "Did you mean tissue=Lung"),
        ({"target": ["tissue=Lugn"]}, "no tissue 'Lugn'. Did you mean Lung"),
        ({"target": ["line=nowhere"]}, "no cell line 'nowhere'"),
        ({"size": 3, "costs": Costs(line=10, budget=5)}, "a budget that buys one"),
        ({"costs": Costs(drugs={"aspirine": 3})}, "no drug 'aspirine'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_is_like_it(model, tiny_screen, arguments, said):
    with pytest.raises(DataError, match=said):
        design.propose(model, tiny_screen, **arguments)


def test_a_pair_that_was_measured_is_no_candidate(model, tiny_screen):
    with pytest.raises(DataError, match="Nothing is left to be measured"):
        design.propose(model, tiny_screen, candidates=tiny_screen.responses[KEYS].head(1))


def test_lines_and_tissues_of_a_target_go_together(tiny_screen):
    names, tissues = tiny_screen.cell_lines["name"], tiny_screen.cell_lines["tissue"]
    lung = names.index[tissues == "Lung"]
    assert set(Target(tissue=("lung",)).lines_of(names, tissues)) == set(lung)
    other = names[tissues != "Lung"].iloc[0]
    with pytest.raises(DataError, match="and of the tissue"):
        Target(tissue=("Lung",), line=(other,)).lines_of(names, tissues)


def test_methods_without_a_covariance_say_so(fit, tiny_screen, tiny_split):
    ridge = fit(tiny_screen, tiny_split, method="ridge", options={})
    with pytest.raises(FitError, match="Allowed: models of last_layer"):
        design.propose(ridge, tiny_screen)
