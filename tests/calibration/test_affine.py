from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp import calibration
from bdrp.calibration import affine
from bdrp.calibration.affine import SLOPE_SD
from bdrp.errors import DataError
from bdrp.predictive import Normal, StudentT


def prediction(n, seed=0, dof=None):
    rng = np.random.default_rng(seed)
    keys = pd.DataFrame({"cell_line_id": [f"L{i}" for i in range(n)], "drug_id": "D"})
    moments = 2 * rng.standard_normal(n), rng.uniform(0.3, 0.8, n), rng.uniform(0.1, 0.4, n)
    if dof is None:
        return Normal(keys, "ln_ic50_um", *moments)
    return StudentT(keys, "ln_ic50_um", *moments, dof)


@pytest.mark.parametrize("dof", [None, 4.0])
def test_an_offset_a_slope_and_a_factor_are_found_again(dof):
    pred = prediction(4000, dof=dof)
    draw = pred.sample(1, 1)[0]
    found = calibration.fit("affine", pred, 1.5 + 0.7 * pred.mean + 1.4 * (draw - pred.mean))
    # standard errors 0.02, 0.01 and 0.02 (0.03 for the t); the bounds are four of them or more
    assert found.offset == pytest.approx(1.5, abs=0.08)
    assert found.slope == pytest.approx(0.7, abs=0.04)
    assert found.factor == pytest.approx(1.4, abs=0.12)


def test_for_a_normal_it_is_weighted_least_squares_with_one_more_row_for_the_prior():
    pred = prediction(50)
    response = 0.4 + 0.6 * pred.sample(1, 2)[0]
    found = calibration.fit("affine", pred, response)
    weight = 1 / (found.factor * pred.std)
    design = np.vstack([weight[:, None] * np.stack([np.ones(50), pred.mean], axis=1), [0, 1 / SLOPE_SD]])
    offset, slope = np.linalg.lstsq(design, np.append(weight * response, 1 / SLOPE_SD), rcond=None)[0]
    assert found.slope == pytest.approx(slope, abs=1e-3)
    assert found.offset == pytest.approx(offset, abs=1e-3)
    left = (response - offset - slope * pred.mean) / pred.std
    assert found.factor == pytest.approx(np.sqrt(np.mean(left**2)), rel=1e-3)


def test_an_outlier_among_twenty_pairs_does_not_tilt_the_scale():
    pred = prediction(20, dof=4.0)
    response = pred.mean.copy()
    response[np.argmax(pred.mean)] -= 12
    assert calibration.fit("affine", pred, response + 0.5 * pred.sample(1, 5)[0] - 0.5 * pred.mean).slope > 0.7


def test_a_few_pairs_move_the_level_alone():
    pred = prediction(5)
    assert calibration.fit("affine", pred, pred.mean + [0.9, 1.0, 1.1, 1.2, 0.8]).slope == 1


def test_a_prediction_is_never_turned_over():
    pred = prediction(200)
    found = calibration.fit("affine", pred, -pred.mean + 0.1 * pred.sample(1, 3)[0])
    assert found.slope < 0.01


@pytest.mark.parametrize("name", ["offset", "slope", "factor"])
def test_a_spoiled_number_is_refused(name):
    pred = prediction(20)
    stored = calibration.fit("affine", pred, pred.sample(1, 4)[0]).to_json()
    with pytest.raises(DataError, match=name):
        calibration.from_json({**stored, name: "much"})


@pytest.mark.parametrize("dof", [None, 4.0])
def test_capped_responses_count_by_the_probability_of_lying_beyond_the_cap(dof):
    pred = prediction(4000, dof=dof)
    draw = pred.sample(1, 1)[0]
    response = 1.5 + 0.7 * pred.mean + 1.4 * (draw - pred.mean)
    capped, side = np.minimum(response, 1.5), (response > 1.5).astype(float)
    assert 0.4 < side.mean() < 0.6
    found, naive = affine.fit(pred, capped, side=side), affine.fit(pred, capped)
    # half of the responses say little: the standard errors of the test above times two at most
    assert found.offset == pytest.approx(1.5, abs=0.15)
    assert found.slope == pytest.approx(0.7, abs=0.08)
    assert found.factor == pytest.approx(1.4, abs=0.2)
    assert naive.offset < 1.2


@pytest.mark.parametrize("measured", [0, 1])
def test_responses_that_nearly_all_stand_at_the_cap_move_little(measured):
    # Caps alone would be most likely under a level as high, or noise as small, as can be.
    pred = prediction(20, dof=4.0)
    side = np.where(np.arange(20) < measured, 0.0, 1.0)
    cap = pred.mean.mean() - np.where(side == 0, 1.0, 0.0)
    found = affine.fit(pred, cap, side=side)
    assert 0.3 < found.factor < 3
    assert abs(found(pred).mean.mean() - pred.mean.mean()) < 3 * pred.std.mean()
