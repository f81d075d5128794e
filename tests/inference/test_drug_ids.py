"""A drug id is an assay: two of one compound are each predicted as they respond, a third as the compound does.

Twenty drugs of the simulated screen are measured under three ids, as on other plates or in other doses: every response
is shifted by what that assay adds, and has noise of its own. The third ids are in the test part alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from bdrp.data.screen import Screen
from bdrp.features import molecules
from bdrp.features.batch import Batch, Inputs
from bdrp.features.drugs import DrugRelations
from bdrp.inference.method import Fitted, Runtime
from bdrp.predictive import JointPosterior
from bdrp.testing.screens import batch_of, cut_simulated

COMPOUNDS = 20
SHIFT, NOISE = 1.0, 0.3  # SDs, in ln units; those of the drugs' means are 2
SURER = ("last_layer", "ridge", "mean_effects", "gaussian_process")  # of a known compound than of an unknown one
METHODS = (*SURER, "random_forest", "conformal_forest", "factor_analysis")


class Assays(NamedTuple):
    """The screen as tensors, with the table of its training and of its test part."""

    batch: Batch
    train: pd.DataFrame
    test: pd.DataFrame


@pytest.fixture(scope="module")
def assays() -> Assays:
    """48 lines, 30 drugs, 20 of them under three ids; a fifth of the pairs of the trained ids is for the test."""
    draw, whole = np.random.default_rng(6), cut_simulated("assays", 48, 30, 80, step=3)
    twins, of = whole.drugs.index[:COMPOUNDS], whole.responses["drug_id"]
    single = ~of.isin(twins)
    responses, drugs = [whole.responses[single]], [whole.drugs.drop(twins)]
    for name in ("first", "second", "third"):
        again = whole.responses[~single].copy()
        shift = pd.Series(SHIFT * draw.standard_normal(COMPOUNDS), twins)
        again["response"] += again["drug_id"].map(shift) + NOISE * draw.standard_normal(len(again))
        responses.append(again.assign(drug_id=again["drug_id"] + " " + name))
        drugs.append(whole.drugs.loc[twins].set_axis(twins + " " + name))
    table = pd.concat(responses, ignore_index=True).assign(lower_limit=np.nan, upper_limit=np.nan)
    tables = pd.concat(drugs).rename_axis("drug_id"), whole.cell_lines, whole.expression
    unseen = table["drug_id"].str.endswith("third").to_numpy()
    held_out = unseen | (draw.random(len(table)) < 0.2)
    batch = batch_of(
        Screen("assays", whole.measure, table, *tables), np.where(held_out, "test", "train"), components=12
    )
    return Assays(batch, table[~held_out], table[held_out])


@pytest.fixture(scope="module")
def fit_of(assays: Assays, make_method: Callable[..., Any]) -> Callable[[str], Fitted]:
    """`fit_of(name)`: a small method fitted once."""

    @cache
    def fit(name: str) -> Fitted:
        options = {"lines": "known", "epochs": 8} if name == "last_layer" else {}
        fitted: Fitted = make_method(name, **options).fit(assays.batch, Runtime())
        return fitted

    return fit


def judge(fitted: Fitted, assays: Assays) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test rows of the first and second ids, and of the third, with what was predicted for them."""
    pred = fitted.predict(assays.batch.inputs, assays.batch.test)
    low, high = pred.interval(0.9).T
    response = assays.test["response"].to_numpy()
    rows = assays.test.assign(
        mean=pred.mean,
        error=pred.mean - response,
        epistemic=pred.epistemic,
        variance=pred.variance,
        covered=(low <= response) & (response <= high),
    )
    trained, third = (rows["drug_id"].str.endswith(ids) for ids in (("first", "second"), "third"))
    return rows[trained], rows[third]


def by_id(rows: pd.DataFrame, column: str) -> pd.Series:
    """The mean of each drug id over its lines."""
    return rows.groupby("drug_id")[column].mean()


def by_compound(level: pd.Series) -> pd.Series:
    """The mean of each compound over its ids."""
    return level.groupby(level.index.str.split().str[0]).mean()


