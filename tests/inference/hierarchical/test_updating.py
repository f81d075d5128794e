"""The posterior as prior, against conjugate updating of the weights themselves."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bdrp.features.batch import pairs as as_pairs
from bdrp.features.drugs import TrainingDrugs
from bdrp.inference.hierarchical.batch_effects import BatchEffects
from bdrp.inference.hierarchical.updating import UpdatedFit
from bdrp.inference.method import Runtime

COVARIANCES = ("full", "low_rank", "diagonal")


@pytest.fixture(scope="module")
def loose(some_unseen, make_method):
    """`loose(covariance)`: a small fit whose every weight is uncertain and whose loadings are known."""

    @cache
    def fitted(covariance, loadings=-20.0, likelihood="normal"):
        method = make_method("last_layer", covariance=covariance, lines="known", likelihood=likelihood, epochs=1)
        return loosened(method.fit(some_unseen, Runtime()), loadings)

    return fitted


@torch.no_grad()
def loosened(fit, loadings):
    """Every weight uncertain, line factors and loadings far from 0; the loadings' log SD is given."""
    guide, draw = fit.layer.guide, torch.Generator().manual_seed(3)
    guide.w_log_scale.fill_(-1.0)
    guide.w_factor.copy_(0.2 * torch.randn(guide.w_factor.shape, generator=draw))
    guide.v_log_scale.fill_(-1.5)
    for mean in (guide.u_mean, guide.g_mean):
        mean.copy_(0.7 * torch.randn(mean.shape, generator=draw))
    guide.g_log_scale.fill_(loadings)
    fit.layer.kriging.variance[-guide.g_mean.shape[1] :] = float(np.exp(2 * loadings))
    fit.layer.kriging.unsure.zero_()
    return fit


def some(batch, count, seed):
    """Rows of every part, those of unseen lines and drugs too."""
    every = batch.train.concatenate(batch.test)
    return every.select(torch.randperm(len(every), generator=torch.Generator().manual_seed(seed))[:count])


@torch.no_grad()
def dense(fit, inputs, pairs):
    """The deviations of pairs as a design (N, Q) in independent standard normals: one column a weight."""
    terms = fit.layer.model.terms(
        fit.layer.encode(inputs), inputs, torch.arange(len(inputs.line_ids)), pairs.line, pairs.drug
    )
    known = fit.layer.coefficients(inputs)
    effect = inputs.drug_effect
    compound = torch.where(effect >= 0, effect, 1000 + torch.arange(len(effect)))[pairs.drug]
    posterior = fit.layer.guide.w()
    root = torch.linalg.cholesky(
        posterior.covariance_matrix if hasattr(posterior, "covariance_matrix") else posterior.variance.diag()
    )
    columns = [terms.features @ root]
    for one in compound.unique():
        columns.append((compound == one)[:, None] * terms.by_compound[pairs.line] * known.v_variance[pairs.drug].sqrt())
    by_line = (terms.by_line + nn.functional.pad(known.loadings, (1, 0)))[pairs.drug]
    for one in pairs.line.unique():
        columns.append((pairs.line == one)[:, None] * (by_line @ torch.linalg.cholesky(known.u_covariance[one])))
    return fit.features.response_std * torch.cat(columns, dim=1).double().numpy(), compound.numpy()


def conjugate(design, noise, left):
    """Mean and covariance of standard normal weights given N responses: the textbook formula in weight space."""
    precision = np.eye(design.shape[1]) + design.T @ (design / noise[:, None])
    covariance = np.linalg.inv(precision)
    return covariance @ design.T @ (left / noise), covariance


@torch.no_grad()
def both(fit, batch, effects, extra):
    """(updated, mean and variance by the weights) for 40 pairs given 30."""
    rows = some(batch, 70, seed=1)
    labelled, asked = rows.select(torch.arange(30)), rows.select(torch.arange(30, 70))
    prior = [fit.predict(batch.inputs, part) for part in (labelled, asked)]
    updated = UpdatedFit(fit, batch.inputs, labelled, prior[0], effects).predict(batch.inputs, asked, prior[1])
    design, compound = dense(fit, batch.inputs, rows)
    design = np.hstack([effects.epistemic * design, *extra(fit, rows, compound, np.r_[prior[0].mean, prior[1].mean])])
    noise = effects.noise**2 * prior[0].aleatoric
    mean, covariance = conjugate(design[:30], noise, labelled.response.numpy() - prior[0].mean)
    return updated, prior[1].mean + design[30:] @ mean, ((design[30:] @ covariance) * design[30:]).sum(1)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_it_is_what_conjugate_updating_of_the_weights_gives(loose, some_unseen, covariance):
    updated, mean, variance = both(loose(covariance), some_unseen, BatchEffects(), lambda *_: [])
    np.testing.assert_allclose(updated.mean, mean, rtol=2e-4, atol=2e-4)  # single precision of the network
    np.testing.assert_allclose(updated.epistemic, variance, rtol=2e-3)


