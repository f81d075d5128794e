"""Slopes are what the model predicts with, differ between drugs, and find the genes that cause responses."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

import bdrp
from bdrp.data import splits
from bdrp.data.sources.simulated import simulate
from bdrp.errors import BdrpWarning, DataError
from bdrp.explain import read_slopes

SMALL = {"epochs": 1, "width": 8, "hidden": 8, "factors": 2}  # the slopes are solved where training starts


@pytest.fixture(scope="module")
def simulation():
    return simulate(0, repeats=2)


def _fitted(simulation, by, **options):
    split = splits.make(simulation.screen, by, seed=0)
    return split, bdrp.fit(simulation.screen, split, options=SMALL | options, refit=False, recalibration="identity")


@pytest.fixture(scope="module")
def model(simulation):
    return _fitted(simulation, "cell_line")[1]


@pytest.fixture(scope="module")
def slopes(model, simulation):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_slopes(model, simulation.screen.drugs)


def _areas(scores, causal):
    return np.array([roc_auc_score(scores.columns.isin(causal[drug]), scores.loc[drug]) for drug in scores.index])


def test_weights_differ_between_drugs(slopes):
    assert slopes.rank_correlation < 0.6  # 0.44 here, 0.99987 of softmax attention
    assert np.corrcoef(slopes.weights)[np.triu_indices(len(slopes.drugs), 1)].mean() < 0.2  # 0.10
    assert repr(slopes) == f"Slopes(87 drugs x 600 genes, rank correlation {slopes.rank_correlation:.2f})"
    first = {slopes.top_genes(drug, 1).index[0] for drug in slopes.drugs}
    assert len(first) > len(slopes.drugs) / 3


def test_weights_find_the_genes_that_cause_responses(slopes, simulation):
    areas = _areas(slopes.weights, simulation.truth.causal_genes)
    assert areas.mean() > 0.96  # 0.983; chance is 0.5
    order = np.random.default_rng(0).permutation(len(slopes.drugs))
    others = pd.DataFrame(slopes.weights.to_numpy()[order], slopes.weights.index, slopes.weights.columns)
    assert areas.mean() > _areas(others, simulation.truth.causal_genes).mean() + 0.2  # no genes that suit every drug


def test_weights_of_unseen_drugs_find_causal_genes_by_what_the_drugs_are_alike(simulation):
    split, model = _fitted(simulation, "drug")
    unseen = simulation.screen.responses["drug_id"].iloc[split.rows("test")].unique()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        read = read_slopes(model, simulation.screen.drugs.loc[unseen])
    assert _areas(read.effect.abs(), simulation.truth.causal_genes).mean() > 0.7  # 0.82 of 18 drugs
    known = read_slopes(model, simulation.screen.drugs.drop(unseen))
    assert (read.effect_sd.mean().mean()) > known.effect_sd.mean().mean()


def test_effects_times_expression_are_what_slopes_add_to_a_prediction(slopes, model, simulation):
    """Exactly: v . h, beside what the same layer predicts without slopes."""
    screen, layer = simulation.screen, model.fitted.layer
    lines = screen.expression.iloc[:7]
    inputs = model.features.inputs(screen.drugs, lines)
    by_gene = inputs.genes.double().numpy() @ slopes.effect.to_numpy().T
    known = layer.coefficients(inputs)
    by_model = model.features.response_std * (inputs.components @ known.v[:, 1:].T).detach().numpy()
    np.testing.assert_allclose(by_gene, by_model, atol=1e-4)


def test_effects_have_the_moments_of_drawn_slopes(slopes):
    rng = np.random.default_rng(0)
    drawn = slopes.query[3] + np.sqrt(slopes.query_variance[3]) * rng.standard_normal((4000, slopes.query.shape[1]))
    effects = drawn @ slopes.keys.T
    np.testing.assert_allclose(effects.mean(0), slopes.effect.iloc[3], atol=4 * slopes.effect_sd.max().max() / 60)
    np.testing.assert_allclose(effects.std(0), slopes.effect_sd.iloc[3], rtol=0.08)
    square = (effects**2).mean(0)
    np.testing.assert_allclose(square / square.sum(), slopes.weights.iloc[3], rtol=0.15)


def test_top_genes_have_weight_effect_and_sd_and_weights_sum_to_one(slopes):
    np.testing.assert_allclose(slopes.weights.sum(axis=1), 1)
    top = slopes.top_genes(slopes.drugs[0], 5)
    assert list(top.columns) == ["weight", "effect", "effect_sd"]
    assert len(top) == 5
    assert top["weight"].is_monotonic_decreasing
    assert top.loc[top.index[0], "effect"] == slopes.effect.loc[slopes.drugs[0], top.index[0]]


def test_a_drug_may_be_named_and_one_that_is_not_there_is_refused(slopes, model, simulation):
    drugs = simulation.screen.drugs
    pd.testing.assert_frame_equal(slopes.top_genes(drugs["name"].iloc[4].lower()), slopes.top_genes(drugs.index[4]))
    with pytest.raises(DataError, match=f"Like it are {drugs['name'].iloc[0]}"):
        slopes.top_genes(f"{drugs['name'].iloc[0]}x")
    of_screen = read_slopes(model, simulation.screen)
    assert of_screen.drugs == slopes.drugs


def test_slopes_on_a_gene_set_are_those_of_predictions_on_its_activity(slopes, model, simulation):
    """The regression, over the training lines, of what slopes predict on the set's mean expression."""
    screen = simulation.screen
    chosen = list(slopes.genes[:15])
    sets = slopes.of_gene_sets({"mine": [*chosen, chosen[0], "NOT-A-GENE"], "nothing": ["NOT-A-GENE"]})
    assert sets.genes == ("mine",)
    inputs = model.features.inputs(screen.drugs, screen.expression.loc[list(model.features.lines)])
    components = inputs.components.double().numpy()[:, : slopes.query.shape[1]]  # those of expression
    explained = components @ (components.T @ inputs.genes.double().numpy()[:, :15].mean(1)) / len(components)
    explained -= explained.mean()
    predicted = components @ slopes.query.T
    expected = explained @ predicted / np.sqrt(len(explained) * (explained**2).sum())
    np.testing.assert_allclose(sets.effect["mine"], expected, rtol=0.02, atol=0.01)
    assert (sets.effect_sd > 0).all().all()