@pytest.mark.parametrize("name", METHODS)
def test_each_of_two_ids_is_covered_where_it_lies(name: str, fit_of: Callable[[str], Fitted], assays: Assays) -> None:
    twins, _ = judge(fit_of(name), assays)
    # 90 % of some 300 pairs are to be covered, before any recalibration; this is six standard errors below
    assert twins["covered"].mean() > 0.8
    # one effect for both would err by half of what lies between the two, on opposite sides
    error = by_id(twins, "error").to_numpy().reshape(COMPOUNDS, 2)
    truth = by_id(twins, "response").to_numpy().reshape(COMPOUNDS, 2)
    assert np.mean(np.diff(error) ** 2) < 0.4 * np.mean(np.diff(truth) ** 2)


@pytest.mark.parametrize("name", METHODS)
def test_an_unseen_id_has_its_compounds_mean_and_is_wider_and_covered(
    name: str, fit_of: Callable[[str], Fitted], assays: Assays
) -> None:
    twins, third = judge(fit_of(name), assays)
    measured = by_compound(by_id(assays.train, "response")).iloc[:COMPOUNDS]
    predicted = by_compound(by_id(third, "mean"))
    assert list(predicted.index) == list(measured.index)
    assert np.corrcoef(predicted, measured)[0, 1] > 0.95
    assert float(((predicted - measured) ** 2).mean()) < 0.15 * float(measured.var())
    assert third["epistemic"].mean() > 1.5 * twins["epistemic"].mean()
    assert third["variance"].mean() > 1.2 * twins["variance"].mean()
    # Pairs of an id err together, so that 20 ids count as 20. With nine of ten covered, fewer than 13 of them are so
    # once in 2,000 times; the mean square of 20 standard normals is above 2.3 or below 0.2 once in 1,000.
    assert third["covered"].mean() > 0.65
    assert 0.2 < float((by_id(third, "error") ** 2 / by_id(third, "epistemic")).mean()) < 2.3


@pytest.mark.parametrize("name", METHODS)
def test_an_unseen_id_of_a_known_compound_is_predicted_better_than_a_drug_of_which_nothing_is_known(
    name: str, fit_of: Callable[[str], Fitted], assays: Assays
) -> None:
    fitted, inputs = fit_of(name), assays.batch.inputs
    drugs = len(inputs.drug_ids)
    unknown = replace(
        inputs,
        molecules=molecules.graphs(["C"] * drugs),
        relations=DrugRelations.unrelated(drugs, len(fitted.features.drugs)),
    )
    third = assays.batch.test.select(
        torch.as_tensor(np.flatnonzero(assays.test["drug_id"].str.endswith("third").to_numpy()))
    )

    def error(of: Inputs) -> float:
        return float(np.square(fitted.predict(of, third).mean - third.response.numpy()).mean())

    assert error(inputs) < 0.7 * error(unknown)
    if name in SURER:  # trees know of nothing that they have not seen, and factors of no compound
        epistemic = [float(fitted.predict(of, third).epistemic.mean()) for of in (inputs, unknown)]
        assert epistemic[0] < 0.8 * epistemic[1]


def test_two_ids_of_one_compound_share_network_and_line_alone(fit_of: Callable[[str], Fitted], assays: Assays) -> None:
    fitted, rows = fit_of("last_layer"), assays.batch.train
    drugs = np.asarray(assays.batch.inputs.drug_ids)[rows.drug.numpy()]
    line = rows.line.numpy()
    compound = drugs[np.char.endswith(drugs.astype(str), "first")][0].split()[0]
    one, two = (np.flatnonzero(drugs == f"{compound} {name}") for name in ("first", "second"))
    posterior = fitted.posterior_of(assays.batch.inputs, rows.select(torch.as_tensor(np.concatenate([one, two]))))
    assert isinstance(posterior, JointPosterior)
    covariance = posterior.covariance(posterior)
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    other_line = np.not_equal.outer(line[one], line[two])
    within, across = correlation[: len(one), : len(one)], correlation[: len(one), len(one) :]
    assert np.abs(across[other_line]).mean() < 0.5 * np.abs(within[~np.eye(len(one), dtype=bool)]).mean()
