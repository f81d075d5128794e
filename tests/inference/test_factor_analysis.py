"""Factor analysis against a table of known rank, against sampling, and where a line or a drug was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from bdrp.data.screen import Screen
from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch
from bdrp.inference.factor_analysis import FactorAnalysisFit, FactorAnalysisMethod
from bdrp.inference.method import Runtime

NOISE = 0.4


@pytest.fixture(scope="module")
def rank_one(tiny_screen: Screen, make_batch: Callable[..., Batch]) -> tuple[Batch, np.ndarray]:
    """Every line with every drug: level + sensitivity + one factor + noise, a fifth held out; and the truth of each."""
    rng = np.random.default_rng(0)
    responses = tiny_screen.responses.drop_duplicates(["cell_line_id", "drug_id"]).reset_index(drop=True)
    line, drug = (responses[key].astype("category").cat.codes.to_numpy() for key in ("cell_line_id", "drug_id"))
    lines, drugs = line.max() + 1, drug.max() + 1
    u, g = rng.normal(size=(lines, 2)) * [0.5, 1.0], rng.normal(size=drugs)
    truth = (rng.normal(size=drugs) * 2)[drug] + u[line, 0] + u[line, 1] * g[drug]
    responses["response"] = truth + NOISE * rng.normal(size=len(truth))
    responses[["lower_limit", "upper_limit"]] = np.nan
    parts = (tiny_screen.measure, responses, tiny_screen.drugs, tiny_screen.cell_lines, tiny_screen.expression)
    held_out = np.arange(len(truth)) % 5 == 0
    return make_batch(Screen("low rank", *parts), np.where(held_out, "test", "train")), truth[held_out]


@pytest.fixture(scope="module")
def fitted(rank_one: tuple[Batch, np.ndarray]) -> FactorAnalysisFit:
    return FactorAnalysisMethod(rank=3).fit(rank_one[0], Runtime())


def test_missing_entries_of_a_table_of_low_rank_are_found(
    rank_one: tuple[Batch, np.ndarray], fitted: FactorAnalysisFit
) -> None:
    batch, truth = rank_one
    pred = fitted.predict(batch.inputs, batch.test)
    error = np.sqrt(np.mean((pred.mean - truth) ** 2))
    # seven responses tell a line's two numbers to noise * sqrt(2 / 7), a half; twelve drugs' numbers add some
    assert error < NOISE < 0.2 * truth.std()
    assert error == pytest.approx(np.sqrt(pred.epistemic.mean()), rel=0.5)
    assert np.sqrt(pred.aleatoric.mean()) == pytest.approx(NOISE, rel=0.3)


def test_an_unseen_line_has_the_drugs_level_and_an_unseen_drug_the_lines_sensitivity(
    rank_one: tuple[Batch, np.ndarray], fitted: FactorAnalysisFit
) -> None:
    batch, _ = rank_one
    inputs, part = batch.inputs, fitted.state()
    nameless = replace(inputs, line_effect=torch.full_like(inputs.line_effect, -1))
    level = part["drug_mean"][inputs.drug_effect[batch.test.drug], 0].double()
    expected = batch.features.response_mean + batch.features.response_std * level.numpy()
    assert fitted.predict(nameless, batch.test).mean == pytest.approx(expected, abs=1e-6)
    strange = replace(
        inputs,
        drug_effect=torch.full_like(inputs.drug_effect, -1),
        relations=inputs.relations.unrelated(len(inputs.drug_ids), len(batch.features.compounds)),
    )
    sensitivity = part["line_mean"][inputs.line_effect[batch.test.line], 1].double()
    expected = batch.features.response_mean + batch.features.response_std * sensitivity.numpy()
    assert fitted.predict(strange, batch.test).mean == pytest.approx(expected, abs=1e-6)


def test_an_unseen_id_of_a_compound_borrows_its_mean_and_is_less_certain(
    rank_one: tuple[Batch, np.ndarray], fitted: FactorAnalysisFit
) -> None:
    batch, _ = rank_one
    other = replace(batch.inputs, drug_effect=torch.full_like(batch.inputs.drug_effect, -1))
    known, borrowed = (fitted.predict(inputs, batch.test) for inputs in (batch.inputs, other))
    assert borrowed.mean == pytest.approx(known.mean, abs=1e-6)
    assert (borrowed.epistemic > 2 * known.epistemic).all()


def test_two_pairs_of_one_line_covary_as_draws_of_its_factors_say(
    rank_one: tuple[Batch, np.ndarray], fitted: FactorAnalysisFit
) -> None:
    """By sampling u and g apart from the code: covariances of 20,000 draws, to five standard errors of a product."""
    batch, _ = rank_one
    line = int(batch.inputs.line_effect[batch.test.line[0]])
    rows = batch.test.select(torch.nonzero(batch.inputs.line_effect[batch.test.line] == line)[:2, 0])
    part, rng = {name: value.double().numpy() for name, value in fitted.state().items()}, np.random.default_rng(0)
    u = rng.multivariate_normal(part["line_mean"][line], part["line_covariance"][line], 20_000, method="eigh")
    at = batch.inputs.drug_effect[rows.drug].tolist()
    g = [
        rng.multivariate_normal(part["drug_mean"][drug], part["drug_covariance"][drug], 20_000, method="eigh")
        for drug in at
    ]
    drawn = batch.features.response_std * np.stack([(u * each).sum(1) for each in g])
    posterior = fitted.posterior_of(batch.inputs, rows)
    expected, sd = np.cov(drawn), drawn.std(1)
    assert np.abs(posterior.covariance(posterior) - expected).max() < 5 * sd.max() ** 2 * np.sqrt(2 / 20_000)


def test_a_rank_beyond_drugs_and_lines_is_cut_to_them(rank_one: tuple[Batch, np.ndarray]) -> None:
    batch, _ = rank_one
    state = FactorAnalysisMethod(rounds=1).fit(batch, Runtime()).state()
    assert state["drug_mean"].shape == (13, 2 + 12)


def test_noise_that_is_none_and_tensors_of_another_kind_are_refused(
    rank_one: tuple[Batch, np.ndarray], fitted: FactorAnalysisFit
) -> None:
    method, state = FactorAnalysisMethod(rank=3), fitted.state()
    for wrong in ({"noise": -state["noise"]}, {"line_mean": state["line_mean"].double()}):
        with pytest.raises(ModelFolderError, match="with noise above 0"):
            method.restore(rank_one[0].features, state | wrong)


@pytest.mark.parametrize("option", ["rank", "rounds"])
def test_options_that_cannot_be_are_refused(option: str) -> None:
    with pytest.raises(FitError, match=f"{option} is 0"):
        FactorAnalysisMethod(**{option: 0})