def test_gene_sets_without_a_gene_of_the_model_are_refused(slopes):
    with pytest.raises(DataError, match=r"no gene of the 1 sets. Allowed: sets of its 600 genes, such as ABCB1"):
        slopes.of_gene_sets({"mine": ["NOT-A-GENE"]})


def test_slopes_that_tell_no_drugs_apart_say_so(model, simulation):
    flat = copy.deepcopy(model)
    with torch.no_grad():
        flat.fitted.layer.guide.v_mean[:, 1:] = 0.0
    with pytest.warns(BdrpWarning, match=r"next to nothing of single drugs .asked for 5.: .* rank correlation of 0.99"):
        read_slopes(flat, simulation.screen.drugs.iloc[:5])


def test_several_layers_have_the_moments_of_their_mixture(tiny_screen, tiny_split):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        ensemble = bdrp.fit(
            tiny_screen, tiny_split, method="deep_ensemble", options=SMALL | {"members": 2}, refit=False
        )
        read = read_slopes(ensemble, tiny_screen.drugs)
    unit = ensemble.features.response_std
    inputs = ensemble.features.inputs(tiny_screen.drugs, tiny_screen.expression)
    genes = slice(1, 1 + read.query.shape[1])
    each = np.stack([one.coefficients(inputs).v[:, genes].detach().numpy() for one in ensemble.fitted.layers])
    np.testing.assert_allclose(read.query, unit * each.mean(0), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(read.query_variance, unit**2 * each.var(0), rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize(
    ("method", "options", "match"),
    [
        ("mean_effects", {}, "mean_effects has no slopes to read"),
        ("last_layer", SMALL | {"linear_path": "ignored"}, "its linear path or expression was ignored"),
    ],
)
def test_a_model_without_slopes_says_so(tiny_screen, tiny_split, method, options, match):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        plain = bdrp.fit(tiny_screen, tiny_split, method=method, options=options, refit=False)
    with pytest.raises(DataError, match=match):
        read_slopes(plain, tiny_screen.drugs)


def test_slopes_are_of_expression_where_mutations_are_read_too(tiny_screen):
    lines = tiny_screen.expression.index
    carried = np.random.default_rng(3).integers(2, size=(len(lines), 4)).astype(np.float32)
    table = pd.DataFrame(carried, index=lines, columns=pd.Index([f"M{at}" for at in range(4)], dtype="str"))
    screen = replace(tiny_screen, profiles={**tiny_screen.profiles, "mutations": table})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The calibration part is too small", BdrpWarning)
        options = SMALL | {"modalities": "expression,mutations"}
        model = bdrp.fit(screen, splits.make(screen, "cell_line"), options=options, refit=False)
        read = read_slopes(model, screen.drugs)
    assert list(read.effect.columns) == sorted(screen.expression.columns)
    assert read.query.shape[1] < model.features.components
