from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.predictive import Normal
from bdrp.studies.drug_offsets import fit_drug_offsets


def simulated(drugs=60, a_drug=8, seed=0, between=1.5, within=0.8):
    """A prediction of 0, responses that are off by 2, by drug and by pair, and the drugs' offsets."""
    rng = np.random.default_rng(seed)
    drug = np.repeat(np.arange(drugs), a_drug)
    keys = pd.DataFrame({"cell_line_id": [f"L{i}" for i in range(len(drug))], "drug_id": [f"D{d}" for d in drug]})
    offset = between * rng.standard_normal(drugs)
    response = 2 + offset[drug] + within * rng.standard_normal(len(drug))
    return Normal(keys, "ln_ic50_um", np.zeros(len(drug)), np.ones(len(drug)), np.ones(len(drug))), response, offset


def test_the_level_and_both_sds_are_found_again():
    pred, response, offset = simulated()
    found = fit_drug_offsets(pred, response, np.zeros(len(response)))
    # standard errors: 1.5 / sqrt(60) = 0.2, 1.5 / sqrt(120) = 0.14, 0.8 / sqrt(840) = 0.03; three of each
    assert found.overall == pytest.approx(2, abs=0.6)
    assert found.between == pytest.approx(1.5, abs=0.42)
    assert found.within == pytest.approx(0.8, abs=0.09)
    moved = found(pred)
    assert np.corrcoef(moved.mean[::8], offset)[0, 1] > 0.95


def test_offsets_are_drawn_to_the_level_as_the_formula_says():
    pred, response, _ = simulated(drugs=20, a_drug=4)
    found = fit_drug_offsets(pred, response, np.zeros(len(response)))
    mean = response.reshape(20, 4).mean(1)
    kept = 4 * found.between**2 / (4 * found.between**2 + found.within**2)
    np.testing.assert_allclose(found(pred).mean[::4], found.overall + kept * (mean - found.overall), rtol=1e-6)
    level = (found.between**2 + found.within**2 / 4) / 20
    assert found.overall_std**2 == pytest.approx(level)
    expected = found.between**2 * (1 - kept) + (1 - kept) ** 2 * level
    np.testing.assert_allclose(found(pred).epistemic[::4], expected, rtol=1e-6)


def test_the_variance_between_drugs_is_that_of_an_analysis_of_variance():
    # Balanced: the restricted likelihood is highest at the mean squares (Searle, Casella & McCulloch 1992).
    pred, response, _ = simulated(drugs=6, a_drug=5)
    found, table = fit_drug_offsets(pred, response, np.zeros(30)), response.reshape(6, 5)
    within = table.var(axis=1, ddof=1).mean()
    assert found.within**2 == pytest.approx(within, rel=1e-3)
    assert found.between**2 == pytest.approx(table.mean(1).var(ddof=1) - within / 5, rel=1e-3)


def test_one_labelled_drug_leaves_others_unknown():
    pred, response, _ = simulated(drugs=1, a_drug=20)
    found = fit_drug_offsets(pred, response, np.zeros(20))
    assert found.between == pytest.approx(response.std(), rel=1e-3)  # which nothing was learned of
    other = Normal(pd.DataFrame({"cell_line_id": ["x"], "drug_id": ["new"]}), "ln_ic50_um", [5.0], [1.0], [1.0])
    assert found(other).epistemic_std[0] > found.between
    assert found(pred).epistemic_std[0] < 0.4 * found.between


def test_a_drug_without_a_labelled_pair_takes_the_level_and_the_whole_variance():
    pred, response, _ = simulated()
    found = fit_drug_offsets(pred, response, np.zeros(len(response)))
    other = Normal(pd.DataFrame({"cell_line_id": ["x"], "drug_id": ["new"]}), "ln_ic50_um", [5.0], [1.0], [1.0])
    assert found(other).mean[0] == pytest.approx(5 + found.overall)
    assert found(other).epistemic[0] == pytest.approx(found.between**2 + found.overall_std**2)


def test_capped_responses_are_imputed():
    pred, response, _ = simulated(drugs=80, a_drug=10)
    capped, side = np.minimum(response, 2.0), np.where(response > 2.0, 1.0, 0.0)
    naive = fit_drug_offsets(pred, capped, np.zeros(len(side)))
    found = fit_drug_offsets(pred, capped, side)
    assert naive.overall < 1.5  # half of the responses stand at the cap
    assert found.overall == pytest.approx(2, abs=0.5)
    assert found.between > 1.2 * naive.between


def test_two_pairs_are_enough():
    pred, response, _ = simulated(drugs=2, a_drug=1)
    moved = fit_drug_offsets(pred, response, np.zeros(2))(pred)
    assert np.isfinite(moved.mean).all() and (moved.std > 0).all()
