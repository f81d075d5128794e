"""Terms, genes and shares sum to the prediction and its variance, and say of each drug what is its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from bdrp.data import splits
from bdrp.errors import DataError
from bdrp.explain import explain_pairs
from bdrp.explain.curves import deletion_and_insertion
from bdrp.explain.differing import mean_rank_correlation
from bdrp.explain.pair_terms import TERMS
from bdrp.explain.variance_shares import SHARES


@pytest.fixture(scope="module")
def case(fit, tiny_screen):
    """A model that knows neither all drugs nor all lines, and what it says of every pair."""
    model = fit(
        tiny_screen,
        splits.make(tiny_screen, "both"),
        options={"epochs": 6, "width": 16, "hidden": 16, "programmes": 6, "heads": 2, "factors": 3},
        recalibration="isotonic",
    )
    return model, explain_pairs(model, model.drugs_of(tiny_screen), tiny_screen.profiles)


@pytest.fixture(scope="module")
def predicted(case, tiny_screen):
    model, _ = case
    return model.predict(model.drugs_of(tiny_screen), tiny_screen.profiles)


def _seen(case):
    """Whether the drug and the line of each pair were trained on."""
    model, found = case
    keys = found.pairs
    return keys["drug_id"].isin(model.features.drugs.ids), keys["cell_line_id"].isin(model.features.lines)


def test_terms_sum_to_the_prediction(case, predicted):
    _, found = case
    assert list(found.terms) == list(TERMS)
    np.testing.assert_array_equal(found.pairs["prediction"], predicted.distribution.mean)
    np.testing.assert_allclose(found.terms.sum(axis=1), predicted.distribution.mean, atol=1e-5)
    assert found.terms["recalibration"].abs().max() > 1e-3  # isotonic recalibration shifts means


def test_features_sum_to_their_terms_and_the_rest_is_the_drug_on_a_mean_line(case):
    _, found = case
    np.testing.assert_allclose(found.slopes.sum(1), found.terms["slopes"], atol=1e-5)
    at_mean = found.at_mean_line
    for _, rows in found.pairs.groupby("drug_id"):
        assert np.ptp(at_mean[rows.index]) < 1e-5
    total = found.by_feature().sum(axis=1) + at_mean
    np.testing.assert_allclose(total, found.terms[["slopes", "line_expression", "network"]].sum(axis=1), atol=1e-5)


def test_a_gene_that_is_set_to_its_mean_takes_its_linear_part_away(case, tiny_screen):
    model, found = case
    gene = model.features.genes[7]
    mean = model.features.scalers["expression"].mean[7]
    profiles = {**tiny_screen.profiles, "expression": tiny_screen.expression.assign(**{gene: mean})}
    without = explain_pairs(model, model.drugs_of(tiny_screen), profiles)
    lost = found.terms["slopes"] - without.terms["slopes"]
    np.testing.assert_allclose(lost, found.slopes[:, 7], atol=1e-5)
    assert np.abs(found.slopes[:, 7]).max() > 0.01


def test_a_tissue_that_is_not_told_takes_its_part_away_and_is_named_among_what_is_missing(case, tiny_screen):
    model, found = case
    tissue = found.features["modality"].eq("tissue").to_numpy()
    assert tissue.sum() == 1 and np.abs(found.slopes[:, tissue]).max() > 1e-3 and (found.network[:, tissue] == 0).all()
    untold = explain_pairs(model, model.drugs_of(tiny_screen), tiny_screen.expression)
    np.testing.assert_allclose(found.terms["slopes"] - untold.terms["slopes"], found.slopes[:, tissue][:, 0], atol=1e-5)
    assert (found.profiles[:, tissue] == 1).all() and (untold.profiles[:, tissue] == 0).all()
    assert (found.variance["missing_profile"] == 0).all() and (untold.variance["missing_profile"] > 0).all()
    assert untold.pairs["sd"].mean() > found.pairs["sd"].mean()  # not of each: a rare tissue's own slope is unsure too


def test_posterior_sds_are_those_of_joint_draws(case, tiny_screen):
    # Means and SDs of 4,000 draws of one trained pair: an SD is known to 1.1 %, so 4 SDs are 4.5 %.
    model, found = case
    drug, line = _seen(case)
    pair = int(np.flatnonzero(drug & line)[5])
    inputs, rows = model.prepared(model.drugs_of(tiny_screen), tiny_screen.profiles, found.pairs.iloc[[pair]])
    layer, unit = model.fitted.layer, model.features.response_std
    posterior = layer.posterior_of(inputs, rows)
    terms = posterior._terms
    torch.manual_seed(0)
    with torch.no_grad():
        drawn = layer.coefficients(posterior.inputs).draw(layer.guide.w_mean + layer.guide.w_deviations(4000))
    place = int(rows.drug[0])
    slopes = terms.by_compound[0, 1:] * drawn.v[:, place, 1:]
    factors = drawn.u[:, 0, 1:] * (terms.by_line[place, 1:].detach() + drawn.loadings[:, place])
    for name, draws in {
        "network": drawn.w @ terms.features[0].detach(),
        "drug_level": drawn.v[:, place, 0],
        "line_level": drawn.u[:, 0, 0],
        "slopes": slopes.sum(1),
        "factors": factors.sum(1),
    }.items():
        np.testing.assert_allclose(found.terms_sd.loc[pair, name], unit * float(draws.std()), rtol=0.05)
        positive = float((draws > 0).float().mean())
        agreeing = positive if found.terms.loc[pair, name] > 0 else 1 - positive
        np.testing.assert_allclose(found.terms_probability.loc[pair, name], agreeing, atol=0.04)


def test_what_is_not_random_has_no_sd(case):
    _, found = case
    fixed = ["overall", "drug_structure", "line_expression", "recalibration"]
    assert (found.terms_sd[fixed] == 0).all(axis=None)
    assert (found.terms_probability[["overall", "drug_structure"]] == 1).all(axis=None)


def test_shares_sum_to_the_variance_and_name_what_is_unseen(case, predicted):
    _, found = case
    assert list(found.variance) == list(SHARES)
    np.testing.assert_allclose(found.variance.sum(axis=1), predicted.distribution.variance, rtol=1e-5)
    np.testing.assert_allclose(found.variance["noise"], predicted.distribution.aleatoric, rtol=1e-6)
    drug, line = _seen(case)
    for name, seen in (("unseen_drug", drug), ("unseen_line", line)):
        assert (found.variance[name][seen] == 0).all() and (found.variance[name][~seen] > 0).all()
    for name, seen in (("drug_data", drug), ("line_data", line)):
        assert (found.variance[name][~seen] == 0).all() and (found.variance[name][seen] > 0).all()
    assert found.variance["unseen_drug"][~drug].mean() > found.variance["drug_data"][drug].mean()
    assert (found.variance["missing_profile"] == 0).all() and (found.variance >= 0).all(axis=None)


def test_what_an_unseen_drug_borrows_sums_to_its_terms(case):
    model, found = case
    drug, _ = _seen(case)
    assert set(found.borrowed["drug_id"]) == set(found.pairs["drug_id"][~drug])
    total = found.borrowed.groupby(["cell_line_id", "drug_id"])[["level", "slopes"]].sum()
    keyed = found.pairs[["cell_line_id", "drug_id"]].join(found.terms).set_index(["cell_line_id", "drug_id"])
    np.testing.assert_allclose(total["level"], keyed.loc[total.index, "drug_level"], atol=1e-5)
    np.testing.assert_allclose(total["slopes"], keyed.loc[total.index, "slopes"], atol=1e-5)
    assert set(found.borrowed["from_drug_id"]) == set(model.features.drugs.ids)
    assert found.borrowed["from_name"].isin(model.applicability_domain.drug_names).all()


def test_explanations_differ_between_drugs(case):
    _, found = case
    mean = found.by_gene().abs().groupby(found.pairs["drug_id"]).mean()
    drug, _ = _seen(case)
    trained = mean.loc[found.pairs["drug_id"][drug].unique()]
    own = pd.DataFrame(found.slopes / np.where(found.profiles == 0, 1, found.profiles)).groupby(found.pairs["drug_id"])
    assert mean_rank_correlation(own.mean().loc[trained.index].abs()) < 0.5
    assert trained.idxmax(axis=1).nunique() > 1


def test_deleting_the_genes_that_are_named_moves_predictions_further_than_random_ones(case, tiny_screen):
    model, found = case
    pairs = found.pairs.iloc[::7].reset_index(drop=True)
    importance = found.by_gene().to_numpy()[::7]
    tables = model.drugs_of(tiny_screen), tiny_screen.expression
    table = deletion_and_insertion(model, *tables, pairs, importance, counts=(0, 3, 10, 50)).set_index("count")
    assert (table.loc[0] == 0).all()
    np.testing.assert_allclose(table.loc[50], 1, rtol=1e-6)
    for count in (3, 10):
        row = table.loc[count]
        assert row["deletion"] > 1.5 * row["random_deletion"] and row["insertion"] > 1.5 * row["random_insertion"]
    same = np.tile(np.abs(importance).mean(0)[np.random.default_rng(0).permutation(50)], (len(pairs), 1))
    constant = deletion_and_insertion(model, *tables, pairs, same, counts=(3, 10)).set_index("count")
    assert (constant["deletion"] < table.loc[[3, 10], "deletion"] / 1.5).all()


def test_a_point_estimate_has_contributions_without_uncertainty(fit, tiny_screen, tiny_split):
    model = fit(tiny_screen, tiny_split, method="deterministic", recalibration="identity")
    found = explain_pairs(model, model.drugs_of(tiny_screen), tiny_screen.profiles)
    np.testing.assert_allclose(found.terms.sum(axis=1), found.pairs["prediction"], atol=1e-5)
    assert (found.terms_sd == 0).all(axis=None) and (found.slopes_sd == 0).all()


def test_without_a_linear_path_the_slopes_say_nothing(fit, tiny_screen, tiny_split):
    model = fit(
        tiny_screen,
        tiny_split,
        options={
            "epochs": 1,
            "width": 8,
            "hidden": 8,
            "factors": 2,
            "linear_path": "ignored",
            "drug_encoder": "one_hot",
        },
    )
    found = explain_pairs(model, model.drugs_of(tiny_screen), tiny_screen.profiles)
    np.testing.assert_allclose(found.terms.sum(axis=1), found.pairs["prediction"], atol=1e-5)
    assert (found.slopes == 0).all() and found.atoms.empty


def test_a_pair_is_explained_as_it_is_among_others(case, tiny_screen):
    model, found = case
    some = found.pairs.iloc[[40, 3]][["cell_line_id", "drug_id"]]
    alone = explain_pairs(model, model.drugs_of(tiny_screen), tiny_screen.profiles, some)
    np.testing.assert_allclose(alone.terms, found.terms.iloc[[40, 3]], atol=1e-5)
    np.testing.assert_allclose(alone.by_gene(), found.by_gene().iloc[[40, 3]], atol=1e-5)


def test_genes_are_listed_by_size_with_both_parts(case):
    _, found = case
    table = found.genes(11, 5)
    assert table["contribution"].abs().is_monotonic_decreasing and len(table) == 5
    np.testing.assert_allclose(table["contribution"], table["slopes"] + table["network"])
    assert table["probability_of_sign"].between(0.5, 1).all()


def test_contributions_show_themselves_in_one_line(case):
    assert repr(case[1]) == "PairContributions(432 pairs: 9 terms, 51 features)"


def test_a_method_without_terms_says_so(fit, tiny_screen, tiny_split):
    model = fit(tiny_screen, tiny_split, method="ridge", options={})
    with pytest.raises(
        DataError, match="Predictions of ridge have no terms that sum to them. Allowed: models of last_l"
    ):
        explain_pairs(model, tiny_screen.drugs, tiny_screen.profiles)


def test_what_is_not_known_of_a_line_without_a_profile_is_a_part_of_its_own(fit, tiny_screen, tiny_split):
    rng = np.random.default_rng(0)
    lines = tiny_screen.expression.index
    marks = pd.DataFrame(rng.integers(0, 2, (len(lines), 6)), lines, [f"M{i}" for i in range(6)]).astype("float32")
    screen = replace(tiny_screen, profiles={**tiny_screen.profiles, "mutations": marks.iloc[::2]})
    model = fit(screen, tiny_split, options={"modalities": "expression,mutations", "epochs": 2, "factors": 2})
    found = explain_pairs(model, model.drugs_of(screen), screen.profiles)
    np.testing.assert_allclose(found.terms.sum(axis=1), found.pairs["prediction"], atol=1e-5)
    np.testing.assert_allclose(found.slopes.sum(1), found.terms["slopes"], atol=1e-5)
    np.testing.assert_allclose(found.variance.sum(axis=1), found.pairs["sd"] ** 2, rtol=1e-5)
    has = found.pairs["cell_line_id"].isin(lines[::2])
    assert (found.variance["missing_profile"][has] == 0).all() and (found.variance["missing_profile"][~has] > 0).all()
    assert found.features["modality"].value_counts()["mutations"] == 7
    mutations = found.features["modality"].eq("mutations").to_numpy()
    assert (found.slopes[np.ix_(~has, mutations)] == 0).all() and (found.slopes[np.ix_(has, mutations)] != 0).any()