def test_batch_effects_are_weights_like_others(loose, some_unseen):
    effects = BatchEffects(1.3, 0.8, offset=0.5, slope=0.2, by_drug=0.4, by_line=0.3)

    def extra(fit, rows, compound, mean):
        response_std, features = fit.features.response_std, fit.features
        drugs = compound[:, None] == np.unique(compound)
        lines = rows.line.numpy()[:, None] == np.unique(rows.line.numpy())
        slope = 0.2 * (mean - features.response_mean)[:, None]
        return [
            np.full((len(mean), 1), 0.5 * response_std),
            slope,
            0.4 * response_std * drugs,
            0.3 * response_std * lines,
        ]

    updated, mean, variance = both(loose("full"), some_unseen, effects, extra)
    np.testing.assert_allclose(updated.mean, mean, rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(updated.epistemic, variance, rtol=2e-3)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_variances_of_deviations_are_the_predicted_ones_products_of_weights_too(loose, some_unseen, covariance):
    fit, rows = loose(covariance, loadings=-1.0), some(some_unseen, 80, seed=2)
    found = fit.posterior_of(some_unseen.inputs, rows)
    np.testing.assert_allclose(np.diag(found.covariance(found)), found.epistemic, rtol=1e-4)


def test_covariances_of_deviations_are_those_of_joint_draws(loose, some_unseen):
    fit, rows = loose("full", loadings=-1.0), some(some_unseen, 12, seed=4)
    found = fit.posterior_of(some_unseen.inputs, rows)
    drawn = found.draw(np.random.default_rng(0), 20_000)
    expected = found.covariance(found) / np.sqrt(np.outer(found.epistemic, found.epistemic))
    # 66 correlations, each with a standard error of about 0.007 (heavier noise_dof of products aside): six of these.
    np.testing.assert_allclose(np.corrcoef(drawn.T), expected, atol=0.045)


def test_without_labelled_pairs_and_batch_effects_nothing_changes(loose, some_unseen):
    fit, rows = loose("full"), some(some_unseen, 20, seed=5)
    prior = fit.predict(some_unseen.inputs, rows)
    none = rows.select(torch.arange(0))
    updated = UpdatedFit(fit, some_unseen.inputs, none, prior[:0], BatchEffects())
    found = updated.predict(some_unseen.inputs, rows, prior)
    for name in ("mean", "aleatoric_std", "epistemic_std"):
        np.testing.assert_allclose(getattr(found, name), getattr(prior, name), rtol=1e-6)


def test_a_pair_that_was_not_labelled_but_repeats_one_learns_most(loose, some_unseen):
    fit, rows = loose("full"), some(some_unseen, 20, seed=6)
    prior = fit.predict(some_unseen.inputs, rows)
    updated = UpdatedFit(fit, some_unseen.inputs, rows, prior, BatchEffects()).predict(some_unseen.inputs, rows, prior)
    assert (updated.epistemic < prior.epistemic).all()


def test_the_covariance_is_scaled_to_the_prior_that_is_given(loose, some_unseen):
    fit, rows = loose("full"), some(some_unseen, 60, seed=7)
    labelled, asked = rows.select(torch.arange(30)), rows.select(torch.arange(30, 60))
    one, two = (fit.predict(some_unseen.inputs, part) for part in (labelled, asked))
    doubled = UpdatedFit(fit, some_unseen.inputs, labelled, one.scale(2.0), BatchEffects())
    stretched = UpdatedFit(fit, some_unseen.inputs, labelled, one, BatchEffects(epistemic=2.0, noise=2.0))
    given = doubled.predict(some_unseen.inputs, asked, two.scale(2.0))
    asked_for = stretched.predict(some_unseen.inputs, asked, two)
    np.testing.assert_allclose(given.mean, asked_for.mean, rtol=1e-6)
    np.testing.assert_allclose(given.std, asked_for.std, rtol=1e-6)


@pytest.fixture(scope="module")
def elsewhere(loose, some_unseen):
    """Responses of a target screen, drawn from a fit: an offset of 2 SDs, drugs off by 1, half of the noise SD."""
    fit, rows = loose("full", likelihood="student_t"), some(some_unseen, 260, seed=8)
    prior, rng = fit.predict(some_unseen.inputs, rows), np.random.default_rng(0)
    by_drug = rng.standard_normal(len(some_unseen.inputs.drug_ids))[rows.drug.numpy()]
    noise = 0.5 * prior.aleatoric_std * rng.standard_normal(len(rows))
    response = prior.mean + fit.features.response_std * (2.0 + by_drug) + noise
    labelled = replace(rows, response=torch.as_tensor(response))
    return fit, labelled, prior


def test_labelled_pairs_find_the_batch_effects(elsewhere, some_unseen):
    fit, rows, prior = elsewhere
    labelled, asked = torch.arange(160), torch.arange(160, 260)
    updated = UpdatedFit(fit, some_unseen.inputs, rows.select(labelled), prior[labelled.numpy()])
    found = updated.predict(some_unseen.inputs, rows.select(asked), prior[asked.numpy()])
    response = rows.response.numpy()[asked.numpy()]
    before, after = (np.sqrt(np.mean((mean - response) ** 2)) for mean in (prior.mean[asked.numpy()], found.mean))
    assert after < 0.4 * before
    assert updated.batch_effects.noise < 1 and updated.batch_effects.by_drug > 0.5
    low, high = found.interval(0.9).T
    # 100 pairs, SE 3 points if they were independent; they share offsets, so twice that, three times over.
    assert 0.72 < np.mean((low < response) & (response < high)) <= 1


def test_gross_outliers_move_a_student_less_than_a_normal(elsewhere, some_unseen):
    fit, rows, prior = elsewhere
    some_rows = torch.arange(60)
    response = rows.response[some_rows].clone()
    response[:3] += 30 * fit.features.response_std
    spoiled = replace(rows.select(some_rows), response=response)
    weight = UpdatedFit(fit, some_unseen.inputs, spoiled, prior[:60], BatchEffects(offset=2.0, by_drug=1.0)).weight
    assert weight[:3].max() < 0.05 < np.median(weight[3:])


def test_two_ids_of_one_compound_have_coefficients_of_their_own(loose, some_unseen, tiny_screen):
    fit, frame = loose("full"), tiny_screen.responses.head(6)
    drugs = tiny_screen.drugs
    again = drugs.set_axis(["other " + drug for drug in drugs.index]).rename_axis("drug_id")
    one = fit.features.inputs(drugs, tiny_screen.expression)
    two = fit.features.inputs(again, tiny_screen.expression)
    here = fit.posterior_of(one, as_pairs(frame, one))
    there = fit.posterior_of(two, as_pairs(frame.assign(drug_id="other " + frame["drug_id"]), two))
    # what the network and the line say, the two have in common; what their own coefficients say, they have not
    assert (np.diag(here.covariance(there)) < 0.9 * here.epistemic).all()


def test_two_ids_of_one_compound_are_one_to_a_model_that_was_fitted_without_ids(loose, some_unseen, tiny_screen):
    fit, frame = loose("full"), tiny_screen.responses.head(6)
    earlier = copy(fit)
    earlier.features = replace(fit.features, drugs=TrainingDrugs(fit.features.compounds))
    earlier.layer = copy(fit.layer)
    earlier.layer.features = earlier.features
    drugs = tiny_screen.drugs
    again = drugs.set_axis(["other " + drug for drug in drugs.index]).rename_axis("drug_id")
    one, two = (earlier.features.inputs(table, tiny_screen.expression) for table in (drugs, again))
    here = earlier.posterior_of(one, as_pairs(frame, one))
    there = earlier.posterior_of(two, as_pairs(frame.assign(drug_id="other " + frame["drug_id"]), two))
    known = np.isin(drugs.loc[frame["drug_id"], "structure_key"], fit.features.compounds)
    assert known.any()
    np.testing.assert_allclose(np.diag(here.covariance(there))[known], here.epistemic[known], rtol=1e-5)


def test_two_ids_of_one_compound_in_another_laboratory_have_offsets_of_their_own(loose, some_unseen, tiny_screen):
    fit, drugs = loose("full"), tiny_screen.drugs
    trained = drugs[drugs["structure_key"].isin(fit.features.compounds)].head(1)
    both = pd.concat([trained.set_axis([name]) for name in ("one", "other")]).rename_axis("drug_id")
    inputs = fit.features.inputs(both, tiny_screen.expression).with_known_assays()
    lines = tiny_screen.expression.index
    frame = pd.DataFrame({"cell_line_id": [*lines] * 2, "drug_id": np.repeat(["one", "other"], len(lines))})
    pairs = as_pairs(frame, inputs)
    prior = fit.predict(inputs, pairs)
    apart = 2 * fit.features.response_std * np.where(frame["drug_id"] == "one", 1, -1)  # as far as two assays may be
    measured = np.flatnonzero(np.arange(len(frame)) % 2)
    labelled = replace(pairs, response=torch.as_tensor(prior.mean + apart)).select(torch.as_tensor(measured))
    updated = UpdatedFit(fit, inputs, labelled, prior[measured], BatchEffects(by_drug=2.0))
    found = updated.predict(inputs, pairs, prior)
    moved = pd.Series(found.mean - prior.mean).groupby(frame["drug_id"]).mean() / fit.features.response_std
    assert moved["one"] > 1.5 and moved["other"] < -1.5
    # 200 draws: a correlation of 0 is within 0.25 of it but for four times in ten thousand
    unmeasured = UpdatedFit(fit, inputs, labelled.select(torch.arange(0)), prior[:0], BatchEffects(by_drug=9.0))
    apart_draws = unmeasured.predict(inputs, pairs, prior).joint_draws.draw(np.random.default_rng(0), 200)
    one, other = pd.DataFrame(apart_draws).T.groupby(frame["drug_id"]).mean().to_numpy()
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.25


@pytest.mark.parametrize("name", ["deterministic", "variational", "deep_ensemble", "ridge"])
def test_a_method_whose_moments_are_not_those_of_one_last_layer_cannot_be_updated(fit_of, name):
    assert not fit_of(name).can_update
    assert fit_of("last_layer").can_update
